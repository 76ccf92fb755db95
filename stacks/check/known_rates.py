"""Tells how many respawns a check needs where a known defect of the version and the options hits only some of them."""

from __future__ import annotations

import math

from stacks import catalogue
from stacks.catalogue import Defect
from stacks.catalogue.version_order import is_within
from stacks.check.options import Options, is_set, numbers

MISS = 0.01  # the chance that so many respawns show nothing of the defect
EXIT_STALL = "exit-stall"
CURE = "skip-atexit-teardown"  # of the exit stall


def partial_defect(version: str, options: Options) -> Defect | None:
    """Return the defect of uWSGI `version` that hits some of the respawns with these `options`, or None."""
    stall = catalogue.load().defects[EXIT_STALL]
    has_threads = numbers(options).get("threads", 1) > 1 and not is_set(options, CURE)
    return stall if stall.rate and has_threads and is_within(version, stall.pin) else None


def respawns_to_see(rate: float) -> int:
    """Return how many respawns show a defect that hits each of them with the chance `rate`, except with MISS."""
    return math.ceil(math.log(MISS) / math.log(1 - rate))


def describe_wanted(version: str, options: Options) -> str:
    """Return the sentence about the number of respawns, or '' if no such defect is known."""
    defect = partial_defect(version, options)
    if defect is None:
        return ""
    return (
        f"This version with threads has a defect that hits only a share of the respawns, {100 * defect.rate:.0f} % in "
        f"the best run that was measured ({', '.join(defect.upstream)}): so the check wanted "
        f"{respawns_to_see(defect.rate)} respawns, which miss it with a chance of {100 * MISS:.0f} %. A page "
        "that takes long meets it less often."
    )
