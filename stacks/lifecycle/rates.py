"""The hang rate and its interval, which the live view and the analysis must say alike. Rates are shares from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import NormalDist

Interval = tuple[float, float]
CONFIDENCE = 0.95


def check_counts(hung: int, trials: int) -> None:
    """Raises ValueError for what cannot have been counted."""
    if not 0 <= hung <= trials:
        raise ValueError(f"{hung} hung of {trials} trials")


def wilson(hung: int, trials: int, confidence: float = CONFIDENCE) -> Interval | None:
    """The two-sided score interval of a rate (Wilson 1927), or None without a trial."""
    check_counts(hung, trials)
    if trials == 0:
        return None
    return score_interval(hung / trials, trials, confidence)


def score_interval(rate: float, trials: float, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's interval of a rate over what may be a fraction of trials."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    centre = (rate + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials)) / (1 + z * z / trials)
    # Rounding may leave 1e-18 where the limit is exactly 0 or 1.
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return low, high


def highest_rate_without_hang(trials: int, confidence: float = CONFIDENCE) -> float | None:
    """The exact one-sided upper limit of the hang rate after `trials` respawns of which none hung."""
    if trials < 0:
        raise ValueError(f"{trials} trials")
    return 1 - (1 - confidence) ** (1 / trials) if trials else None


def respawns_to_rule_out(rate: float, confidence: float = CONFIDENCE) -> int:
    """The inverse: respawns without a hang that rule out a hang rate (success run: ln .05 / ln(1 - rate))."""
    if not 0 < rate < 1:
        raise ValueError(f"a rate of {rate}")
    return math.ceil(math.log(1 - confidence) / math.log1p(-rate))


def tally(counts: Mapping[str, int]) -> tuple[int, int]:
    """Hung, and trials, of a run's counts: a worker of the first generation that never came up is a trial as well."""
    initial = counts.get("hung_initial", 0)
    return counts.get("hung", 0) + initial, counts.get("respawns", 0) + initial
