"""Survival curves against Freireich's published remission times."""

import pytest

from analysis.statistics import survival

# Freireich et al., Blood 21 (1963) 699-716: weeks of remission; a negative number is censored.
MP6 = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def sample(weeks: list[int]) -> survival.Sample:
    return survival.Sample([abs(w) for w in weeks], [w > 0 for w in weeks])


def test_kaplan_meier():
    curve = survival.kaplan_meier(sample(MP6))
    assert curve["t_s"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert curve["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert curve["survival"].tolist() == pytest.approx(expected, abs=5e-4)
    assert curve["se"].tolist() == pytest.approx(errors, abs=5e-5)


def test_median():
    assert survival.median_s(sample(MP6)) == 23
    assert survival.median_s(sample(PLACEBO)) == 8
    assert survival.median_s(sample([1, -2, -2])) is None


def test_log_rank():
    test = survival.log_rank(sample(MP6), sample(PLACEBO))
    assert test.chi2 == pytest.approx(16.793, abs=5e-4)
    assert test.p == pytest.approx(4.169e-5, abs=5e-9)


def test_log_rank_of_samples_without_any_variance():
    alike = survival.Sample([0.5, 0.5], [True, True])
    assert survival.log_rank(alike, alike) == survival.Comparison(0.0, 1.0)


@pytest.mark.parametrize(("weeks", "horizon", "expected"), [(MP6, 23, 17.909), (MP6, 35, 23.287), (PLACEBO, 23, 8.667)])
def test_restricted_mean(weeks, horizon, expected):
    assert survival.restricted_mean_s(sample(weeks), horizon) == pytest.approx(expected, abs=5e-4)


def test_restricted_mean_is_the_horizon_if_no_worker_became_ready():
    assert survival.restricted_mean_s(sample([-30, -30]), 30) == 30


def test_a_sample_refuses_flags_that_do_not_match_its_durations():
    with pytest.raises(ValueError, match="2 durations but 1 flags"):
        survival.Sample([1.0, 2.0], [True])


def test_the_common_horizon_is_the_last_duration_of_a_curve_that_does_not_reach_zero():
    complete = survival.Sample([1.0, 2.0], [True, True])
    censored = survival.Sample([1.0, 4.0, 5.0], [True, True, False])
    assert survival.common_horizon_s([complete]) == 30.0
    assert survival.common_horizon_s([complete, censored]) == 5.0
