"""Identifies the user's uWSGI: pyuwsgi from a wheel or the standalone binary, its version, and its Python."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stacks.catalogue import venvs
from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.version_order import build_of
from stacks.check.options import Options

LIMIT_S = 20.0
HEAD_BYTES = 4096
_PYTHON = re.compile(r"^Python version: (\d+\.\d+\.\d+\S*)", re.MULTILINE)
_FREE_THREADED = re.compile(r"^Python version: .*free-threading build", re.MULTILINE)


@dataclass(frozen=True)
class Server:
    """The facts about a uWSGI binary."""

    uwsgi: Path
    version: str  # as --version prints it
    pin: str | None  # the version of pyuwsgi if the binary is a script of pyuwsgi
    python: str | None  # 3.12.1
    interpreter: Path | None
    is_free_threaded: bool = False  # built to run without the GIL, as its log says

    @property
    def minor(self) -> str:
        """3.12, or '' if the Python is unknown."""
        return ".".join((self.python or "").split(".")[:2])

    def describe(self) -> str:
        """Return a name for people, such as "pyuwsgi 2.0.26 on Python 3.12.1"."""
        name = f"pyuwsgi {self.pin}" if self.pin else f"uWSGI {self.version}"
        if not self.pin and (build := build_of(self.version)):
            name += f", {build},"
        kind = "free-threaded " if self.is_free_threaded else ""
        return f"{name} on {kind}Python {self.python or '(unknown)'}"


def identify(uwsgi: Path, version: str, log: str) -> Server:
    """Return the facts about a binary, from its first bytes, from its interpreter, and from the log of a run."""
    with uwsgi.open("rb") as file:
        head = file.read(HEAD_BYTES)
    match, is_free_threaded = _PYTHON.search(log), bool(_FREE_THREADED.search(log))
    python = match[1] if match else None
    if head.startswith(b"#!") and b"pyuwsgi" in head:
        interpreter = Path(head.splitlines()[0][2:].decode(errors="replace").strip().split(" ")[0])
        try:
            done = run_bounded([interpreter, "-I", "-c", venvs.INSPECT_CODE, "pyuwsgi"], LIMIT_S)
            python_full, pin = json.loads(done.stdout)
            return Server(uwsgi, version, pin, python_full, interpreter, is_free_threaded)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            return Server(uwsgi, version, version, python, interpreter, is_free_threaded)
    # A standalone binary that pip has put into a venv has the venv's Python beside it, and that of a distribution has
    # the Python that its plugin is made for.
    names = [*([f"python{'.'.join(python.split('.')[:2])}"] if python else []), "python"]
    beside = (uwsgi.parent / name for name in names)
    found = next((path for path in beside if path.exists()), None)
    return Server(uwsgi, version, None, python, found, is_free_threaded)


def app_interpreter(server: Server, options: Options) -> Path | None:
    """Return the Python that has the packages of the app, or None if it is unknown."""
    for key, value in options:
        if key in ("virtualenv", "venv", "home", "pyhome") and (Path(value) / "bin" / "python").exists():
            return Path(value) / "bin" / "python"
    return server.interpreter
