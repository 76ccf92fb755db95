"""Makes the virtual environment of each server under test with uv; owns `.venvs/<python>-<package>-<pin>`."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from stacks.catalogue import interpreters

VENVS = Path(__file__).resolve().parents[2] / ".venvs"
MARKER = "complete.json"  # written last: a directory without it is half made

# Only pyuwsgi has wheels. Building uwsgi from its sdist takes 13 s on two cores with gcc.
PACKAGES = {"pyuwsgi": True, "uwsgi": False}
INSTALL_S = 600.0  # over 40 times that build, for small machines and slow networks
LOCK_S = INSTALL_S + 60.0  # whoever holds the lock is at most one installation away from its end
LOOK_S = 10.0  # as long as any other probe of an interpreter
POLL_S = 0.05

# Run by the interpreter of the environment itself: what is there, not what was asked for.
LOOK = (
    "import importlib.metadata, json, platform, sys; "
    "print(json.dumps([platform.python_version(), importlib.metadata.version(sys.argv[1])]))"
)


class VenvError(Exception):
    """An environment that cannot be had; the text is one sentence that says why."""


_had: set[str] = set()  # packages whose page of the index this process has had uv read


def asked(
    command: list[str | Path], package: str, run: Run, keep_open: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run uv; from its cache alone where it has just read the index, which is 10 s and more with a slow one."""
    if package in _had and PACKAGES[package] and "pip" in command:
        done = run([*command, "--offline"], INSTALL_S, keep_open)
        if done.returncode == 0 or lacks_wheel(done.stderr):
            return done
    done = run(command, INSTALL_S, keep_open)
    if "pip" in command and (done.returncode == 0 or lacks_wheel(done.stderr)):
        _had.add(package)
    return done


def lacks_wheel(stderr: str) -> bool:
    """Whether uv, 0.9 or 0.13, says that the index has the version and no wheel of it that fits."""
    text = " ".join(stderr.split())  # joined, because older ones wrap their long lines
    return "no usable wheels" in text or "no wheels" in text


def has_wheel(python: str, package: str, pin: str, run: Run | None = None) -> bool:
    """Whether the index has a wheel of it for that Python here. Raises VenvError where the index cannot be asked."""
    if not PACKAGES[package]:
        return True  # built from its sdist
    uv = interpreters.uv_path()
    if uv is None:
        raise VenvError("uv is missing, both beside this Python and on PATH: run `make setup`.")
    with tempfile.NamedTemporaryFile("w", suffix=".in") as file:
        file.write(f"{package}=={pin}\n")
        file.flush()
        options = ["--quiet", "--no-deps", "--no-header", "--only-binary", ":all:", "--python-version", python]
        try:
            done = asked([uv, "pip", "compile", *options, file.name], package, run or interpreters.bounded)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise VenvError(f"uv could not be asked for {package} {pin} ({error}).") from None
    if done.returncode == 0:
        return True
    why = explained(done.stderr, python, package, pin)
    if "has no wheel" in why:
        return False
    raise VenvError(why)


@dataclass(frozen=True, slots=True)
class Venv:
    """An environment with one server in it, and what is really installed there."""

    path: Path
    python: Path
    uwsgi: Path
    python_full: str  # 3.12.1
    package_version: str  # 2.0.30.post1


class Run(Protocol):
    """Runs a command to its end within a time limit; `interpreters.bounded` outside of tests."""

    def __call__(
        self, command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]: ...


def ensure(
    python: str,
    package: str,
    pin: str,
    beside: Sequence[str] = (),
    *,
    venvs: Path = VENVS,
    run: Run = interpreters.bounded,
) -> Venv:
    """The environment for a server package at an exact version under a Python, made where it is missing.

    `beside` are further packages with exact pins, which bring what they need; such an environment has a name of its
    own. Safe against others who make the same one. Raises VenvError.
    """
    if package not in PACKAGES:
        raise VenvError(f"{package!r} is not a server package this pack knows; there are {' and '.join(PACKAGES)}.")
    if not re.fullmatch(r"\d+\.\d+", python) or not re.fullmatch(r"\d[0-9A-Za-z.+!]*", pin):
        raise VenvError(f"Python {python!r} with {package} {pin!r} is no exact version; write 3.12 and 2.0.30.post1.")
    path = venvs / "+".join([f"{python}-{package}-{pin}", *beside])
    try:
        venvs.mkdir(parents=True, exist_ok=True)
        with locked(venvs / f".{path.name}.lock") as lock:
            return existing(path, package, run) or made(path, python, package, pin, beside, run, lock)
    except OSError as error:
        raise VenvError(f"{path} cannot be made ({error.strerror or error}).") from None


def existing(path: Path, package: str, run: Run) -> Venv | None:
    """The finished environment at `path`, if it still is what it was when its marker was written.

    An interpreter can vanish or change below it, a server can be replaced by hand, and a moved clone
    leaves scripts behind that start what lies at the old place.
    """
    try:
        marker = json.loads((path / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    now = look(path, package, run)
    return now if now is not None and marker == as_marker(now) else None


def made(path: Path, python: str, package: str, pin: str, beside: Sequence[str], run: Run, lock: int) -> Venv:
    """Makes the environment from nothing, with whatever was there before removed."""
    try:
        interpreter = interpreters.find(python)
    except interpreters.NotFound as missing:
        raise VenvError(str(missing)) from None
    uv = interpreters.uv_path()
    if uv is None:
        raise VenvError("uv is missing, both beside this Python and on PATH: run `make setup`.")
    if path.exists():
        shutil.rmtree(path)
    # --no-cache for an sdist: uv would take a binary built against another 3.12, which has that one's libpython inside.
    how = ["--only-binary", ":all:"] if PACKAGES[package] else ["--no-cache"]
    options = ["--quiet", "--no-progress", "--no-compile-bytecode", "--no-deps", *how]
    commands: list[list[str | Path]] = [
        [uv, "venv", "--quiet", "--no-project", "--no-python-downloads", "--python", interpreter, path],
        [uv, "pip", "install", *options, "--python", path / "bin" / "python", f"{package}=={pin}"],
    ]
    if beside:
        wheels = ["--quiet", "--no-progress", "--no-compile-bytecode", "--only-binary", ":all:"]
        commands.append([uv, "pip", "install", *wheels, "--python", path / "bin" / "python", *beside])
    for command in commands:
        try:
            # uv inherits the lock, so that nobody else starts here while one is left over from a killed run.
            done = asked(command, package, run, [lock]) if command in commands[:2] else run(command, INSTALL_S, [lock])
        except subprocess.TimeoutExpired:
            raise VenvError(f"installing {package} {pin} took longer than {INSTALL_S:.0f} s.") from None
        if done.returncode != 0:
            raise VenvError(explained(done.stderr, python, package, pin))
    venv = look(path, package, run)
    if venv is None:
        raise VenvError(f"{path} was made by uv, but {package} {pin} cannot be used in it.")
    (path / MARKER).write_text(json.dumps(as_marker(venv)) + "\n", encoding="utf-8")
    return venv


def look(path: Path, package: str, run: Run) -> Venv | None:
    """What an environment holds according to its own interpreter, or None if it does not say."""
    python, uwsgi = path / "bin" / "python", path / "bin" / "uwsgi"
    try:
        done = run([python, "-I", "-c", LOOK, package], LOOK_S)
        python_full, package_version = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    if not os.access(uwsgi, os.X_OK):
        return None
    return Venv(path, python, uwsgi, python_full, package_version)


def as_marker(venv: Venv) -> dict[str, Any]:
    """What is written about an environment, its place included."""
    return {"path": str(venv.path), "python_full": venv.python_full, "package_version": venv.package_version}


def explained(stderr: str, python: str, package: str, pin: str) -> str:
    """What uv's message means, in one sentence; the words looked for are those of uv 0.9 and 0.13."""
    cause = interpreters.last_cause(stderr)
    text = " ".join(stderr.split())
    if lacks_wheel(stderr):
        return f"{package} {pin} has no wheel for Python {python} on this kind of machine."
    if "network was disabled" in text or "Failed to fetch" in text or "Request failed" in text:
        return f"the package index cannot be reached for {package} {pin} ({cause})."
    if "there is no version of" in text or "was not found in the package registry" in text:
        return f"the package index has no {package} {pin}."
    if "build backend" in text or "Failed to build" in text:
        return (
            f"{package} {pin} could not be built for Python {python}, which takes a C compiler and "
            f"the headers of that Python ({cause})."
        )
    return f"uv could not install {package} {pin} for Python {python} ({cause})."


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Holds a lock file, which is left behind on purpose: removing it would let two makers hold two files."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise VenvError(f"another process has held {path} for {LOCK_S:.0f} s; end it.") from None
                time.sleep(POLL_S)
        yield handle
    finally:
        os.close(handle)
