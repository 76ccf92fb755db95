"""Finds the Python interpreters under test wherever people keep them; owns what "3.12" means on this machine.

A candidate counts only after it has been run, because a name proves nothing: pyenv's shims exist for
versions that are not activated, and a free-threaded build carries the same name as the ordinary one.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# A cold interpreter on a busy two-core machine needs under 1 s, a pyenv shim about 0.2 s more.
PROBE_S = 10.0
# uv downloads about 30 MB: 5 minutes are enough at 1 Mbit/s. Without a network uv gives up after 10 s by itself.
INSTALL_S = 300.0

# Prints what the interpreter is; the base executable, because a venv made from a venv's python would depend on both.
PROBE = (
    "import sys, sysconfig; "
    "print('%d.%d' % sys.version_info[:2], sys.implementation.name, "
    "sysconfig.get_config_var('Py_GIL_DISABLED') or 0, getattr(sys, '_base_executable', None) or sys.executable)"
)
LOOKED = "PATH, the versions of pyenv, asdf, mise, uv and conda, /usr, /usr/local and /opt"


class NotFound(Exception):
    """No interpreter of that version, and none could be installed; the text says where was looked and what to do."""


class Unfit(Exception):
    """A candidate that is not the interpreter its name promises; the text says why."""


@dataclass(frozen=True, slots=True)
class Places:
    """The directories in which interpreters are looked for, in this order."""

    path: tuple[Path, ...]  # hold python3.12 itself
    versions: tuple[Path, ...]  # hold 3.12.1/bin/python3.12: pyenv, asdf, mise
    managed: tuple[Path, ...]  # hold cpython-3.12.1-linux-x86_64-gnu/bin/python3.12: uv
    prefixes: tuple[Path, ...]  # hold bin/python3.12, or anything/bin/python3.12 one level down
    running: Path

    @classmethod
    def usual(cls, environ: Mapping[str, str], home: Path, running: Path) -> Places:
        """Where people keep interpreters: each tool's own variable first, then its default."""
        data = Path(environ.get("XDG_DATA_HOME") or home / ".local/share")
        versions = [Path(environ["PYENV_ROOT"]) / "versions"] if environ.get("PYENV_ROOT") else []
        versions += [home / ".pyenv/versions", home / ".asdf/installs/python", data / "mise/installs/python"]
        managed = [Path(environ["UV_PYTHON_INSTALL_DIR"])] if environ.get("UV_PYTHON_INSTALL_DIR") else []
        conda = [home / name for name in ("miniconda3", "miniforge3", "anaconda3")]
        return cls(
            path=tuple(Path(entry) for entry in environ.get("PATH", "").split(os.pathsep) if entry),
            versions=tuple(dict.fromkeys(versions)),
            managed=(*managed, data / "uv/python"),
            prefixes=(
                *map(Path, ("/usr", "/usr/local", "/opt", "/opt/python")),
                *conda,
                *(root / "envs" for root in conda),
            ),
            running=running,
        )


def newest_first(name: str) -> tuple[bool, int]:
    """Sort key of a version directory: releases before pre-releases, then the highest patch first."""
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?([^-]*)", name)
    return (True, 0) if match is None else (bool(match[4]), -int(match[3] or 0))


def candidates(python: str, places: Places) -> Iterator[Path]:
    """Files that may be Python `python`, in the order to try them; nothing is run, and no file comes twice."""
    name = f"python{python}"

    def all_of() -> Iterator[Path]:
        for directory in places.path:
            yield directory / name
        for pattern, roots in ((f"{python}*", places.versions), (f"cpython-{python}*", places.managed)):
            for root in roots:
                for version in sorted(root.glob(pattern), key=lambda path: newest_first(path.name)):
                    yield version / "bin" / name
        for prefix in places.prefixes:
            yield prefix / "bin" / name
            yield from sorted(prefix.glob(f"*/bin/{name}"))
        yield places.running

    seen: set[Path] = set()
    for candidate in all_of():
        # os.access, because it answers no where Path.is_file raises: below a directory closed to this user.
        if candidate not in seen and os.access(candidate, os.X_OK, effective_ids=True) and not candidate.is_dir():
            seen.add(candidate)
            yield candidate


def bounded(
    command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a process group of its own, and kills all of it at the time limit and when interrupted.

    A group of its own, because what is run here starts others (a shim a shell, uv a compiler) that
    would otherwise go on. Raises subprocess.TimeoutExpired and OSError.
    """
    with subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        process_group=0,
        pass_fds=tuple(keep_open),
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


def probe(candidate: Path, python: str) -> Path:
    """The real executable behind a candidate that runs and is Python `python`; otherwise raises Unfit."""
    try:
        done = bounded([candidate, "-I", "-S", "-c", PROBE], PROBE_S)
    except subprocess.TimeoutExpired:
        raise Unfit(f"did not answer within {PROBE_S:.0f} s") from None
    except OSError as error:
        raise Unfit(str(error.strerror)) from None
    words = done.stdout.strip().split(" ", 3)
    if done.returncode != 0 or len(words) != 4:
        raise Unfit(f"does not run, exit code {done.returncode}")
    version, implementation, free_threaded, executable = words
    if version != python:
        raise Unfit(f"is Python {version}")
    if implementation != "cpython" or free_threaded != "0":
        raise Unfit("is free-threaded" if implementation == "cpython" else f"is {implementation}")
    return Path(executable) if Path(executable).is_file() else candidate


def uv_path() -> Path | None:
    """The uv beside the running interpreter (`.venv/bin/uv`), otherwise the one on PATH."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    return Path(found) if found else None


def install(python: str) -> None:
    """Lets uv download Python `python` into its own directory; raises Unfit with the reason where it cannot."""
    uv = uv_path()
    if uv is None:
        raise Unfit("there is no uv to install it with")
    try:
        # --no-bin: a python3.12 that appears on the user's PATH would be a side effect of a load test.
        done = bounded([uv, "python", "install", "--no-bin", "--no-progress", python], INSTALL_S)
    except subprocess.TimeoutExpired:
        raise Unfit(f"`uv python install {python}` was still downloading after {INSTALL_S:.0f} s") from None
    except OSError as error:
        raise Unfit(f"uv could not be started ({error.strerror})") from None
    if done.returncode != 0:
        raise Unfit(f"`uv python install {python}` failed ({last_cause(done.stderr)})")


def last_cause(stderr: str) -> str:
    """The innermost reason of one of uv's error chains, in which every cause explains the line above it."""
    mark = re.compile(r"(error:|cause:|Caused by:|×|├─▶|╰─▶)\s*")  # before 0.13 uv drew some chains as trees
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    causes = [line for line in lines if mark.match(line)] or lines or ["no message"]
    return mark.sub("", causes[-1], count=1)


def search(
    python: str,
    listed: Callable[[], Iterable[Path]],
    probed: Callable[[Path, str], Path],
    installed: Callable[[str], None],
) -> Path:
    """The first candidate that passes the probe, before an installation or after it; otherwise raises NotFound."""
    if not re.fullmatch(r"\d+\.\d+", python):
        raise NotFound(f"{python!r} is not a Python version; write major.minor, as in 3.12.")
    rejected: dict[Path, str] = {}

    def first() -> Path | None:
        for candidate in listed():
            try:
                return probed(candidate, python)
            except Unfit as unfit:
                rejected[candidate] = str(unfit)
        return None

    found = first()
    if found is not None:
        return found
    try:
        installed(python)
        found = first()
        failure = f"`uv python install {python}` left none that runs"
    except Unfit as unfit:
        failure = str(unfit)
    if found is not None:
        return found
    # The running interpreter is always on the list and hardly ever what is meant: no use in naming it.
    named = [f"{path} {why}" for path, why in rejected.items() if not why.startswith("is Python")]
    unusable = f"; {'; '.join(named)}" if named else ""
    raise NotFound(
        f"Python {python} was not found (looked in {LOOKED}{unusable}) and {failure}: "
        f"install Python {python} with pyenv, uv or the system's packages and repeat."
    )


def refuse(python: str) -> None:
    """Stands in for `install` where nothing may be installed."""
    raise Unfit(f"Python {python} was not to be installed")


@cache
def _answer(python: str, installed: Callable[[str], None]) -> Path | NotFound:
    # Both answers are kept: a campaign asks once a cell, and a failed download costs 10 s each time.
    home = Path(os.environ.get("HOME") or "/")  # Path.home() raises for a user without an account, as in containers

    def listed() -> Iterator[Path]:
        return candidates(python, Places.usual(os.environ, home, Path(sys.executable)))

    try:
        return search(python, listed, probe, installed)
    except NotFound as missing:
        return missing


def is_there(python: str) -> bool:
    """Whether an interpreter of that version is here already; installs nothing."""
    return not isinstance(_answer(python, refuse), NotFound)


def find(python: str) -> Path:
    """The interpreter for a version such as "3.12"; raises NotFound with one sentence where there is none."""
    answer = _answer(python, install)
    if isinstance(answer, NotFound):
        raise NotFound(*answer.args)
    return answer
