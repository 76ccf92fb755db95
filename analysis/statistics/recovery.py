"""Answered requests a bin -> the moments when throughput changed, and how long it took to come back.

Changes are found by exact segmentation with a penalty of 3 sigma^2 ln n (PELT's cost; Killick et al.,
JASA 107, 2012). A recovery that was not seen is censored, never left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

SHARE = 0.95  # of the median before the event counts as recovered
LASTING_BINS = 5  # in a row, so that one good bin of an outage is none
LEAST_SEGMENT = 3
MOST_POINTS = 2000  # the exact segmentation is quadratic: beyond, use longer bins


@dataclass(frozen=True, slots=True)
class Recovery:
    """One event: when it was, how long throughput stayed low, and whether its return was seen."""

    at_s: float
    took_s: float
    seen: bool


def change_points(values: Sequence[float], penalty: float | None = None) -> list[int]:
    """Indexes at which a new level begins."""
    x = np.asarray(values, float)
    n = len(x)
    if n < 2 * LEAST_SEGMENT:
        return []
    if n > MOST_POINTS:
        raise ValueError(f"{n} values: at most {MOST_POINTS}")
    if penalty is None:
        # Noise from the steps between neighbours, which a change of level hardly touches.
        sigma = float(np.median(np.abs(np.diff(x)))) / (0.6745 * math.sqrt(2))
        penalty = 3 * sigma**2 * math.log(n)
    sums, squares = np.concatenate([[0], np.cumsum(x)]), np.concatenate([[0], np.cumsum(x * x)])
    best = np.full(n + 1, math.inf)
    best[0] = -penalty
    last = np.zeros(n + 1, int)
    for end in range(LEAST_SEGMENT, n + 1):
        begins = np.arange(0, end - LEAST_SEGMENT + 1)
        size = end - begins
        cost = squares[end] - squares[begins] - (sums[end] - sums[begins]) ** 2 / size
        total = best[begins] + cost + penalty
        last[end] = int(begins[np.argmin(total)])
        best[end] = float(np.min(total))
    found, end = [], n
    while last[end] > 0:
        end = int(last[end])
        found.append(end)
    return found[::-1]


def recoveries(seconds: pd.DataFrame, events_s: Sequence[float]) -> list[Recovery]:
    """For every event the time until 5 bins in a row reach 95 % of the median before it.

    Events whose predecessor had not recovered yet belong to it and give no row of their own.
    """
    times = seconds["t_s"].to_numpy(float)
    values = seconds["answered_rps"].to_numpy(float)
    found: list[Recovery] = []
    busy_until = -math.inf
    for event in sorted(events_s):
        before = values[(times < event) & (times >= busy_until)]
        if event < busy_until or not len(before):
            continue
        wanted = SHARE * float(np.median(before))
        after = np.flatnonzero(times >= event)
        good = values >= wanted
        back = next((i for i in after if i + LASTING_BINS <= len(good) and good[i : i + LASTING_BINS].all()), None)
        end_s = float(times[-1] + seconds["bin_s"].iloc[-1])
        took = (float(times[back]) if back is not None else end_s) - event
        found.append(Recovery(event, max(0.0, took), back is not None))
        busy_until = event + took
    return found
