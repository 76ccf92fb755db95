"""The error for a wrong name or value that a user has typed, and the hint at a name with almost the same spelling."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST_LISTED = 12  # names in an error: more of them hide the hint
MOST_SIMILAR = 6


class UsageError(Exception):
    """A user gave a wrong name or value; the text lists the right ones."""


def similar(name: str, known: Iterable[str]) -> str:
    """Return the hint " (did you mean NAME?)" at a longer or similar known name, or '' if there is none."""
    known = list(known)
    longer = sorted((other for other in known if other.startswith(name)), key=len)
    close = longer or get_close_matches(name, known, 1, 0.8)
    return f" (did you mean {close[0]}?)" if close else ""


def nearby(name: str, known: Iterable[str], listing: str) -> str:
    """Return the hint at the names that `name` may stand for, to be put behind "no stack NAME".

    A few names are all listed. Of many, the similar ones are named, and `listing` says what shows the others.
    """
    known = list(known)
    if len(known) <= MOST_LISTED:
        return f"{similar(name, known)}; there are: {', '.join(known)}"
    longer = sorted((other for other in known if other.startswith(name)), key=len)
    inside = [other for other in known if name and name in other]
    close = list(dict.fromkeys([*longer, *inside, *get_close_matches(name, known, MOST_SIMILAR, 0.6)]))[:MOST_SIMILAR]
    return (f" (did you mean {' or '.join(close)}?)" if close else "") + f"; {listing} shows all {len(known)}"
