"""Selects ways by the words of WAYS=: `all`, the name of a way, or the kind of several ways."""

from __future__ import annotations

from collections.abc import Sequence

from stacks.catalogue import similar
from stacks.check.ways.derivation import CHEAPER, IDLE, LIMITS, MAX_REQUESTS, NOT_TAKEN, TOUCHES
from stacks.check.ways.master_commands import FIFO_COMMANDS, HOOKED
from stacks.check.ways.way import KINDS, RECYCLE, RELOAD, Way

ALL_WAYS = "all"
SIGNALS = ("worker-kill", "worker-segv", "worker-term", "hup", "int", "term", "quit", *map(str.lower, HOOKED))
NAMES = (
    *(MAX_REQUESTS, *LIMITS, "harakiri", CHEAPER, IDLE, *NOT_TAKEN, *TOUCHES),
    *(f"fifo-{command}" for command in FIFO_COMMANDS),
    *SIGNALS,
)


def usage_error(text: str) -> str:
    """Return what is wrong with the value of WAYS=, or ''."""
    known = frozenset((ALL_WAYS, *KINDS, *NAMES))
    for word in split(text):
        if word not in known:
            return f"there is no way {word}{similar(word, known)}; the ways are {', '.join((ALL_WAYS, *KINDS, *NAMES))}"
    return "" if split(text) else "WAYS= names no way"


def split(text: str) -> list[str]:
    """Return the words of WAYS=."""
    return [word.strip() for word in text.split(",") if word.strip()]


def select(ways: Sequence[Way], text: str) -> list[Way]:
    """Return those of `ways` that `text` selects. A named way that the configuration lacks is one that is not taken."""
    words = split(text)
    if ALL_WAYS in words:
        return list(ways)
    chosen = [way for way in ways if way.name in words or way.kind in words]
    names = {way.name for way in ways}
    missing = [word for word in words if word in NAMES and word not in names]
    return chosen + [_missing(name) for name in missing]


def _missing(name: str) -> Way:
    option = "master-fifo" if name.startswith("fifo-") else name
    if name.upper() in HOOKED:
        option = f"hook-master-start with unix_signal for SIG{name.upper()}"
    kind = RELOAD if name in TOUCHES or option == "master-fifo" else RECYCLE
    return Way(name, kind, name, why_not=f"the configuration has no {option}")
