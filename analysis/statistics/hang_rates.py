"""Hang rates and their intervals, comparisons of two cells, and quantiles that count the hung.

The unit is one trial: a respawn that was seen to end. Rates and limits are shares from 0 to 1,
durations are seconds. scipy is imported where it is needed, because it costs half a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from stacks.lifecycle.rates import CONFIDENCE, Interval, check_counts, highest_rate_without_hang, score_interval, wilson

__all__ = ["CONFIDENCE", "Interval", "highest_rate_without_hang", "score_interval", "wilson"]


def clopper_pearson(hung: int, trials: int, confidence: float = CONFIDENCE) -> Interval | None:
    """The exact two-sided interval, never too short and therefore the one for gates; None without a trial."""
    from scipy.special import betaincinv

    check_counts(hung, trials)
    if trials == 0:
        return None
    tail = (1 - confidence) / 2
    low = 0.0 if hung == 0 else float(betaincinv(hung, trials - hung + 1, tail))
    high = 1.0 if hung == trials else float(betaincinv(hung + 1, trials - hung, 1 - tail))
    return low, high


def trials_to_tell(left: float, right: float, power: float = 0.9, confidence: float = CONFIDENCE) -> float:
    """Trials a cell that show rates of `left` and `right` to differ with that power (normal approximation)."""
    from scipy.optimize import brentq

    return float(brentq(lambda n: power_to_tell(left, right, n, confidence) - power, 1.0, 1e9))


def power_to_tell(left: float, right: float, trials: float, confidence: float = CONFIDENCE) -> float:
    """The probability to tell the rates apart with `trials` respawns a cell (as R's power.prop.test)."""
    normal = NormalDist()
    z = normal.inv_cdf(0.5 + confidence / 2)
    pooled = math.sqrt((left + right) * (1 - (left + right) / 2))
    spread = math.sqrt(left * (1 - left) + right * (1 - right))
    return normal.cdf((math.sqrt(trials) * abs(left - right) - z * pooled) / spread)


def fisher_p(left: tuple[int, int], right: tuple[int, int], alternative: str = "two-sided") -> float:
    """Fisher's exact p that two cells, each (hung, trials), hang at the same rate."""
    from scipy.stats import fisher_exact

    check_counts(*left)
    check_counts(*right)
    table = [[hung, trials - hung] for hung, trials in (left, right)]
    return float(fisher_exact(table, alternative=alternative).pvalue)


def newcombe_difference(
    left: tuple[int, int], right: tuple[int, int], confidence: float = CONFIDENCE
) -> Interval | None:
    """The interval of left's rate minus right's, each (hung, trials); None where one has no trial.

    Newcombe 1998, method 10: it stays inside -1..1 and has a width at 10/10 against 0/10, where
    the Wald interval has none and the score method fails.
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


def quantile(seconds: Sequence[float] | npt.NDArray[np.float64], share: float) -> float | None:
    """The time within which `share` of the respawns were back: infinity means never, None no respawn.

    A hung worker enters as infinity. NaN is a respawn whose end was not seen and is left out. The
    answer is one of the values, since nothing lies between a second and never.
    """
    values = np.asarray(seconds, dtype=float)
    values = values[~np.isnan(values)]
    if not values.size:
        return None
    return float(np.quantile(values, share, method="inverted_cdf"))
