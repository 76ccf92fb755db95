"""Installs a newer pyuwsgi for a trial, in a scratch environment that sees the packages of the user's app."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from functools import cache
from pathlib import Path

from packaging.version import Version

from stacks.catalogue import interpreters, load, venvs
from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.version_order import is_before
from stacks.check.diagnosis import THREAD_STATE_FIXED, hangs_at_every_fork
from stacks.check.options import Options
from stacks.check.server import LIMIT_S, Server, app_interpreter, identify

SITE_PACKAGES_CODE = (
    "import json, sys; print(json.dumps([p for p in sys.path if p.endswith(('site-packages', 'dist-packages'))]))"
)
# What prevents an upgrade. The trial of the upgrade says it.
ERRORS = (venvs.VenvError, interpreters.NotFound, OSError, ValueError, subprocess.SubprocessError)


def newest_pyuwsgi() -> str:
    """Return the newest version of pyuwsgi in versions.toml."""
    return max((v.pin for v in load().versions.values() if v.package == "pyuwsgi"), key=Version)


def prepare_upgrade(uwsgi: Path, version: str, options: Options, private: Path) -> threading.Thread:
    """Begin to install the newest pyuwsgi if a trial will need it: this version is known to hang with these options.

    The thread that is returned installs it while the configuration is measured. `install_upgrade` waits for it.
    """

    def prepare() -> None:
        if not is_before(version, THREAD_STATE_FIXED):
            return  # `identify` starts the interpreter, which is not needed to know this
        with contextlib.suppress(*ERRORS):
            server = identify(uwsgi, version, "")
            if hangs_at_every_fork(server, options):
                install_upgrade(server, newest_pyuwsgi(), options, private)

    thread = threading.Thread(target=prepare, daemon=True)
    thread.start()
    return thread


def install_upgrade(server: Server, pin: str, options: Options, private: Path) -> Path:
    """Return the uwsgi of pyuwsgi `pin`, in an environment below `private` for the Python of `server`.

    Raise one of ERRORS.
    """
    return _install(server.minor, pin, app_interpreter(server, options), private)


@cache  # several remedies contain the upgrade
def _install(python: str, pin: str, interpreter: Path | None, private: Path) -> Path:
    """Install it, with the packages that `interpreter` has."""
    venv = venvs.ensure(python, "pyuwsgi", pin, venvs=private / "venvs")
    if interpreter is not None:
        done = run_bounded([interpreter, "-c", SITE_PACKAGES_CODE], LIMIT_S)
        lines = [f"import site; site.addsitedir({folder!r})" for folder in json.loads(done.stdout)]
        site_packages = next((venv.path / "lib").glob("python3*/site-packages"))
        (site_packages / "user_packages.pth").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return venv.uwsgi
