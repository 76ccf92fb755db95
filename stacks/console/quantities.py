"""Times and shares as people write them on a command line (`200ms`, `5%`): one parser for each, for every command."""

from __future__ import annotations

import re

TIME = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|min|)\s*", re.ASCII)
SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|)\s*", re.ASCII)
SECONDS = {"ms": 1e-3, "s": 1.0, "": 1.0, "min": 60.0}


def seconds(text: str) -> float:
    """Parse a time: `200ms`, `2s`, `0.2` or `1min`. Raise ValueError."""
    match = TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a time, such as 200ms or 0.5s")
    return float(match[1]) * SECONDS[match[2]]


def share(text: str) -> float:
    """Parse a share: `25%` or `0.25`. It may be above 1. Raise ValueError."""
    match = SHARE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a share, such as 25% or 0.25")
    return float(match[1]) / (100 if match[2] else 1)
