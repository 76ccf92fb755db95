"""Puts the result of a library in a mode into words, for the page and for the terminal."""

from __future__ import annotations

import math

from stacks.campaign.library_results import LibraryResult
from stacks.lifecycle.rates import wilson

NOT_MEASURED = "not measured"
NOT_JUDGED = "not judged"


def verdict(result: LibraryResult | None) -> str:
    """Return the verdict, and in how many runs it was seen if not in all."""
    if result is None or not result.runs:
        return NOT_MEASURED
    if result.verdict is None:
        return NOT_JUDGED
    runs = len(result.judged)
    seen = result.verdicts[result.verdict]
    return result.verdict if seen == runs else f"{result.verdict} in {seen} of {runs} runs"


def numbers(result: LibraryResult | None) -> str:
    """Return how many workers hung, how many were seen, and the interval of a rate between 0 and 1; '' without one."""
    if result is None or result.verdict is None:
        return ""
    hung, trials, first = result.counts
    text = f"{hung} of {trials}" + (f" ({first})" if hung else "")
    interval = wilson(hung, trials) if 0 < hung < trials else None
    if interval is not None:
        low, high = (100 * limit for limit in interval)
        text += f", {low:.2g} to {high:.2g} %"
    return text


def seconds(result: LibraryResult | None) -> str:
    """Return the median time of a recycle."""
    if result is None or result.verdict is None:
        return NOT_MEASURED
    if result.recycle_s is None:
        return "no recycle"
    return "never" if math.isinf(result.recycle_s) else f"{result.recycle_s:.1f} s"


def threads(result: LibraryResult | None) -> str:
    """Return how many threads the master has when it forks."""
    count = result.master_threads if result is not None else None
    return NOT_MEASURED if count is None else str(count)


def lost_threads(result: LibraryResult | None) -> str:
    """Return the threads that live in the master only, with the packages that started them."""
    names = result.lost_threads if result is not None else None
    return NOT_MEASURED if names is None else ", ".join(names).replace("|", "\\|") or "none"


def items(result: LibraryResult | None, of: str = "") -> str:
    """Return how many items arrived, of so many that were sent. `of` names a part of run.json's `items`."""
    counts = result.items(of) if result is not None else None
    return NOT_MEASURED if counts is None else f"{counts[0]} of {counts[1]}"
