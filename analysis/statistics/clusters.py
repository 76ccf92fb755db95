"""Respawns of one run are alike: the design effect, and intervals of a hang rate that respect it.

Pooling 10 runs of 40 respawns with an intra-class correlation of 0.2 makes a nominal 95 % interval
hold the truth 48 times of 100; dividing the trials by the design effect brings the 95 back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from analysis.statistics import hang_rates

Run = tuple[int, int]  # (hung, trials) of one run


@dataclass(frozen=True, slots=True)
class Clustered:
    """A hang rate over runs. `low` and `high` are None without a trial."""

    hung: int
    trials: int
    runs: int
    design_effect: float  # 1: as good as independent
    effective_trials: float  # what the trials are worth, at most `trials`
    low: float | None
    high: float | None

    @property
    def rate(self) -> float | None:
        """The share that hung."""
        return self.hung / self.trials if self.trials else None


def design_effect(runs: Sequence[Run]) -> float:
    """How many times larger the variance of the rate is than if all respawns were independent, at least 1.

    The linearised variance of a ratio (Cochran, Sampling Techniques, 3rd ed., 6.3) over the binomial
    one. One run, no hang and nothing but hangs show no variance between runs, so they give 1.
    """
    runs = [run for run in runs if run[1] > 0]
    hung, trials = sum(h for h, _ in runs), sum(n for _, n in runs)
    if len(runs) < 2 or hung in (0, trials):
        return 1.0
    rate = hung / trials
    between = sum((h - rate * n) ** 2 for h, n in runs) * len(runs) / (len(runs) - 1) / trials**2
    return max(1.0, between / (rate * (1 - rate) / trials))


def effective_trials(runs: Sequence[Run]) -> float:
    """Trials over the design effect, and fewer where few runs know little of the variance between them.

    The second part is Korn and Graubard's (Survey Methodology 24, 1998, 193-201): the squared ratio of the t
    quantiles of trials - 1 and runs - 1 degrees of freedom.
    """
    from scipy.special import stdtrit

    runs = [run for run in runs if run[1] > 0]
    hung, trials = sum(h for h, _ in runs), sum(n for _, n in runs)
    if len(runs) < 2 or hung in (0, trials):
        return float(trials)
    tail = 0.5 + hang_rates.CONFIDENCE / 2
    few = float(stdtrit(trials - 1, tail) / stdtrit(len(runs) - 1, tail)) ** 2
    return min(float(trials), trials / design_effect(runs) * few)


def hang_rate(runs: Sequence[Run]) -> Clustered:
    """The rate over all runs with Wilson's interval of the effective trials."""
    hung, trials = sum(h for h, _ in runs), sum(n for _, n in runs)
    effective = effective_trials(runs)
    limits = hang_rates.score_interval(hung / trials, effective) if trials else (None, None)
    counted = sum(n > 0 for _, n in runs)
    return Clustered(hung, trials, counted, design_effect(runs), effective, *limits)


def difference(left: Sequence[Run], right: Sequence[Run]) -> hang_rates.Interval | None:
    """Newcombe's interval of left's rate minus right's, each on its effective trials; None without a trial."""
    l, r = hang_rate(left), hang_rate(right)  # noqa: E741 - left and right
    if l.rate is None or r.rate is None or l.low is None or r.low is None or l.high is None or r.high is None:
        return None
    low = l.rate - r.rate - math.hypot(l.rate - l.low, r.high - r.rate)
    return low, l.rate - r.rate + math.hypot(l.high - l.rate, r.rate - r.low)


def fisher_p(left: Sequence[Run], right: Sequence[Run]) -> float | None:
    """Fisher's exact p that both hang at the same rate, on counts shrunk to the effective trials."""
    scaled = []
    for runs in (left, right):
        found = hang_rate(runs)
        if found.rate is None:
            return None
        trials = max(1, round(found.effective_trials))
        scaled.append((round(found.rate * trials), trials))
    return hang_rates.fisher_p(scaled[0], scaled[1])
