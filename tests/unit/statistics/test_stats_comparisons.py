"""Rank tests, pairs, clusters, variance, change points and corrected latencies, against published numbers."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.frames import latency
from analysis.statistics import clusters, hang_rates, ratio, recovery, variance

# Hollander and Wolfe (1973), as in R's ?wilcox.test: permeability of the chorioamnion at term and earlier.
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
# Hollander and Wolfe (1973): depression scale before and after a tranquilliser.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
# Davies, Design and Analysis of Industrial Experiments: yield of dyestuff, 6 batches of 5.
DYESTUFF = [
    [1545, 1440, 1440, 1520, 1580],
    [1540, 1555, 1490, 1560, 1495],
    [1595, 1550, 1605, 1510, 1560],
    [1445, 1440, 1595, 1465, 1545],
    [1595, 1630, 1515, 1635, 1625],
    [1520, 1455, 1450, 1480, 1445],
]
# Efron and Tibshirani, An Introduction to the Bootstrap, table 14.1: spatial test A.
SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]


def test_power():
    """R's ?power.prop.test."""
    assert hang_rates.power_to_tell(0.50, 0.75, 50) == pytest.approx(0.7402, abs=5e-4)
    assert hang_rates.trials_to_tell(0.50, 0.75, power=0.9) == pytest.approx(76.7, abs=0.05)


def test_mann_whitney():
    found = ratio.mann_whitney(TERM, EARLY, "greater")
    assert (found.statistic, found.p) == (35, pytest.approx(0.1272, abs=5e-5))
    assert found.shift == pytest.approx(0.305, abs=1e-9)
    assert found.delta == pytest.approx(0.4)
    # R says 95.2 % for these; -0.15 and 0.76.
    assert ratio.shift_interval(TERM, EARLY) == pytest.approx((-0.15, 0.76), abs=1e-9)


def test_wilcoxon():
    found = ratio.wilcoxon(BEFORE, AFTER, "greater")
    assert (found.statistic, found.p) == (40, pytest.approx(0.01953, abs=5e-6))
    assert found.shift == pytest.approx(0.46, abs=1e-9)


def test_five_pairs_can_never_reach_five_percent():
    assert ratio.wilcoxon([2, 3, 4, 5, 6], [1, 1, 1, 1, 1]).p == pytest.approx(0.0625)
    assert ratio.wilcoxon([2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 1, 1]).p < 0.05


def test_variance_components():
    found = variance.components(DYESTUFF)
    assert found.within == pytest.approx(2451.25, abs=0.005)
    assert found.between == pytest.approx(1764.05, abs=0.005)
    assert variance.repetitions(found, cost_of_run=10, cost_of_value=1) == math.ceil(math.sqrt(10 * 2451.25 / 1764.05))
    with pytest.raises(ValueError, match="one long run"):
        variance.repetitions(variance.Components(1.0, -0.1), 1, 1)


def test_bootstrap_is_the_one_of_the_book():
    """BCa of a variance: the check of the library that a reader with 20 pairs or more would use."""
    from scipy.stats import bootstrap

    generator = np.random.default_rng(1)
    found = bootstrap((SPATIAL,), np.var, confidence_level=0.9, n_resamples=20_000, method="BCa", rng=generator)
    assert found.confidence_interval == pytest.approx((115.8, 259.6), abs=4)


def test_change_point_of_the_nile():
    from statsmodels.datasets import nile

    assert recovery.change_points(nile.load_pandas().data["volume"].to_numpy())[:1] == [28]
    assert recovery.change_points([5.0] * 3) == []


def test_coordinated_omission():
    """Tene: 10 000 answers of 1 ms and one stall of 100 s, asked every 10 ms."""
    naive = [0.001] * 10_000 + [100.0]
    assert np.quantile(naive, 0.9999, method="inverted_cdf") == 0.001
    values = latency.corrected(naive, 0.01)
    assert len(values) == pytest.approx(20_000, abs=1)
    assert np.quantile(values, 0.5, method="inverted_cdf") == 0.001
    assert np.quantile(values, 0.75) == pytest.approx(50, abs=0.05)
    assert values.mean() == pytest.approx(25.0, abs=0.05)


def test_interleaved_pairs_cancel_drift():
    generator = np.random.default_rng(3)
    day = np.exp(generator.normal(0, 0.08, 10))
    pairs = [(100 * d, 105 * d * math.exp(e)) for d, e in zip(day, generator.normal(0, 0.004, 10), strict=True)]
    found = ratio.log_ratio(pairs)
    assert found.low < 1.05 < found.high
    assert found.high - found.low < 0.01
    assert found.p < 1e-6


def test_a_ratio_needs_two_pairs_that_answered():
    assert ratio.log_ratio([(1.0, 2.0)]) is None
    assert ratio.log_ratio([(1.0, 2.0), (0.0, 2.0)]) is None
    assert ratio.log_ratio([(1.0, 1.0), (1.0, 1.0)]).p == 1.0


def test_pairs_are_runs_of_one_round():
    left = pd.DataFrame({"campaign": ["a", "a", "b"], "trial": [1, 2, 1], "answered_rps": [1.0, 2.0, 3.0]})
    right = pd.DataFrame({"campaign": ["a", "b", "b"], "trial": [2, 1, 2], "answered_rps": [20.0, 30.0, None]})
    assert ratio.matched(left, right) == [(2.0, 20.0), (3.0, 30.0)]
    # Other settings are another question.
    left, right = left.assign(workers=[4, 4, 4], users=None), right.assign(workers=[4, 8, 8], users=None)
    assert ratio.matched(left, right) == [(2.0, 20.0)]


def test_runs_without_clustering_lose_little():
    assert clusters.design_effect([(2, 20)] * 5) == 1.0
    assert clusters.hang_rate([(0, 40)] * 5).high == hang_rates.wilson(0, 200)[1]
    assert clusters.hang_rate([(40, 40)] * 5).low == hang_rates.wilson(200, 200)[0]
    assert clusters.hang_rate([(7, 40)]).low == hang_rates.wilson(7, 40)[0]
    assert clusters.hang_rate([]).rate is None
    assert clusters.difference([(1, 1)], []) is None


def test_runs_that_hang_or_do_not_are_worth_few_trials():
    found = clusters.hang_rate([(40, 40), (0, 40), (40, 40), (0, 40)])
    assert found.design_effect > 40
    assert found.effective_trials < 4
    assert found.low < 0.2
    assert found.high > 0.8


def test_intervals_of_clustered_runs_hold_the_truth():
    """10 runs of 40 with an intra-class correlation of 0.2: pooled Wilson holds half of the time."""
    generator = np.random.default_rng(5)
    rate, icc, times = 0.3, 0.2, 300
    a, b = rate * (1 / icc - 1), (1 - rate) * (1 / icc - 1)
    inside = pooled = 0
    for _ in range(times):
        runs = [(int(generator.binomial(40, p)), 40) for p in generator.beta(a, b, 10)]
        found = clusters.hang_rate(runs)
        inside += found.low <= rate <= found.high
        low, high = hang_rates.wilson(found.hung, found.trials)
        pooled += low <= rate <= high
    assert pooled / times < 0.65
    assert inside / times > 0.91  # three standard errors below 0.95


def test_differences_of_clustered_cells():
    low, high = clusters.difference([(16, 16)] * 3, [(0, 49)] * 3)
    assert 0.9 < low < high == 1.0
    assert clusters.fisher_p([(10, 10)], [(0, 10)]) == pytest.approx(1.0825e-5, rel=1e-3)


def seconds(rates: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"t_s": range(len(rates)), "bin_s": 1.0, "answered_rps": rates})


def test_recovery_needs_five_good_bins():
    rates = [100.0] * 10 + [20, 100, 20, 96, 97, 99, 100, 100, 100]
    [found] = recovery.recoveries(seconds(rates), [10.0])
    assert (found.took_s, found.seen) == (3.0, True)


def test_no_recovery_is_censored():
    [found] = recovery.recoveries(seconds([100.0] * 5 + [0.0] * 5), [5.0, 6.0])
    assert (found.took_s, found.seen) == (5.0, False)
