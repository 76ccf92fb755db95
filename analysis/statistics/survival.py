"""Estimates and compares the time until a worker is ready, with censoring: Kaplan-Meier, log-rank, restricted mean.

Durations are seconds. `seen` is True for a worker that became ready, and False if the observation ended before that.
scipy.stats is imported inside the functions, because its import takes most of a second.
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
    from scipy.stats import ecdf

    durations_s, seen = np.asarray(sample.durations_s, float), np.asarray(sample.seen, bool)
    curve = ecdf(_censored(sample)).sf
    times_s, ended = np.unique(durations_s[seen], return_counts=True)
    at_risk = len(durations_s) - np.searchsorted(np.sort(durations_s), times_s)
    share = np.asarray(curve.probabilities)[np.searchsorted(curve.quantiles, times_s)]
    # Greenwood's sum. Its last term is infinite where the last workers at risk became ready; the curve is 0 there.
    left = at_risk - ended
    terms = np.divide(ended, at_risk * left, out=np.zeros(len(times_s)), where=left > 0)
    error = np.where(left > 0, share * np.sqrt(np.cumsum(terms)), np.nan)
    return pd.DataFrame({"t_s": times_s, "at_risk": at_risk, "survival": share, "se": error})


def _censored(sample: Sample) -> Any:
    """The sample as scipy takes it."""
    from scipy.stats import CensoredData

    durations_s, seen = np.asarray(sample.durations_s, float), np.asarray(sample.seen, bool)
    return CensoredData(uncensored=durations_s[seen], right=durations_s[~seen])


def median_s(sample: Sample) -> float | None:
    """Return the time at which half of the workers were ready; None if the curve does not fall to one half."""
    curve = kaplan_meier(sample)
    reached = curve.loc[curve["survival"] <= 0.5, "t_s"]
    return float(reached.iloc[0]) if len(reached) else None


def log_rank(left: Sample, right: Sample) -> Comparison:
    """Test that the workers of two cells become ready equally fast (Mantel 1966).

    Where every worker became ready at the same time, the statistic has no variance: chi2 is 0 and p is 1.
    """
    from scipy.stats import logrank

    with np.errstate(invalid="ignore", divide="ignore"):
        test = logrank(_censored(left), _censored(right))  # its statistic is a normal deviate; chi2 is its square
    if not np.isfinite(test.statistic):
        return Comparison(0.0, 1.0)
    return Comparison(float(test.statistic) ** 2, float(test.pvalue))


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
