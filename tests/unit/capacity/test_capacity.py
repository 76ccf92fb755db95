"""Capacity formulae against their worked examples and against simulation; USL and Erlang C against published fits."""

import math
import statistics

import pytest

from analysis.capacity import formulas, herd

# W = 16 workers, s = 25 ms, lambda = 400/s, R = 2 s.
W, S, LOAD, R = 16, 0.025, 400, 2.0


def setting(**more) -> herd.Setting:
    return herd.Setting(**({"workers": W, "max_requests": 1000, "demand": LOAD, "service_s": S, "away_s": R} | more))


def test_recycling():
    found = formulas.recycling(W, 1000, LOAD, R)
    assert (found.per_second, found.workers_down, found.share_down) == pytest.approx((0.40, 0.80, 0.05))
    # Workers that live 10 s at least recycle no faster than that.
    assert formulas.recycling(W, 100, LOAD, R, lifetime_s=10).per_second == pytest.approx(1.33, abs=0.005)


@pytest.mark.parametrize(("limit", "percent"), [(100, 55.6), (500, 86.2), (1000, 92.6), (5000, 98.4)])
def test_efficiency(limit, percent):
    assert 100 * formulas.efficiency(limit, S, R) == pytest.approx(percent, abs=0.05)


def test_saturated_throughput():
    assert formulas.saturated_rps(W, 100, S, R) == pytest.approx(355.6, abs=0.05)
    answered = herd.simulate(setting(max_requests=100, demand=2000), 60).answered / 60
    assert answered == pytest.approx(355.6, rel=0.03)


def test_max_requests_for_a_loss():
    assert formulas.max_requests_for(0.01, S, R) == 7920
    assert 1 - formulas.efficiency(7920, S, R) == pytest.approx(0.01)
    with pytest.raises(ValueError, match="a loss of 0"):
        formulas.max_requests_for(0, S, R)


def test_herd_and_the_delta_that_removes_it():
    assert formulas.is_herd(W, 1000, LOAD, R)
    assert not formulas.is_herd(W, 1000, LOAD, 1.2)
    assert formulas.delta_against_herd(W, LOAD, R) == 50


@pytest.mark.parametrize(
    ("delta", "least", "most", "wait_s"),
    [
        (0, 15, 16, (1.0, 2.0)),
        (10, 9, 11, (0.2, 0.7)),
        (25, 4, 5, (0, 0.02)),
        (50, 2, 4, (0, 0.02)),
        (100, 1, 2, (0, 0.02)),
    ],
)
def test_most_workers_away_at_once_and_what_that_lets_people_wait(delta, least, most, wait_s):
    found = [herd.simulate(setting(delta=delta), 80, seed) for seed in range(1, 6)]
    assert least <= statistics.median(one.peak_down for one in found) <= most
    assert wait_s[0] <= statistics.median(one.wait_s(0.99) for one in found) <= wait_s[1]


def test_a_master_that_looks_once_a_second_lets_them_come_back_together():
    assert [herd.reaped_s(t, 1.0, 0.25) for t in (0.1, 0.25, 0.3, 1.3)] == [0.25, 0.25, 1.25, 2.25]
    assert herd.reaped_s(0.3, 0.0, 0.25) == 0.3
    # Away for half of the loop on average, so as long as R = 0.5 s without one.
    looped, constant = (herd.simulate(setting(away_s=a, reap_s=r), 800) for a, r in ((0.0, 1.0), (0.5, 0.0)))
    assert looped.down_s / looped.recycles == pytest.approx(constant.down_s / constant.recycles, rel=0.1)


def test_workers_away_on_average():
    found = herd.simulate(setting(), 800)
    assert found.recycles / 800 == pytest.approx(0.40, rel=0.05)
    assert found.down_s / 800 == pytest.approx(0.80, rel=0.05)


@pytest.mark.parametrize(("balance", "least", "most"), [("random", 14, 16), ("fifo", 15, 16), ("lifo", 10, 13)])
def test_herd_whoever_takes_the_next_request(balance, least, most):
    assert least <= herd.simulate(setting(balance=balance), 80).peak_down <= most


def test_a_minimum_lifetime_hides_max_requests_and_makes_a_herd():
    found = herd.simulate(setting(max_requests=100, lifetime_s=10.0), 80)
    assert found.peak_down == W
    assert found.recycles / 80 == pytest.approx(1.33, abs=0.2)
    assert found.wait_s(0.99) == pytest.approx(1.9, abs=0.2)


def test_limits_of_workers():
    assert [formulas.limit_of_worker(100, 25, worker) for worker in (1, 2, 3, 4)] == [100, 125, 150, 175]


def test_total_outage():
    assert formulas.outage_s(W, 1000, LOAD) == (40.0, 0.0)
    assert herd.simulate(setting(hang=1.0), 80).outage_s == pytest.approx(40.0, rel=0.03)
    mean, spread = formulas.outage_s(W, 200, LOAD, 0.1)
    assert (mean, spread) == (pytest.approx(80), pytest.approx(19, abs=0.1))
    assert formulas.outage_s(W, 200, LOAD, 0.0) == (math.inf, 0.0)


@pytest.mark.parametrize("limit", [20, 200])
def test_outage_of_workers_that_keep_up(limit):
    """With a service time of nearly nothing the last worker meets the demand, as the formula assumes."""
    quick = setting(max_requests=limit, hang=0.1, service_s=1e-4, away_s=0.0)
    runs = [herd.simulate(quick, 50.0 * limit, seed) for seed in range(30)]
    times, seventh = [run.outage_s for run in runs], [run.hangs_s[6] for run in runs]
    mean, spread = formulas.outage_s(W, limit, LOAD, 0.1)
    assert statistics.mean(times) == pytest.approx(mean, abs=4 * spread / math.sqrt(len(times)))
    error = statistics.stdev(seventh) / math.sqrt(len(seventh))
    assert statistics.mean(seventh) == pytest.approx(formulas.hang_s(7, W, limit, LOAD, 0.1), abs=4 * error)


def test_breach_comes_before_the_outage():
    count = formulas.hangs_to_breach(W, LOAD, S)
    assert count == 7
    assert formulas.hang_s(count, W, 200, LOAD, 0.1) == pytest.approx(39.0)
    assert formulas.hang_s(1, W, 200, LOAD, 0.0) == math.inf
    assert formulas.worker_seconds_lost(100, 200, LOAD, 0.1) == pytest.approx(1000)
