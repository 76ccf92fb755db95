"""Erlang C against textbook values and a published call-centre example."""

import pytest

from analysis.statistics import erlang

LOAD, SERVICE_S = 10, 0.025  # 400 requests/s of 25 ms


@pytest.mark.parametrize(("load", "servers", "waits"), [(1, 2, 1 / 3), (2, 3, 4 / 9), (48, 55, 0.2387)])
def test_erlang_c(load, servers, waits):
    assert erlang.wait_probability(load, servers) == pytest.approx(waits, abs=5e-5)


def test_erlang_c_of_a_call_centre():
    assert erlang.wait_probability(10, 14) == pytest.approx(0.17413, abs=5e-6)
    assert 1 - erlang.wait_beyond(10, 14, 180, 20) == pytest.approx(0.88835, abs=5e-6)
    assert erlang.mean_wait_s(10, 14, 180) == pytest.approx(7.836, abs=5e-4)
    assert erlang.mean_wait_s(2, 3, 1) * 2 == pytest.approx(8 / 9)  # length of the queue, by Little's law


def test_servers_for_a_limit_of_the_wait():
    assert erlang.servers_for(LOAD, SERVICE_S, 0.05) == 12
    assert erlang.servers_for(LOAD, SERVICE_S, -0.01) is None
    assert erlang.wait_beyond(12, 12, SERVICE_S, 1) == 1.0
    with pytest.raises(ValueError, match="on 0 servers"):
        erlang.wait_probability(1, 0)
