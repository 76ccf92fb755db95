"""Seconds -> a duration in words, for titles and tables."""

from __future__ import annotations

# Up to so many seconds, the unit in seconds, its name.
UNITS = ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h"))


def duration_words(seconds: float) -> str:
    """A duration in the unit that gives a small number, such as `4.2 s`, `3.0 min` or `2 days`."""
    for limit, unit, name in UNITS:
        if seconds < limit:
            return f"{seconds / unit:.{0 if seconds / unit >= 10 else 1}f} {name}"
    return f"{seconds / 86_400:.0f} days"
