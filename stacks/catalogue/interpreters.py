"""Finds the Python interpreter of a version such as "3.12" on this machine, and lets uv install it if it is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from stacks.catalogue.bounded_command import run_bounded
from stacks.catalogue.interpreter_places import FREE_THREADED, PLACES_IN_WORDS, Places, candidates
from stacks.catalogue.interpreter_probe import Unfit, probe
from stacks.catalogue.uv import find_uv, innermost_cause

# uv downloads about 30 MB: 5 minutes are enough at 1 Mbit/s. Without a network uv gives up after 10 s by itself.
INSTALL_S = 300.0


class NotFound(Exception):
    """This machine has no interpreter of a version, and uv could not install one.

    The text says where the search looked and what the user can do.
    """


class NotInstalled(Exception):
    """An interpreter could not be installed; the text says why."""


def find(python: str) -> Path:
    """Return the interpreter of a version such as "3.12", and install it if necessary. Raise NotFound."""
    answer = _cached_search(python, install)
    if isinstance(answer, NotFound):
        raise NotFound(*answer.args)
    return answer


def is_installed(python: str) -> bool:
    """Return True if this machine has an interpreter of version `python`. Install nothing."""
    return not isinstance(_cached_search(python, refuse_to_install), NotFound)


@cache
def _cached_search(python: str, installer: Callable[[str], None]) -> Path | NotFound:
    # Both answers are kept: a campaign asks once a cell, and a failed download costs 10 s each time.
    home = Path(os.environ.get("HOME") or "/")  # Path.home() raises for a user without an account, as in containers

    def list_candidates() -> Iterator[Path]:
        return candidates(python, Places.usual(os.environ, home, Path(sys.executable)))

    try:
        return search(python, list_candidates, probe, installer)
    except NotFound as missing:
        return missing


def search(
    python: str,
    list_candidates: Callable[[], Iterable[Path]],
    prober: Callable[[Path, str], Path],
    installer: Callable[[str], None],
) -> Path:
    """Return the first candidate that passes the probe. If none does, install one and look again. Raise NotFound."""
    if not re.fullmatch(rf"\d+\.\d+{FREE_THREADED}?", python):
        raise NotFound(f"{python!r} is not a Python version; write major.minor, as in 3.12, or 3.13t without a GIL.")
    rejected: dict[Path, str] = {}

    def first_fit() -> Path | None:
        for candidate in list_candidates():
            try:
                return prober(candidate, python)
            except Unfit as unfit:
                rejected[candidate] = str(unfit)
        return None

    found = first_fit()
    if found is not None:
        return found
    try:
        installer(python)
        found = first_fit()
        failure = f"`uv python install {python}` left none that runs"
    except NotInstalled as error:
        failure = str(error)
    if found is not None:
        return found
    raise NotFound(_not_found_message(python, rejected, failure))


def _not_found_message(python: str, rejected: dict[Path, str], failure: str) -> str:
    # A candidate of another version is not named: the running interpreter is always on the list and hardly ever meant.
    named = [f"{path} {why}" for path, why in rejected.items() if not why.startswith("is Python")]
    unusable = f"; {'; '.join(named)}" if named else ""
    return (
        f"Python {python} was not found (looked in {PLACES_IN_WORDS}{unusable}) and {failure}: "
        f"install Python {python} with pyenv, uv or the system's packages and repeat."
    )


def install(python: str) -> None:
    """Let uv download Python `python` into uv's own directory. Raise NotInstalled."""
    uv = find_uv()
    if uv is None:
        raise NotInstalled("there is no uv to install it with")
    try:
        # --no-bin: a python3.12 that appears on the user's PATH would be a side effect of a load test.
        done = run_bounded([uv, "python", "install", "--no-bin", "--no-progress", python], INSTALL_S)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"`uv python install {python}` was still downloading after {INSTALL_S:.0f} s") from None
    except OSError as error:
        raise NotInstalled(f"uv could not be started ({error.strerror})") from None
    if done.returncode != 0:
        raise NotInstalled(f"`uv python install {python}` failed ({innermost_cause(done.stderr)})")


def refuse_to_install(python: str) -> None:
    """Stand in for `install` where the caller must not install anything."""
    raise NotInstalled(f"Python {python} was not to be installed")
