"""Capacity formulae against their worked examples and against the simulation."""

import math
import statistics

import pytest

from analysis.capacity import formulas, herd

# The worked example: W = 16 workers, s = 25 ms, lambda = 400/s, R = 2 s.
W, S, DEMAND_RPS, R = 16, 0.025, 400, 2.0


def setting(**more) -> herd.Setting:
    return herd.Setting(
        **({"workers": W, "max_requests": 1000, "demand_rps": DEMAND_RPS, "service_s": S, "away_s": R} | more)
    )


def test_recycling():
    recycling = formulas.recycling(W, 1000, DEMAND_RPS, R)
    assert (recycling.per_second, recycling.workers_down, recycling.share_down) == pytest.approx((0.40, 0.80, 0.05))
    # Workers that live at least 10 s recycle no faster than that.
    assert formulas.recycling(W, 100, DEMAND_RPS, R, lifetime_s=10).per_second == pytest.approx(1.33, abs=0.005)


@pytest.mark.parametrize(("limit", "percent"), [(100, 55.6), (500, 86.2), (1000, 92.6), (5000, 98.4)])
def test_efficiency(limit, percent):
    assert 100 * formulas.efficiency(limit, S, R) == pytest.approx(percent, abs=0.05)


def test_saturated_throughput():
    assert formulas.saturated_rps(W, 100, S, R) == pytest.approx(355.6, abs=0.05)
    answered = herd.simulate(setting(max_requests=100, demand_rps=2000), 60).answered / 60
    assert answered == pytest.approx(355.6, rel=0.03)


def test_max_requests_for_a_loss():
    assert formulas.max_requests_for(0.01, S, R) == 7920
    assert 1 - formulas.efficiency(7920, S, R) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="a loss of 0"):
        formulas.max_requests_for(0, S, R)


def test_herd_and_the_delta_that_prevents_it():
    assert formulas.forms_herd(W, 1000, DEMAND_RPS, R)
    assert not formulas.forms_herd(W, 1000, DEMAND_RPS, 1.2)
    assert formulas.delta_against_herd(W, DEMAND_RPS, R) == 50


def test_limits_of_workers():
    assert [formulas.limit_of_worker(100, 25, worker) for worker in (1, 2, 3, 4)] == [100, 125, 150, 175]
    assert formulas.total_requests(4, 100, 25) == 550


def test_total_outage():
    assert formulas.outage_s(W, 1000, DEMAND_RPS) == (40.0, 0.0)
    assert herd.simulate(setting(hang_probability=1.0), 80).outage_s == pytest.approx(40.0, rel=0.03)
    mean, spread = formulas.outage_s(W, 200, DEMAND_RPS, 0.1)
    assert (mean, spread) == (pytest.approx(80), pytest.approx(19, abs=0.1))
    assert formulas.outage_s(W, 200, DEMAND_RPS, 0.0) == (math.inf, 0.0)


@pytest.mark.parametrize("limit", [20, 200])
def test_outage_of_workers_that_keep_up(limit):
    """With a service time near 0 the last worker still meets the demand, as the formula assumes."""
    quick = setting(max_requests=limit, hang_probability=0.1, service_s=1e-4, away_s=0.0)
    runs = [herd.simulate(quick, 50.0 * limit, seed) for seed in range(30)]
    times, seventh = [run.outage_s for run in runs], [run.hangs_s[6] for run in runs]
    mean, spread = formulas.outage_s(W, limit, DEMAND_RPS, 0.1)
    assert statistics.mean(times) == pytest.approx(mean, abs=4 * spread / math.sqrt(len(times)))
    error = statistics.stdev(seventh) / math.sqrt(len(seventh))
    assert statistics.mean(seventh) == pytest.approx(formulas.hang_s(7, W, limit, DEMAND_RPS, 0.1), abs=4 * error)


def test_the_service_level_is_breached_before_the_outage():
    count = formulas.hangs_to_breach(W, DEMAND_RPS, S)
    assert count == 7
    assert formulas.hang_s(count, W, 200, DEMAND_RPS, 0.1) == pytest.approx(39.0)
    assert formulas.hang_s(1, W, 200, DEMAND_RPS, 0.0) == math.inf
    assert formulas.worker_seconds_lost(100, 200, DEMAND_RPS, 0.1) == pytest.approx(1000)
