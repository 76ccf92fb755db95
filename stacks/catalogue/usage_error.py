"""The error for a wrong name or value that a user has typed, and the hint at a name with almost the same spelling."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class UsageError(Exception):
    """A user gave a wrong name or value; the text lists the right ones."""


def similar(name: str, known: Iterable[str]) -> str:
    """Return the hint " (did you mean NAME?)" at a longer or similar known name, or '' if there is none."""
    known = list(known)
    longer = sorted((other for other in known if other.startswith(name)), key=len)
    close = longer or get_close_matches(name, known, 1, 0.8)
    return f" (did you mean {close[0]}?)" if close else ""
