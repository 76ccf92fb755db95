"""Orders releases of uWSGI and of Python, also those that are not known, as of a uWSGI that was watched."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version

FREE_THREADED = "t"  # at the end of a Python that runs without a GIL: 3.13t


def release(text: str | None) -> Version:
    """Parse the release of a package. One that is not known stands before all others."""
    try:
        return Version(text or "0")
    except InvalidVersion:
        return Version("0")


def python_release(text: str | None) -> tuple[bool, Version]:
    """Return the sort key of a Python: those without a GIL come after the others."""
    numbers = (text or "").removesuffix(FREE_THREADED)
    return numbers != (text or ""), release(numbers)
