"""Estimates and compares the time until a worker is ready, with censoring: Kaplan-Meier, log-rank, restricted mean.

Durations are seconds. `seen` is True for a worker that became ready, and False if the observation ended before that.
statsmodels is imported inside the functions, because its import takes most of a second.
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
    """Durations, and for each of them whether its end was seen. Raises ValueError if the lengths differ."""

    durations_s: Sequence[float]
    seen: Sequence[bool]

    def __post_init__(self) -> None:
        if len(self.durations_s) != len(self.seen):
            raise ValueError(f"{len(self.durations_s)} durations but {len(self.seen)} flags")


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a test that two survival curves are equal."""

    chi2: float  # one degree of freedom
    p: float


def kaplan_meier(sample: Sample) -> pd.DataFrame:
    """Return the Kaplan-Meier curve: one row for each time at which a worker became ready.

    Columns: `t_s`, `at_risk` (workers not yet ready and still observed), `survival` (share not yet ready after `t_s`),
    `se` (its standard error by Greenwood's formula).
    """
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
    """Return the time at which half of the workers were ready; None if the curve does not fall to one half."""
    curve = kaplan_meier(sample)
    reached = curve.loc[curve["survival"] <= 0.5, "t_s"]
    return float(reached.iloc[0]) if len(reached) else None


def log_rank(left: Sample, right: Sample, *, gehan_breslow: bool = False) -> Comparison:
    """Test that the workers of two cells become ready equally fast. Gehan-Breslow gives more weight to early times."""
    from statsmodels.duration.survfunc import survdiff

    chi2, p = survdiff(
        np.concatenate([np.asarray(left.durations_s, float), np.asarray(right.durations_s, float)]),
        np.concatenate([np.asarray(left.seen, int), np.asarray(right.seen, int)]),
        np.repeat([0, 1], [len(left.seen), len(right.seen)]),
        weight_type="gb" if gehan_breslow else None,
    )
    return Comparison(float(chi2), float(p))


def restricted_mean_s(sample: Sample, horizon_s: float) -> float:
    """Return the mean time to ready within `horizon_s`: the area below the curve up to the horizon.

    A worker that never became ready counts with the whole horizon. The mean of the workers that became ready would look
    healthy even if most workers hang.
    """
    curve = kaplan_meier(sample)
    before = curve[curve["t_s"] < horizon_s]
    edges = np.concatenate([[0.0], before["t_s"], [horizon_s]])
    heights = np.concatenate([[1.0], before["survival"]])
    return float(np.sum(np.diff(edges) * heights))


def limits(curve: pd.DataFrame, confidence: float = 0.95) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the pointwise lower and upper limits of a Kaplan-Meier curve, one of each for a row of `curve`.

    The log-log interval, which stays between 0 and 1. Where the curve is 0 or 1 both limits equal the curve.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    survival, se = curve["survival"].to_numpy(float), curve["se"].to_numpy(float)
    inside = (survival > 0) & (survival < 1) & (se > 0)
    log = np.log(np.where(inside, survival, 0.5))
    width = np.exp(z * np.where(inside, se, 0.0) / (np.where(inside, survival, 0.5) * np.abs(log)))
    low, high = np.exp(log * width), np.exp(log / width)
    return np.where(inside, low, survival), np.where(inside, high, survival)


def common_horizon_s(samples: Sequence[Sample], most_s: float = 30.0) -> float:
    """Return the time up to which all curves are known, at most `most_s`.

    A curve is known up to its last duration. A curve that falls to 0 is known for all times. The default of 30 s is how
    long proxies commonly wait for an upstream.
    """
    ends = []
    for sample in samples:
        if len(sample.durations_s):
            last = max(zip(sample.durations_s, [not flag for flag in sample.seen], strict=True))
            ends += [last[0]] if last[1] else []
    return min([most_s, *ends])
