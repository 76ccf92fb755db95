"""Where the noise is: variance within runs and between them, and how many repetitions inside a run pay.

Kalibera and Jones, Rigorous benchmarking in reasonable time (ISMM 2013), for two levels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Components:
    """Variances; `between` may be negative where runs differ by less than chance."""

    within: float
    between: float


def components(runs: Sequence[Sequence[float]]) -> Components:
    """Of runs with equally many values each. Raises ValueError otherwise."""
    values = np.asarray([list(run) for run in runs], float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError("two runs with two values each are the least")
    within = float(values.var(axis=1, ddof=1).mean())
    return Components(within, float(values.mean(axis=1).var(ddof=1)) - within / values.shape[1])


def repetitions(found: Components, cost_of_run: float, cost_of_value: float) -> int:
    """Values a run that make the mean most exact for the time: ceil(sqrt(c2 / c1 * T1 / T2)), at least 1."""
    if found.between <= 0:
        raise ValueError("runs differ by no more than chance: make one long run of it")
    return max(1, math.ceil(math.sqrt(cost_of_run / cost_of_value * found.within / found.between)))
