"""Makes the virtual environment of each server under test with uv; owns `.venvs/<python>-<package>-<pin>`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.catalogue import interpreters
from stacks.catalogue.bounded_command import CommandRunner, run_bounded
from stacks.catalogue.file_lock import LockTimeout, hold_lock
from stacks.catalogue.interpreter_places import FREE_THREADED
from stacks.catalogue.paths import ROOT
from stacks.catalogue.server_packages import HAS_WHEELS, INSTALL_S
from stacks.catalogue.uv import explain_failure, find_uv, last_line
from stacks.catalogue.uv_pip import run_uv

VENVS = Path(os.environ.get("PACK_VENVS") or ROOT / ".venvs").absolute()  # the launcher names the working directory
MARKER = "complete.json"  # written last: a directory without it is half made
NO_UV = "uv is missing, both beside this Python and on PATH: run `make setup`."

INSPECT_S = 60.0  # it takes 0.1 s; on a busy machine it may wait for a CPU
LOCK_S = INSTALL_S + 60.0 + 2 * INSPECT_S  # the holder of the lock finishes after one installation at most

# Run by the interpreter of the environment itself. It prints the versions that are really installed there.
INSPECT_CODE = (
    "import importlib.metadata, json, platform, sys; "
    "print(json.dumps([platform.python_version(), importlib.metadata.version(sys.argv[1])]))"
)


class Unusable(Exception):
    """An environment cannot be used; the text says why."""


class VenvError(Exception):
    """An environment cannot be made, or the package index cannot be asked; the text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Venv:
    """An environment with one server in it, and the versions that are really installed there."""

    path: Path
    python: Path
    uwsgi: Path
    python_full: str  # 3.12.1
    package_version: str  # 2.0.30.post1


def ensure(
    python: str,
    package: str,
    pin: str,
    beside: Sequence[str] = (),
    *,
    venvs: Path = VENVS,
    run: CommandRunner = run_bounded,
) -> Venv:
    """Return the environment with version `pin` of a server package for a Python, and make it if it is missing.

    `beside` are further packages with exact pins. They are installed with their dependencies, and the environment
    has a name of its own. Two processes may ask for the same environment at the same time. Raise VenvError.
    """
    if package not in HAS_WHEELS:
        raise VenvError(f"{package!r} is not a server package this pack knows; there are {' and '.join(HAS_WHEELS)}.")
    if not re.fullmatch(rf"\d+\.\d+{FREE_THREADED}?", python) or not re.fullmatch(r"\d[0-9A-Za-z.+!]*", pin):
        raise VenvError(f"Python {python!r} with {package} {pin!r} is no exact version; write 3.12 and 2.0.30.post1.")
    path = venvs / "+".join([f"{python}-{package}-{pin}", *beside])
    try:
        venvs.mkdir(parents=True, exist_ok=True)
        with hold_lock(venvs / f".{path.name}.lock", LOCK_S) as lock:
            return read_existing(path, package, run) or make(path, python, package, pin, beside, run, lock)
    except LockTimeout as error:
        raise VenvError(str(error)) from None
    except OSError as error:
        raise VenvError(f"{path} cannot be made ({error.strerror or error}).") from None


def read_existing(path: Path, package: str, run: CommandRunner) -> Venv | None:
    """Return the environment at `path` if it is finished and unchanged since its marker was written, otherwise None.

    The interpreter below it can vanish or change, and a person can replace the server. In a clone that was moved,
    the scripts still start what lies at the old place. Raise VenvError if that cannot be known.
    """
    try:
        marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    try:
        venv = inspect(path, package, run)
    except Unusable:
        return None
    return venv if marker == as_marker(venv) else None


def make(path: Path, python: str, package: str, pin: str, beside: Sequence[str], run: CommandRunner, lock: int) -> Venv:
    """Remove whatever is at `path`, and make the environment there. Raise VenvError."""
    try:
        interpreter = interpreters.find(python)
    except interpreters.NotFound as missing:
        raise VenvError(str(missing)) from None
    uv = find_uv()
    if uv is None:
        raise VenvError(NO_UV)
    if path.exists():
        shutil.rmtree(path)

    def require_success(done: subprocess.CompletedProcess[str]) -> None:
        if done.returncode != 0:
            raise VenvError(explain_failure(done.stderr, python, package, pin))

    try:
        # uv inherits the lock: while a uv of a killed run still works here, no other process starts to.
        for command in _server_commands(uv, interpreter, path, package, pin):
            require_success(run_uv(command, package, run, [lock]))
        if beside:
            require_success(run(_beside_command(uv, path, beside), INSTALL_S, [lock]))
    except subprocess.TimeoutExpired:
        raise VenvError(f"installing {package} {pin} took longer than {INSTALL_S:.0f} s.") from None
    try:
        venv = inspect(path, package, run)
    except Unusable as reason:
        raise VenvError(f"{path} was made by uv, but {package} {pin} cannot be used in it ({reason}).") from None
    (path / MARKER).write_text(json.dumps(as_marker(venv)) + "\n", encoding="utf-8")
    return venv


def _server_commands(uv: Path, interpreter: Path, path: Path, package: str, pin: str) -> list[list[str | Path]]:
    # --no-cache for an sdist: uv would take a binary built against another 3.12, which has that one's libpython inside.
    how = ["--only-binary", ":all:"] if HAS_WHEELS[package] else ["--no-cache"]
    options = ["--quiet", "--no-progress", "--no-compile-bytecode", "--no-deps", *how]
    return [
        [uv, "venv", "--quiet", "--no-project", "--no-python-downloads", "--python", interpreter, path],
        [uv, "pip", "install", *options, "--python", path / "bin" / "python", f"{package}=={pin}"],
    ]


def _beside_command(uv: Path, path: Path, beside: Sequence[str]) -> list[str | Path]:
    options = ["--quiet", "--no-progress", "--no-compile-bytecode", "--only-binary", ":all:"]
    return [uv, "pip", "install", *options, "--python", path / "bin" / "python", *beside]


def inspect(path: Path, package: str, run: CommandRunner) -> Venv:
    """Return the environment at `path` as its own interpreter describes it.

    Raise Unusable, which says why not. Raise VenvError if the interpreter does not answer: it may only wait for a CPU,
    so that is no reason to make again an environment that other runs may use.
    """
    python, uwsgi = path / "bin" / "python", path / "bin" / "uwsgi"
    try:
        done = run([python, "-I", "-c", INSPECT_CODE, package], INSPECT_S)
    except OSError as error:
        raise Unusable(f"{python}: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise VenvError(f"{python} did not answer within {INSPECT_S:.0f} s; is this machine very busy?") from None
    try:
        python_full, package_version = json.loads(done.stdout)
    except ValueError:
        raise Unusable(f"{python}: {last_line(done.stderr)}, exit code {done.returncode}") from None
    if not os.access(uwsgi, os.X_OK):
        raise Unusable(f"{uwsgi} cannot be executed")
    return Venv(path, python, uwsgi, python_full, package_version)


def as_marker(venv: Venv) -> dict[str, Any]:
    """Return the content of the marker file: the versions, and the place, because scripts contain it."""
    return {"path": str(venv.path), "python_full": venv.python_full, "package_version": venv.package_version}
