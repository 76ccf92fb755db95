"""Computes the mean absence of a worker at a recycle: the time from exit begun to ready."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics.hang_rates import CONFIDENCE, Interval


class Absence(NamedTuple):
    """The mean absence over all respawns that came back."""

    mean_s: float | None  # None if no worker came back
    interval_s: Interval | None  # 95 %, not below 0; None with fewer than two runs
    runs: int


def mean_absence(episodes: pd.DataFrame) -> Absence:
    """Return the mean absence and its t interval over the means of the runs.

    The runs and not the respawns are the sample: respawns of one run resemble each other.
    """
    from scipy.special import stdtrit

    came_back = episodes[np.isfinite(episodes["respawn_s"].astype(float))]
    if came_back.empty:
        return Absence(None, None, 0)
    run_means = came_back.groupby("run_key")["respawn_s"].mean().to_numpy(float)
    mean = float(came_back["respawn_s"].mean())
    count = len(run_means)
    if count < 2:
        return Absence(mean, None, count)
    half = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * float(run_means.std(ddof=1)) / count**0.5
    return Absence(mean, (max(0.0, mean - half), mean + half), count)
