"""Computes hang rates and their intervals for respawns that are clustered in runs.

Respawns of one run resemble each other, so many respawns of a few runs carry less information than as many independent
respawns. With 10 runs of 40 respawns and an intra-class correlation of 0.2, a pooled Wilson interval at 95 % contains
the true rate in only 48 of 100 simulations. Wilson's interval of the effective trials restores 95 of 100
(`tests/unit/statistics/test_clusters.py` repeats the simulation).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics import hang_rates

RunCounts = tuple[int, int]  # (hung, trials) of one run


@dataclass(frozen=True, slots=True)
class HangRate:
    """The hang rate over several runs, with its 95 % interval. `low` and `high` are None if there was no trial."""

    hung: int
    trials: int
    runs: int  # runs that had a trial
    design_effect: float  # 1 if the respawns are as good as independent
    effective_trials: float  # number of independent trials with the same information, at most `trials`
    low: float | None
    high: float | None

    @property
    def rate(self) -> float | None:
        """The share of the trials that hung; None without a trial."""
        return self.hung / self.trials if self.trials else None


def design_effect(runs: Sequence[RunCounts]) -> float:
    """Return the variance of the rate divided by its variance if all respawns were independent; at least 1.

    The numerator is the linearised variance of a ratio (Cochran, Sampling Techniques, 3rd ed., 6.3), the denominator
    the binomial variance. The result is 1 for a single run, if no trial hung and if all trials hung: such data show no
    variance between runs.
    """
    runs = [run for run in runs if run[1] > 0]
    hung, trials = sum(h for h, _ in runs), sum(n for _, n in runs)
    if len(runs) < 2 or hung in (0, trials):
        return 1.0
    rate = hung / trials
    between = sum((h - rate * n) ** 2 for h, n in runs) * len(runs) / (len(runs) - 1) / trials**2
    return max(1.0, between / (rate * (1 - rate) / trials))


def effective_trials(runs: Sequence[RunCounts]) -> float:
    """Return the number of independent trials that carry the same information as the trials of these runs.

    It is trials / design effect, times a correction for the few runs from which the design effect was estimated: the
    squared ratio of the t quantiles with (trials - 1) and (runs - 1) degrees of freedom (Korn and Graubard, Survey
    Methodology 24, 1998, 193-201).
    """
    runs = [run for run in runs if run[1] > 0]
    hung, trials = sum(h for h, _ in runs), sum(n for _, n in runs)
    if len(runs) < 2 or hung in (0, trials):
        return float(trials)
    from scipy.special import stdtrit  # here: its import takes 0.3 s, and most cells do not need it

    probability = 0.5 + hang_rates.CONFIDENCE / 2
    correction = float(stdtrit(trials - 1, probability) / stdtrit(len(runs) - 1, probability)) ** 2
    return min(float(trials), trials / design_effect(runs) * correction)


def hang_rate(runs: Sequence[RunCounts]) -> HangRate:
    """Return the hang rate over all runs, with Wilson's interval of the effective trials."""
    hung, trials = sum(h for h, _ in runs), sum(n for _, n in runs)
    effective = effective_trials(runs)
    limits = hang_rates.score_interval(hung / trials, effective) if trials else (None, None)
    counted = sum(n > 0 for _, n in runs)
    return HangRate(hung, trials, counted, design_effect(runs), effective, *limits)


def difference(left: Sequence[RunCounts], right: Sequence[RunCounts]) -> hang_rates.Interval | None:
    """Return Newcombe's 95 % interval of the left rate minus the right rate; None if one side has no trial.

    As `hang_rates.newcombe_difference`, but with the intervals of the effective trials.
    """
    l, r = hang_rate(left), hang_rate(right)  # noqa: E741 - left and right
    if l.rate is None or r.rate is None or l.low is None or r.low is None or l.high is None or r.high is None:
        return None
    low = l.rate - r.rate - math.hypot(l.rate - l.low, r.high - r.rate)
    return low, l.rate - r.rate + math.hypot(l.high - l.rate, r.rate - r.low)


def fisher_p(left: Sequence[RunCounts], right: Sequence[RunCounts]) -> float | None:
    """Return Fisher's exact two-sided p that both sides hang at the same rate; None if one side has no trial.

    The counts of each side are scaled down to its effective trials first.
    """
    scaled = []
    for runs in (left, right):
        side = hang_rate(runs)
        if side.rate is None:
            return None
        trials = max(1, round(side.effective_trials))
        scaled.append((round(side.rate * trials), trials))
    return hang_rates.fisher_p(scaled[0], scaled[1])
