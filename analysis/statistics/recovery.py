"""Finds when throughput changed, and how long throughput took to recover after an event.

Input is the number of answered requests in each bin of time. Times are seconds. A recovery that was not observed is
censored and never left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

RECOVERED_SHARE = 0.95  # of the median before the event
LASTING_BINS = 5  # recovered bins in a row: a single good bin within an outage is no recovery
LEAST_SEGMENT = 3  # bins between two changes, as min_size=3 of ruptures' PELT
MOST_POINTS = 2000  # the exact segmentation takes quadratic time


@dataclass(frozen=True, slots=True)
class Recovery:
    """How throughput recovered after one event."""

    at_s: float  # the event
    took_s: float  # until throughput recovered, or until the data end
    seen: bool  # False if the data end before throughput recovered


def change_points(values: Sequence[float], penalty: float | None = None) -> list[int]:
    """Return the indexes at which a new level begins.

    Exact segmentation with the cost of PELT (squared error around the mean of a segment) and a penalty of
    3 sigma^2 ln n a change (Killick et al., JASA 107, 2012). Raises ValueError for more than 2000 values: use longer
    bins then.
    """
    x = np.asarray(values, float)
    n = len(x)
    if n < 2 * LEAST_SEGMENT:
        return []
    if n > MOST_POINTS:
        raise ValueError(f"{n} values: at most {MOST_POINTS}")
    if penalty is None:
        # The noise is estimated from the steps between neighbours, which a change of level hardly touches.
        # 0.6745 is the median of |z| of a normal z; a step has twice the variance of a value.
        sigma = float(np.median(np.abs(np.diff(x)))) / (0.6745 * math.sqrt(2))
        penalty = 3 * sigma**2 * math.log(n)
    sums, squares = np.concatenate([[0], np.cumsum(x)]), np.concatenate([[0], np.cumsum(x * x)])
    best = np.full(n + 1, math.inf)  # least cost of the values before an index
    best[0] = -penalty
    last = np.zeros(n + 1, int)  # begin of the last segment of that least cost
    for end in range(LEAST_SEGMENT, n + 1):
        begins = np.arange(0, end - LEAST_SEGMENT + 1)
        size = end - begins
        cost = squares[end] - squares[begins] - (sums[end] - sums[begins]) ** 2 / size
        total = best[begins] + cost + penalty
        last[end] = int(begins[np.argmin(total)])
        best[end] = float(np.min(total))
    changes, end = [], n
    while last[end] > 0:
        end = int(last[end])
        changes.append(end)
    return changes[::-1]


def recoveries(seconds: pd.DataFrame, events_s: Sequence[float]) -> list[Recovery]:
    """Return for each event the time until 5 bins in a row reach 95 % of the median before the event.

    `seconds` has the columns `t_s` (begin of a bin), `bin_s` (its width) and `answered_rps`. An event that happens
    before the previous recovery has ended is part of that recovery and has no entry of its own.
    """
    times = seconds["t_s"].to_numpy(float)
    values = seconds["answered_rps"].to_numpy(float)
    result: list[Recovery] = []
    busy_until = -math.inf
    for event in sorted(events_s):
        before = values[(times < event) & (times >= busy_until)]
        if event < busy_until or not len(before):
            continue
        good = values >= RECOVERED_SHARE * float(np.median(before))
        after = np.flatnonzero(times >= event)
        back = next((i for i in after if i + LASTING_BINS <= len(good) and good[i : i + LASTING_BINS].all()), None)
        end_s = float(times[-1] + seconds["bin_s"].iloc[-1])
        took = (float(times[back]) if back is not None else end_s) - event
        result.append(Recovery(event, max(0.0, took), back is not None))
        busy_until = event + took
    return result
