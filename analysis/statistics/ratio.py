"""Compares the throughput of two cells from interleaved pairs of runs: a t interval of the logarithm of the ratio.

A host whose speed drifts by 8 % within a day hides a true difference of 5 % between unpaired runs, but not within
pairs. A bootstrap over fewer than about 20 pairs gives intervals that are too short.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.statistics.hang_rates import CONFIDENCE

FEWEST_PAIRS = 2  # one pair has no variance
ROUND = ("campaign", "trial")
SETTINGS = ("scenario", "users", "workers", "threads", "max_requests", "max_requests_delta")


@dataclass(frozen=True, slots=True)
class Ratio:
    """The right cell's throughput divided by the left cell's: geometric mean of the pairs, and its interval."""

    pairs: int
    ratio: float
    low: float
    high: float
    p: float  # of the hypothesis that both cells answer the same


def matched(left: pd.DataFrame, right: pd.DataFrame, value: str = "answered_rps") -> list[tuple[float, float]]:
    """Return (left value, right value) of each pair of runs.

    `left` and `right` are runs frames. A pair is two runs of the same round of one campaign with the same settings: the
    plan of the campaign runs them one after the other. A run without `value` makes no pair.
    """
    keys = [name for name in (*ROUND, *SETTINGS) if name in left and name in right]
    both = left[[*keys, value]].merge(right[[*keys, value]], on=keys, suffixes=("_l", "_r"))
    both = both.dropna(subset=[f"{value}_l", f"{value}_r"])
    return [(float(a), float(b)) for a, b in zip(both[f"{value}_l"], both[f"{value}_r"], strict=True)]


def log_ratio(pairs: Sequence[tuple[float, float]], confidence: float = CONFIDENCE) -> Ratio | None:
    """Return the ratio right / left over all pairs.

    None with fewer than two pairs, and if a value is 0: such a pair has no ratio.
    """
    from scipy.special import stdtr, stdtrit

    if len(pairs) < FEWEST_PAIRS or any(value <= 0 for pair in pairs for value in pair):
        return None
    logs = [math.log(right / left) for left, right in pairs]
    count, mean = len(logs), sum(logs) / len(logs)
    error = math.sqrt(sum((x - mean) ** 2 for x in logs) / (count - 1) / count)
    half = float(stdtrit(count - 1, 0.5 + confidence / 2)) * error
    p = 2 * float(stdtr(count - 1, -abs(mean) / error)) if error else float(mean == 0)
    return Ratio(count, math.exp(mean), math.exp(mean - half), math.exp(mean + half), p)


def unpaired(left: Sequence[float], right: Sequence[float], confidence: float = CONFIDENCE) -> Ratio | None:
    """Return the ratio right / left of two samples that are not paired: Welch's t interval of the logarithms.

    `pairs` is 0. None with fewer than two values on a side, and if a value is missing or 0.
    """
    from scipy.special import stdtr, stdtrit

    sides = [[float(value) for value in side] for side in (left, right)]
    if any(len(side) < FEWEST_PAIRS or not all(value > 0 for value in side) for side in sides):
        return None
    logs = [[math.log(value) for value in side] for side in sides]
    means = [sum(side) / len(side) for side in logs]
    parts = [sum((x - m) ** 2 for x in side) / (len(side) - 1) / len(side) for side, m in zip(logs, means, strict=True)]
    error, mean = math.sqrt(sum(parts)), means[1] - means[0]
    if not error:
        return Ratio(0, math.exp(mean), math.exp(mean), math.exp(mean), float(mean == 0))
    freedom = sum(parts) ** 2 / sum(part**2 / (len(side) - 1) for part, side in zip(parts, logs, strict=True))
    half = float(stdtrit(freedom, 0.5 + confidence / 2)) * error
    p = 2 * float(stdtr(freedom, -abs(mean) / error))
    return Ratio(0, math.exp(mean), math.exp(mean - half), math.exp(mean + half), p)
