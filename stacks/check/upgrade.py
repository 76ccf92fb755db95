"""Installs a newer pyuwsgi for a trial, in a scratch environment that sees the packages of the user's app."""

from __future__ import annotations

import json
from pathlib import Path

from packaging.version import Version

from stacks.catalogue import load, venvs
from stacks.catalogue.bounded_command import run_bounded
from stacks.check.options import Options
from stacks.check.server import LIMIT_S, Server, app_interpreter

SITE_PACKAGES_CODE = (
    "import json, sys; print(json.dumps([p for p in sys.path if p.endswith(('site-packages', 'dist-packages'))]))"
)


def newest_pyuwsgi() -> str:
    """Return the newest version of pyuwsgi in versions.toml."""
    return max((v.pin for v in load().versions.values() if v.package == "pyuwsgi"), key=Version)


def install_upgrade(server: Server, pin: str, options: Options, scratch: Path) -> Path:
    """Return the uwsgi of pyuwsgi `pin`, in an environment below `scratch` for the Python of `server`.

    Raise VenvError, and what asking the app's interpreter raises: OSError, ValueError or TimeoutExpired.
    """
    venv = venvs.ensure(server.minor, "pyuwsgi", pin, venvs=scratch)
    interpreter = app_interpreter(server, options)
    if interpreter is not None:
        done = run_bounded([interpreter, "-c", SITE_PACKAGES_CODE], LIMIT_S)
        lines = [f"import site; site.addsitedir({folder!r})" for folder in json.loads(done.stdout)]
        site_packages = next((venv.path / "lib").glob("python3*/site-packages"))
        (site_packages / "user_packages.pth").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return venv.uwsgi
