"""Hang rates of respawns that are clustered in runs."""

import numpy as np
import pytest

from analysis.statistics import clusters, hang_rates


def test_runs_that_are_alike_have_a_design_effect_of_one():
    assert clusters.design_effect([(2, 20)] * 5) == 1.0
    assert clusters.hang_rate([(0, 40)] * 5).high == hang_rates.wilson(0, 200)[1]
    assert clusters.hang_rate([(40, 40)] * 5).low == hang_rates.wilson(200, 200)[0]
    assert clusters.hang_rate([(7, 40)]).low == hang_rates.wilson(7, 40)[0]
    assert clusters.hang_rate([]).rate is None
    assert clusters.difference([(1, 1)], []) is None


def test_runs_that_hang_entirely_or_not_at_all_carry_few_effective_trials():
    rate = clusters.hang_rate([(40, 40), (0, 40), (40, 40), (0, 40)])
    assert rate.design_effect > 40
    assert rate.effective_trials < 4
    assert rate.low < 0.2
    assert rate.high > 0.8


def test_intervals_of_clustered_runs_contain_the_true_rate():
    """10 runs of 40 respawns with an intra-class correlation of 0.2: a pooled Wilson interval contains the rate half of
    the time.
    """
    generator = np.random.default_rng(5)
    true_rate, correlation, times = 0.3, 0.2, 300
    a, b = true_rate * (1 / correlation - 1), (1 - true_rate) * (1 / correlation - 1)
    clustered = pooled = 0
    for _ in range(times):
        runs = [(int(generator.binomial(40, p)), 40) for p in generator.beta(a, b, 10)]
        rate = clusters.hang_rate(runs)
        clustered += rate.low <= true_rate <= rate.high
        low, high = hang_rates.wilson(rate.hung, rate.trials)
        pooled += low <= true_rate <= high
    assert pooled / times < 0.65
    assert clustered / times > 0.91  # three standard errors below 0.95


def test_difference_and_fisher_of_clustered_cells():
    low, high = clusters.difference([(16, 16)] * 3, [(0, 49)] * 3)
    assert 0.9 < low < high == 1.0
    assert clusters.fisher_p([(10, 10)], [(0, 10)]) == pytest.approx(1.0825e-5, rel=1e-3)
