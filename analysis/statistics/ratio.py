"""Throughput of two cells from interleaved pairs of runs: a t interval on the log ratio, and rank tests beside it.

A host that drifts by 8 % within a day hides a true +5 % from unpaired runs and not from pairs; a
bootstrap over fewer than about 20 pairs has intervals that are too short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.statistics.hang_rates import CONFIDENCE, Interval

FEWEST_PAIRS = 2


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times the right one answers as much as the left one; geometric mean of the pairs."""

    pairs: int
    ratio: float
    low: float
    high: float
    p: float  # that both answer the same


@dataclass(frozen=True, slots=True)
class RankTest:
    """An exact rank test with the Hodges-Lehmann shift and Cliff's delta (for pairs: the rank-biserial)."""

    statistic: float
    p: float
    shift: float
    delta: float


ROUND = ("campaign", "trial")
SETTINGS = ("scenario", "users", "workers", "threads", "max_requests", "max_requests_delta")


def matched(left: pd.DataFrame, right: pd.DataFrame, value: str = "answered_rps") -> list[tuple[float, float]]:
    """Pairs of runs of one round of one campaign with the same settings: those that the plan put next to each other."""
    keys = [name for name in (*ROUND, *SETTINGS) if name in left and name in right]
    both = left[[*keys, value]].merge(right[[*keys, value]], on=keys, suffixes=("_l", "_r"))
    both = both.dropna(subset=[f"{value}_l", f"{value}_r"])
    return [(float(a), float(b)) for a, b in zip(both[f"{value}_l"], both[f"{value}_r"], strict=True)]


def log_ratio(pairs: Sequence[tuple[float, float]], confidence: float = CONFIDENCE) -> Ratio | None:
    """None with fewer than two pairs, or where a run answered nothing and no ratio exists."""
    from scipy.special import stdtr, stdtrit

    if len(pairs) < FEWEST_PAIRS or any(value <= 0 for pair in pairs for value in pair):
        return None
    logs = [math.log(right / left) for left, right in pairs]
    count, mean = len(logs), sum(logs) / len(logs)
    error = math.sqrt(sum((x - mean) ** 2 for x in logs) / (count - 1) / count)
    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * error
    p = 2 * float(stdtr(count - 1, -abs(mean) / error)) if error else float(mean == 0)
    return Ratio(count, math.exp(mean), math.exp(mean - half), math.exp(mean + half), p)


def mann_whitney(left: Sequence[float], right: Sequence[float], alternative: str = "two-sided") -> RankTest:
    """Two independent samples; the shift is the median of all differences left - right."""
    from scipy.stats import mannwhitneyu

    found = mannwhitneyu(left, right, alternative=alternative, method="exact")
    shift = float(np.median(np.subtract.outer(np.asarray(left, float), np.asarray(right, float))))
    delta = 2 * float(found.statistic) / (len(left) * len(right)) - 1
    return RankTest(float(found.statistic), float(found.pvalue), shift, delta)


def shift_interval(left: Sequence[float], right: Sequence[float], confidence: float = CONFIDENCE) -> Interval:
    """Moses' exact interval of the shift: order statistics of the differences, for small samples without ties."""
    differences = np.sort(np.subtract.outer(np.asarray(left, float), np.asarray(right, float)), axis=None)
    m, n = len(left), len(right)
    # Ways to a rank sum, built up one value at a time: the null distribution of U.
    ways = np.zeros((m + 1, m * n + 1))
    ways[0, 0] = 1
    for place in range(1, m + n + 1):
        for chosen in range(min(place, m), 0, -1):
            ahead = place - chosen
            if ahead <= n:
                ways[chosen, ahead:] += ways[chosen - 1, : m * n + 1 - ahead]
    below = np.cumsum(ways[m]) / ways[m].sum()
    rank = max(1, int(np.searchsorted(below, (1 - confidence) / 2)))
    return float(differences[rank - 1]), float(differences[m * n - rank])


def wilcoxon(left: Sequence[float], right: Sequence[float], alternative: str = "two-sided") -> RankTest:
    """Pairs; the shift is the median of the Walsh averages. Fewer than 6 pairs never reach p < 0.05."""
    from scipy.stats import wilcoxon as signed_rank

    gaps = np.asarray(left, float) - np.asarray(right, float)
    ranks = signed_rank(gaps, alternative=alternative, method="exact")
    i, j = np.triu_indices(len(gaps))
    positive = float(pd.Series(np.abs(gaps)).rank()[gaps > 0].sum())
    whole = len(gaps) * (len(gaps) + 1) / 2
    return RankTest(positive, float(ranks.pvalue), float(np.median((gaps[i] + gaps[j]) / 2)), 2 * positive / whole - 1)
