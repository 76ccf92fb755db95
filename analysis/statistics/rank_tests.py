"""Compares two samples by the ranks of their values: exact tests for small samples of any distribution.

The shift is the Hodges-Lehmann estimate, in the unit of the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.statistics.hang_rates import CONFIDENCE, Interval


@dataclass(frozen=True, slots=True)
class RankTest:
    """The result of an exact rank test."""

    statistic: float
    p: float
    shift: float  # Hodges-Lehmann estimate of left - right
    delta: float  # Cliff's delta; for pairs the rank-biserial correlation


def mann_whitney(left: Sequence[float], right: Sequence[float], alternative: str = "two-sided") -> RankTest:
    """Compare two independent samples. The shift is the median of all differences left - right."""
    from scipy.stats import mannwhitneyu

    test = mannwhitneyu(left, right, alternative=alternative, method="exact")
    shift = float(np.median(np.subtract.outer(np.asarray(left, float), np.asarray(right, float))))
    delta = 2 * float(test.statistic) / (len(left) * len(right)) - 1
    return RankTest(float(test.statistic), float(test.pvalue), shift, delta)


def shift_interval(left: Sequence[float], right: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Return the exact interval of the shift of two independent samples, for small samples without ties.

    Its limits are order statistics of the differences left - right (Moses' interval in Hollander and Wolfe,
    Nonparametric Statistical Methods, 1973).
    """
    differences = np.sort(np.subtract.outer(np.asarray(left, float), np.asarray(right, float)), axis=None)
    m, n = len(left), len(right)
    # ways[i, u]: number of orders in which the first i left values have u right values ahead of them, in sum. The loop
    # adds one rank at a time. The last row is the distribution of Mann and Whitney's U if both samples are alike.
    ways = np.zeros((m + 1, m * n + 1))
    ways[0, 0] = 1
    for place in range(1, m + n + 1):
        for chosen in range(min(place, m), 0, -1):
            ahead = place - chosen
            if ahead <= n:
                ways[chosen, ahead:] += ways[chosen - 1, : m * n + 1 - ahead]
    cumulative = np.cumsum(ways[m]) / ways[m].sum()
    rank = max(1, int(np.searchsorted(cumulative, (1 - confidence) / 2)))
    return float(differences[rank - 1]), float(differences[m * n - rank])


def wilcoxon(left: Sequence[float], right: Sequence[float], alternative: str = "two-sided") -> RankTest:
    """Compare pairs. The shift is the median of the Walsh averages.

    The least possible two-sided p is 2 / 2**pairs, so fewer than 6 pairs never reach p < 0.05.
    """
    from scipy.stats import wilcoxon as signed_rank

    gaps = np.asarray(left, float) - np.asarray(right, float)
    test = signed_rank(gaps, alternative=alternative, method="exact")
    i, j = np.triu_indices(len(gaps))
    positive = float(pd.Series(np.abs(gaps)).rank()[gaps > 0].sum())
    whole = len(gaps) * (len(gaps) + 1) / 2
    return RankTest(positive, float(test.pvalue), float(np.median((gaps[i] + gaps[j]) / 2)), 2 * positive / whole - 1)
