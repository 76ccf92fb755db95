"""Computes intervals of hang rates of independent trials, and compares the hang rates of two cells.

One trial is one respawn whose outcome was observed. Rates and limits are shares from 0 to 1. `clusters` does the same
for trials that are clustered in runs. scipy is imported inside the functions, because its import takes half a second.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from stacks.lifecycle.rates import CONFIDENCE, Interval, check_counts, highest_rate_without_hang, score_interval, wilson

__all__ = ["CONFIDENCE", "Interval", "highest_rate_without_hang", "score_interval", "wilson"]


def clopper_pearson(hung: int, trials: int, confidence: float = CONFIDENCE) -> Interval | None:
    """Return the exact two-sided interval of a rate (Clopper and Pearson, Biometrika 26, 1934); None without a trial.

    Its coverage is never below `confidence`, so it is the interval for pass/fail decisions.
    """
    from scipy.special import betaincinv

    check_counts(hung, trials)
    if trials == 0:
        return None
    tail = (1 - confidence) / 2
    low = 0.0 if hung == 0 else float(betaincinv(hung, trials - hung + 1, tail))
    high = 1.0 if hung == trials else float(betaincinv(hung + 1, trials - hung, 1 - tail))
    return low, high


def power(left: float, right: float, trials: float, confidence: float = CONFIDENCE) -> float:
    """Return the probability that a test with `trials` respawns a cell finds the rates `left` and `right` different.

    The normal approximation of R's `power.prop.test`.
    """
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2)
    pooled = math.sqrt((left + right) * (1 - (left + right) / 2))
    spread = math.sqrt(left * (1 - left) + right * (1 - right))
    return normal.cdf((math.sqrt(trials) * abs(left - right) - z * pooled) / spread)


def trials_for_power(left: float, right: float, wanted: float = 0.9, confidence: float = CONFIDENCE) -> float:
    """Return how many trials a cell needs so that `power` reaches `wanted`; the result is not rounded."""
    from scipy.optimize import brentq

    return float(brentq(lambda n: power(left, right, n, confidence) - wanted, 1.0, 1e9))


def fisher_p(left: tuple[int, int], right: tuple[int, int], alternative: str = "two-sided") -> float:
    """Return Fisher's exact p that two cells hang at the same rate. Each cell is (hung, trials)."""
    from scipy.stats import fisher_exact

    check_counts(*left)
    check_counts(*right)
    table = [[hung, trials - hung] for hung, trials in (left, right)]
    return float(fisher_exact(table, alternative=alternative).pvalue)


def newcombe_difference(
    left: tuple[int, int], right: tuple[int, int], confidence: float = CONFIDENCE
) -> Interval | None:
    """Return the interval of the left rate minus the right rate; None if one cell has no trial.

    Each cell is (hung, trials). Method 10 of Newcombe, Statistics in Medicine 17 (1998) 873-890: the interval stays
    within -1 and 1. At 10/10 against 0/10 it has a width, where the Wald interval has none and the score method fails.
    """
    limits = wilson(*left, confidence), wilson(*right, confidence)
    if limits[0] is None or limits[1] is None:
        return None
    (low_l, high_l), (low_r, high_r) = limits[0], limits[1]
    rate_l, rate_r = left[0] / left[1], right[0] / right[1]
    return (
        rate_l - rate_r - math.hypot(rate_l - low_l, high_r - rate_r),
        rate_l - rate_r + math.hypot(high_l - rate_l, rate_r - low_r),
    )
