"""Orders releases of uWSGI, also that of a uWSGI that was watched: its release is not known."""

from __future__ import annotations

from packaging.version import InvalidVersion, Version


def release(text: str | None) -> Version:
    """Parse the release of a package. One that is not known stands before all others."""
    try:
        return Version(text or "0")
    except InvalidVersion:
        return Version("0")
