"""Time to ready with censoring: Kaplan-Meier, log-rank and restricted mean.

Durations are seconds; `seen` is True where the worker became ready and False where the watching
ended first. statsmodels is imported where it is needed, because it costs most of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True, slots=True)
class Sample:
    """The durations of one cell."""

    durations_s: Sequence[float]
    seen: Sequence[bool]

    def __post_init__(self) -> None:
        if len(self.durations_s) != len(self.seen):
            raise ValueError(f"{len(self.durations_s)} durations but {len(self.seen)} flags")


@dataclass(frozen=True, slots=True)
class Comparison:
    """A test that two survival curves are the same."""

    chi2: float
    p: float


def kaplan_meier(sample: Sample) -> pd.DataFrame:
    """The share not yet ready after each time that a worker became ready: t_s, at_risk, survival, se."""
    from statsmodels.duration.survfunc import SurvfuncRight

    curve = SurvfuncRight(np.asarray(sample.durations_s, float), np.asarray(sample.seen, int))
    return pd.DataFrame(
        {
            "t_s": curve.surv_times,
            "at_risk": np.asarray(curve.n_risk, int),
            "survival": curve.surv_prob,
            "se": curve.surv_prob_se,
        }
    )


def median_s(sample: Sample) -> float | None:
    """The time by which half of the workers were ready; None where the curve never falls that far."""
    curve = kaplan_meier(sample)
    reached = curve.loc[curve["survival"] <= 0.5, "t_s"]
    return float(reached.iloc[0]) if len(reached) else None


def log_rank(left: Sample, right: Sample, *, gehan_breslow: bool = False) -> Comparison:
    """Whether two cells become ready at different speeds; Gehan-Breslow gives early times more weight."""
    from statsmodels.duration.survfunc import survdiff

    chi2, p = survdiff(
        np.concatenate([np.asarray(left.durations_s, float), np.asarray(right.durations_s, float)]),
        np.concatenate([np.asarray(left.seen, int), np.asarray(right.seen, int)]),
        np.repeat([0, 1], [len(left.seen), len(right.seen)]),
        weight_type="gb" if gehan_breslow else None,
    )
    return Comparison(float(chi2), float(p))


def restricted_mean_s(sample: Sample, horizon_s: float) -> float:
    """The mean time to ready within `horizon_s`, a worker that never came up counting as the horizon.

    Unlike the mean of the survivors it does not look healthy when most of them hang.
    """
    curve = kaplan_meier(sample)
    before = curve[curve["t_s"] < horizon_s]
    edges = np.concatenate([[0.0], before["t_s"], [horizon_s]])
    heights = np.concatenate([[1.0], before["survival"]])
    return float(np.sum(np.diff(edges) * heights))


def limits(curve: pd.DataFrame, confidence: float = 0.95) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The pointwise log-log interval of a Kaplan-Meier curve, which stays between 0 and 1."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    survival, se = curve["survival"].to_numpy(float), curve["se"].to_numpy(float)
    inside = (survival > 0) & (survival < 1) & (se > 0)
    log = np.log(np.where(inside, survival, 0.5))
    width = np.exp(z * np.where(inside, se, 0.0) / (np.where(inside, survival, 0.5) * np.abs(log)))
    low, high = np.exp(log * width), np.exp(log / width)
    return np.where(inside, low, survival), np.where(inside, high, survival)


def common_horizon_s(samples: Sequence[Sample], most_s: float = 30.0) -> float:
    """How far every curve is known: to its last duration, or for good where it fell to 0.

    At most 30 s, because that is how long proxies commonly wait for an upstream.
    """
    ends = []
    for sample in samples:
        if len(sample.durations_s):
            last = max(zip(sample.durations_s, [not flag for flag in sample.seen], strict=True))
            ends += [last[0]] if last[1] else []
    return min([most_s, *ends])
