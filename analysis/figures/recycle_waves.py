"""Answers of several runs -> the mean throughput around a wave of recycles: how deep it falls, when it is back.

A wave begins with a worker that leaves after a quiet time. Workers that started together leave together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

BEFORE_S, AFTER_S, STEP_S = 1.0, 3.0, 0.1  # around the begin of a wave
QUIET_S = 2.0  # without a leaving worker before a wave
BACK = 0.95  # of the level before counts as back
# Standard deviations of a Poisson count: among the 20 or so windows after a wave, one strays by two by chance.
NOISE = 3.0
SMOOTH = 5  # steps, so half a second

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RunAnswers:
    """One run in seconds since its load began: `counts` answers ended in the short bins around `done_s`."""

    done_s: Floats
    counts: Floats
    waves_s: list[float]


@dataclass(frozen=True)
class Dip:
    """Answered requests/s of a cell in steps of STEP_S, the mean over `waves`; `t_s` counts from the first exit.

    `settings` says in words which runs of the cell they are of, where its runs have several settings.
    """

    name: str
    t_s: Floats
    rps: Floats
    waves: int
    is_bad: bool
    settings: str = ""

    @property
    def level_rps(self) -> float:
        """The median before the wave; NaN where nothing is known of it."""
        before = self.rps[self.t_s < 0]
        return float(np.nanmedian(before)) if np.isfinite(before).any() else math.nan

    @property
    def least_usual_rps(self) -> float:
        """Below this, throughput has fallen: 95 % of the level, or less where random arrivals alone go lower."""
        counted = self.level_rps * SMOOTH * STEP_S * max(1, self.waves)
        if not counted > 0:
            return 0.0
        return min(BACK * self.level_rps, self.level_rps * (1 - NOISE / math.sqrt(counted)))

    @property
    def back_s(self) -> float | None:
        """When throughput was back for half a second; 0 where it never fell, None where it did not come back."""
        smooth = np.convolve(self.rps, np.ones(SMOOTH) / SMOOTH, mode="valid")
        begins = self.t_s[: len(smooth)]
        is_usual = smooth >= self.least_usual_rps
        down = np.flatnonzero((begins >= -STEP_S / 2) & (smooth < self.least_usual_rps) & (begins < AFTER_S / 2))
        if not len(down):
            return 0.0 if self.level_rps > 0 else None
        # A good half second may begin with a bad tenth of a second, which is not back yet.
        is_good_itself = self.rps[: len(smooth)] >= self.level_rps / 2
        up = np.flatnonzero((begins > begins[down[0]]) & is_usual & is_good_itself)
        return max(0.0, float(begins[up[0]])) if len(up) else None


def wave_begins_s(episodes: pd.DataFrame, begin_ns: int, quiet_s: float = QUIET_S) -> list[float]:
    """The seconds since `begin_ns` at which a wave began: a worker left after `quiet_s` in which none left.

    `episodes` has the column exit_begun_ns, on the clock of `begin_ns`.
    """
    begun = episodes["exit_begun_ns"].dropna().astype("int64")
    times = sorted(float(t - begin_ns) / 1e9 for t in begun if t >= begin_ns)
    return [t for before, t in zip([-math.inf, *times], times, strict=False) if t - before >= quiet_s]


def mean_dip(name: str, runs: Sequence[RunAnswers], is_bad: bool, settings: str = "") -> Dip:
    """The mean over all waves of all runs."""
    edges = np.arange(-BEFORE_S, AFTER_S + STEP_S / 2, STEP_S)
    rates = [
        # Before the load began there were no requests, which is no level to come back to.
        np.where(
            edges[:-1] + wave_s < -STEP_S / 2,
            np.nan,
            np.histogram(run.done_s - wave_s, edges, weights=run.counts)[0] / STEP_S,
        )
        for run in runs
        for wave_s in run.waves_s
    ]
    known = np.sum(~np.isnan(rates), axis=0) if rates else np.zeros(len(edges) - 1)
    mean_rps = np.where(known > 0, np.nansum(rates, axis=0) / np.maximum(known, 1), np.nan)
    return Dip(name, edges[:-1], mean_rps, len(rates), is_bad, settings)
