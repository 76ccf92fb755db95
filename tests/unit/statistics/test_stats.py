"""The statistics against numbers from the literature and from independent libraries."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from analysis.statistics import hang_rates, survival
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
FOUR_DIGITS = 5e-5  # both tables are printed with four

# Freireich et al., Blood 21 (1963) 699-716: weeks of remission; a negative number is censored.
MP6 = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

# The first call imports scipy, which takes longer than the deadline; a database would litter the checkout.
QUIET = settings(deadline=None, database=None)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def sample(weeks: list[int]) -> survival.Sample:
    return survival.Sample([abs(w) for w in weeks], [w > 0 for w in weeks])


@pytest.mark.parametrize(("cell", "expected", "_exact"), TABLE_I)
def test_wilson_table(cell, expected, _exact):
    assert hang_rates.wilson(*cell) == pytest.approx(expected, abs=FOUR_DIGITS)


@pytest.mark.parametrize(("cell", "_score", "expected"), TABLE_I)
def test_clopper_pearson_table(cell, _score, expected):
    assert hang_rates.clopper_pearson(*cell) == pytest.approx(expected, abs=FOUR_DIGITS)


@given(counts)
@QUIET
def test_intervals_agree_with_statsmodels(cell):
    assert hang_rates.wilson(*cell) == pytest.approx(proportion_confint(*cell, method="wilson"), abs=1e-12)
    assert hang_rates.clopper_pearson(*cell) == pytest.approx(proportion_confint(*cell, method="beta"), abs=1e-9)


@given(counts)
@QUIET
def test_intervals_hold_the_rate_and_stay_shares(cell):
    rate = cell[0] / cell[1]
    for low, high in (hang_rates.wilson(*cell), hang_rates.clopper_pearson(*cell)):
        assert 0 <= low <= rate <= high <= 1


def test_interval_ends_are_exact_where_all_or_none_hung():
    assert hang_rates.wilson(0, 48)[0] == 0.0
    assert hang_rates.wilson(48, 48)[1] == 1.0
    assert hang_rates.clopper_pearson(0, 48)[0] == 0.0
    assert hang_rates.clopper_pearson(48, 48)[1] == 1.0


def test_no_trial_has_no_interval():
    assert hang_rates.wilson(0, 0) is None
    assert hang_rates.clopper_pearson(0, 0) is None
    assert hang_rates.highest_rate_without_hang(0) is None
    assert hang_rates.newcombe_difference((1, 1), (0, 0)) is None


@pytest.mark.parametrize("cell", [(5, 4), (-1, 4)])
def test_impossible_counts_are_refused(cell):
    for function in (hang_rates.wilson, hang_rates.clopper_pearson):
        with pytest.raises(ValueError, match="hung of 4 trials"):
            function(*cell)


def test_zero_hangs_bound_is_exact_and_one_sided():
    assert hang_rates.highest_rate_without_hang(100) == pytest.approx(0.0295, abs=FOUR_DIGITS)
    _, high = hang_rates.clopper_pearson(0, 100, confidence=0.90)  # one-sided 95 % is the end of two-sided 90 %
    assert hang_rates.highest_rate_without_hang(100) == pytest.approx(high, abs=1e-12)


@pytest.mark.parametrize(("rate", "trials"), [(0.05, 59), (0.01, 299), (0.001, 2995), (0.5, 5)])
def test_respawns_that_rule_out_a_hang_rate(rate, trials):
    assert respawns_to_rule_out(rate) == trials
    # That many without a hang have a probability of 5 % at most, one less has more.
    assert (1 - rate) ** trials <= 0.05 < (1 - rate) ** (trials - 1)
    assert hang_rates.highest_rate_without_hang(trials) <= rate < hang_rates.highest_rate_without_hang(trials - 1)


def test_fisher():
    assert hang_rates.fisher_p((3, 4), (1, 4), "greater") == pytest.approx(17 / 70, abs=1e-12)  # the lady tasting tea
    assert hang_rates.fisher_p((10, 10), (0, 10)) == pytest.approx(2 / math.comb(20, 10), rel=1e-9)
    assert hang_rates.fisher_p((4, 4), (0, 4)) == pytest.approx(0.028571, abs=1e-6)


@pytest.mark.parametrize(("left", "right", "expected"), TABLE_II)
def test_newcombe_table(left, right, expected):
    assert hang_rates.newcombe_difference(left, right) == pytest.approx(expected, abs=FOUR_DIGITS)


def test_a_hung_worker_makes_a_quantile_infinite():
    assert hang_rates.quantile([0.5] * 19 + [math.inf], 0.5) == 0.5
    assert hang_rates.quantile([0.5] * 19 + [math.inf], 0.95) == 0.5
    assert hang_rates.quantile([0.5] * 18 + [math.inf] * 2, 0.95) == math.inf
    assert hang_rates.quantile([math.inf] * 4, 0.5) == math.inf


def test_quantile_leaves_out_only_what_was_not_seen():
    assert hang_rates.quantile([0.1, 0.2, math.nan], 0.5) == 0.1
    assert hang_rates.quantile([math.nan], 0.5) is None
    assert hang_rates.quantile([], 0.5) is None


def test_kaplan_meier():
    curve = survival.kaplan_meier(sample(MP6))
    assert curve["t_s"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert curve["survival"].tolist() == pytest.approx(expected, abs=5e-4)
    assert curve["se"].tolist() == pytest.approx(errors, abs=FOUR_DIGITS)


def test_median():
    assert survival.median_s(sample(MP6)) == 23
    assert survival.median_s(sample(PLACEBO)) == 8
    assert survival.median_s(sample([1, -2, -2])) is None


def test_log_rank():
    plain = survival.log_rank(sample(MP6), sample(PLACEBO))
    assert plain.chi2 == pytest.approx(16.793, abs=5e-4)
    assert plain.p == pytest.approx(4.169e-5, abs=5e-9)
    assert survival.log_rank(sample(MP6), sample(PLACEBO), gehan_breslow=True).chi2 == pytest.approx(13.458, abs=5e-4)


@pytest.mark.parametrize(("weeks", "horizon", "expected"), [(MP6, 23, 17.909), (MP6, 35, 23.287), (PLACEBO, 23, 8.667)])
def test_restricted_mean(weeks, horizon, expected):
    assert survival.restricted_mean_s(sample(weeks), horizon) == pytest.approx(expected, abs=5e-4)


def test_restricted_mean_where_nobody_came_back_is_the_horizon():
    assert survival.restricted_mean_s(sample([-30, -30]), 30) == 30


def test_sample_refuses_flags_that_do_not_match():
    with pytest.raises(ValueError, match="2 durations but 1 flags"):
        survival.Sample([1.0, 2.0], [True])
