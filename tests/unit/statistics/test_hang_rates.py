"""Hang rates of independent trials against published tables, exact fractions and scipy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from analysis.statistics import hang_rates
from stacks.lifecycle.rates import respawns_to_rule_out

# Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: (hung, trials), Wilson, Clopper-Pearson.
TABLE_I = [
    ((81, 263), (0.2553, 0.3662), (0.2527, 0.3676)),
    ((15, 148), (0.0624, 0.1605), (0.0578, 0.1617)),
    ((0, 20), (0.0, 0.1611), (0.0, 0.1684)),
    ((1, 29), (0.0061, 0.1718), (0.0009, 0.1776)),
]
# Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10.
TABLE_II = [
    ((56, 70), (48, 80), (0.0524, 0.3339)),
    ((9, 10), (3, 10), (0.1705, 0.8090)),
    ((6, 7), (2, 7), (0.0582, 0.8062)),
    ((5, 56), (0, 29), (-0.0381, 0.1926)),
    ((0, 10), (0, 20), (-0.1611, 0.2775)),
    ((0, 10), (0, 10), (-0.2775, 0.2775)),
    ((10, 10), (0, 20), (0.6791, 1.0)),
    ((10, 10), (0, 10), (0.6075, 1.0)),
]
FOUR_DIGITS = 5e-5  # both tables print four digits

# The first call imports scipy, which takes longer than the default deadline. A database would leave files in the tree.
QUIET = settings(deadline=None, database=None)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("cell", "expected", "_exact"), TABLE_I)
def test_wilson_matches_the_published_table(cell, expected, _exact):
    assert hang_rates.wilson(*cell) == pytest.approx(expected, abs=FOUR_DIGITS)


@pytest.mark.parametrize(("cell", "_score", "expected"), TABLE_I)
def test_clopper_pearson_matches_the_published_table(cell, _score, expected):
    assert hang_rates.clopper_pearson(*cell) == pytest.approx(expected, abs=FOUR_DIGITS)


@given(counts)
@QUIET
def test_intervals_agree_with_scipy(cell):
    assert hang_rates.wilson(*cell) == pytest.approx(tuple(binomtest(*cell).proportion_ci(method="wilson")), abs=1e-12)
    assert hang_rates.clopper_pearson(*cell) == pytest.approx(
        tuple(binomtest(*cell).proportion_ci(method="exact")), abs=1e-9
    )


@given(counts)
@QUIET
def test_intervals_contain_the_rate_and_stay_between_0_and_1(cell):
    rate = cell[0] / cell[1]
    for low, high in (hang_rates.wilson(*cell), hang_rates.clopper_pearson(*cell)):
        assert 0 <= low <= rate <= high <= 1


def test_interval_limits_are_exact_if_all_or_none_hung():
    assert hang_rates.wilson(0, 48)[0] == 0.0
    assert hang_rates.wilson(48, 48)[1] == 1.0
    assert hang_rates.clopper_pearson(0, 48)[0] == 0.0
    assert hang_rates.clopper_pearson(48, 48)[1] == 1.0


def test_without_a_trial_there_is_no_interval():
    assert hang_rates.wilson(0, 0) is None
    assert hang_rates.clopper_pearson(0, 0) is None
    assert hang_rates.highest_rate_without_hang(0) is None
    assert hang_rates.newcombe_difference((1, 1), (0, 0)) is None


@pytest.mark.parametrize("cell", [(5, 4), (-1, 4)])
def test_impossible_counts_are_refused(cell):
    for function in (hang_rates.wilson, hang_rates.clopper_pearson):
        with pytest.raises(ValueError, match="hung of 4 trials"):
            function(*cell)


def test_the_limit_without_a_hang_is_the_end_of_the_interval_that_every_table_shows():
    assert hang_rates.highest_rate_without_hang(100) == hang_rates.wilson(0, 100)[1]
    assert hang_rates.highest_rate_without_hang(100) == pytest.approx(0.0370, abs=FOUR_DIGITS)


@pytest.mark.parametrize(("rate", "trials"), [(0.05, 73), (0.01, 381), (0.001, 3838), (0.5, 4)])
def test_number_of_respawns_that_rules_out_a_hang_rate(rate, trials):
    assert respawns_to_rule_out(rate) == trials
    assert hang_rates.highest_rate_without_hang(trials) <= rate < hang_rates.highest_rate_without_hang(trials - 1)


def test_fisher_matches_exact_fractions():
    # Fisher's tea tasting experiment, in The Design of Experiments (1935).
    assert hang_rates.fisher_p((3, 4), (1, 4), "greater") == pytest.approx(17 / 70, abs=1e-12)
    assert hang_rates.fisher_p((10, 10), (0, 10)) == pytest.approx(2 / math.comb(20, 10), rel=1e-9)
    assert hang_rates.fisher_p((4, 4), (0, 4)) == pytest.approx(0.028571, abs=1e-6)


@pytest.mark.parametrize(("left", "right", "expected"), TABLE_II)
def test_newcombe_matches_the_published_table(left, right, expected):
    assert hang_rates.newcombe_difference(left, right) == pytest.approx(expected, abs=FOUR_DIGITS)


def test_power_matches_r():
    """The examples of R's help page ?power.prop.test."""
    assert hang_rates.power(0.50, 0.75, 50) == pytest.approx(0.7402, abs=5e-4)
    assert hang_rates.trials_for_power(0.50, 0.75, wanted=0.9) == pytest.approx(76.7, abs=0.05)
