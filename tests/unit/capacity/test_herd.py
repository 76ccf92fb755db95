"""The simulation of a herd against the worked example of the capacity formulae."""

import statistics

import pytest

from analysis.capacity import herd

W = 16


def setting(**more) -> herd.Setting:
    return herd.Setting(
        **({"workers": W, "max_requests": 1000, "demand_rps": 400, "service_s": 0.025, "away_s": 2.0} | more)
    )


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
def test_a_larger_delta_makes_a_smaller_herd_and_shorter_waits(delta, least, most, wait_s):
    simulations = [herd.simulate(setting(delta=delta), 80, seed) for seed in range(1, 6)]
    assert least <= statistics.median(one.peak_down for one in simulations) <= most
    assert wait_s[0] <= statistics.median(one.wait_s(0.99) for one in simulations) <= wait_s[1]


def test_workers_are_reaped_at_the_ticks_of_the_master():
    assert [herd.reaped_s(t, 1.0, 0.25) for t in (0.1, 0.25, 0.3, 1.3)] == [0.25, 0.25, 1.25, 2.25]
    assert herd.reaped_s(0.3, 0.0, 0.25) == 0.3
    # A worker waits half of the interval on average, which is as long as an absence of 0.5 s without ticks.
    ticking = herd.simulate(setting(away_s=0.0, reap_interval_s=1.0), 800)
    constant = herd.simulate(setting(away_s=0.5, reap_interval_s=0.0), 800)
    assert ticking.down_s / ticking.recycles == pytest.approx(constant.down_s / constant.recycles, rel=0.1)


def test_workers_away_on_average():
    simulation = herd.simulate(setting(), 800)
    assert simulation.recycles / 800 == pytest.approx(0.40, rel=0.05)
    assert simulation.down_s / 800 == pytest.approx(0.80, rel=0.05)


@pytest.mark.parametrize(("balance", "least", "most"), [("random", 14, 16), ("fifo", 15, 16), ("lifo", 10, 13)])
def test_a_herd_forms_with_every_way_of_balancing(balance, least, most):
    assert least <= herd.simulate(setting(balance=balance), 80).peak_down <= most


def test_a_minimum_lifetime_hides_max_requests_and_makes_a_herd():
    simulation = herd.simulate(setting(max_requests=100, min_lifetime_s=10.0), 80)
    assert simulation.peak_down == W
    assert simulation.recycles / 80 == pytest.approx(1.33, abs=0.2)
    assert simulation.wait_s(0.99) == pytest.approx(1.9, abs=0.2)
