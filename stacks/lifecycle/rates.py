"""Computes the hang rate and its limits from counts. A rate is a share from 0 to 1.

The live views and the analysis both use these functions, so that they show the same numbers. Every limit of a hang
rate that the pack shows, plans with or rules out is an end of Wilson's two-sided interval at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

Interval = tuple[float, float]  # lower and upper limit
CONFIDENCE = 0.95


def check_counts(hung: int, trials: int) -> None:
    """Raise ValueError unless 0 <= hung <= trials."""
    if not 0 <= hung <= trials:
        raise ValueError(f"the counts cannot be right: {hung} hung of {trials} trials")


def wilson(hung: int, trials: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the two-sided score interval of a rate (Wilson 1927), or None if there was no trial."""
    check_counts(hung, trials)
    if trials == 0:
        return None
    return score_interval(hung / trials, trials, confidence)


def score_interval(rate: float, trials: float, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's interval of a rate. `trials` may be a fraction, such as an effective sample size."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    # Where a limit is exactly 0 or 1, rounding may give a value that differs by 1e-18.
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return low, high


def highest_rate_without_hang(trials: int, confidence: float = CONFIDENCE) -> float | None:
    """Return the upper limit of the hang rate after `trials` respawns without a hang: the end of Wilson's interval.

    Returns None if there was no trial. Raises ValueError if `trials` is negative.
    """
    limits = wilson(0, trials, confidence)
    return None if limits is None else limits[1]


def respawns_to_rule_out(rate: float, confidence: float = CONFIDENCE) -> int:
    """Return how many respawns without a hang rule out a hang rate above `rate`.

    This is the inverse of `highest_rate_without_hang`: Wilson's interval of 0 in n trials ends at z^2 / (n + z^2), so
    n = z^2 (1 - rate) / rate, rounded up. Raises ValueError unless 0 < rate < 1.
    """
    if not 0 < rate < 1:
        raise ValueError(f"the rate must be between 0 and 1: {rate}")
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return math.ceil(z * z * (1 - rate) / rate)


def tally(counts: Mapping[str, int]) -> tuple[int, int]:
    """Return (hung, trials) from the `counts` of a run.json.

    A worker of the first generation that hung at its fork counts as a trial as well.
    """
    initial = counts.get("hung_initial", 0)
    return counts.get("hung", 0) + initial, counts.get("respawns", 0) + initial
