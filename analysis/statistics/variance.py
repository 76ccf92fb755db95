"""Splits the variance of measured values into variance within runs and variance between runs.

From both it computes how many values one run should measure. Method for two levels: Kalibera and Jones, Rigorous
benchmarking in reasonable time (ISMM 2013).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Components:
    """The two variances. `between` may be negative: then the runs differ by less than chance."""

    within: float
    between: float


def components(runs: Sequence[Sequence[float]]) -> Components:
    """Return the variances of `runs`, which have equally many values each.

    Raises ValueError for fewer than two runs, for fewer than two values a run, and for runs of different lengths.
    """
    values = np.asarray([list(run) for run in runs], float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError("at least two runs with two values each are needed")
    within = float(values.var(axis=1, ddof=1).mean())
    return Components(within, float(values.mean(axis=1).var(ddof=1)) - within / values.shape[1])


def repetitions(variances: Components, cost_of_run: float, cost_of_value: float) -> int:
    """Return how many values a run should measure, so that the mean is most exact for the time spent; at least 1.

    ceil(sqrt(c2 / c1 * T1 / T2)), where c2 is the cost to start a run, c1 the cost of a value, T1 the variance within
    and T2 the variance between runs. Raises ValueError if the variance between runs is not positive.
    """
    if variances.between <= 0:
        raise ValueError("the runs differ by no more than chance: measure all values in one long run")
    return max(1, math.ceil(math.sqrt(cost_of_run / cost_of_value * variances.within / variances.between)))
