"""The rest between two steps of the watching: it follows the CPU time that the last step has used."""

from __future__ import annotations

import pytest

from stacks.watch.rest import LONGEST_S, SHARE, SHORTEST_S, Rest


class Loop:
    """Clocks that the test moves, and the rests that were taken."""

    def __init__(self) -> None:
        self.now_s = self.cpu_s = 0.0
        self.rests: list[float] = []
        self.rest = Rest(lambda: self.now_s, lambda: self.cpu_s, self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now_s += seconds

    def step(self, cpu_s: float, waited_s: float = 0.0, limit_s: float = 1.0) -> list[float]:
        """Use so much CPU time, wait for so long, and then rest."""
        self.cpu_s += cpu_s
        self.now_s += cpu_s + waited_s
        self.rest.take(limit_s)
        return self.rests


def test_a_loop_takes_no_more_than_its_share_of_a_core() -> None:
    loop = Loop()
    for _ in range(100):
        loop.step(0.001)
    assert loop.cpu_s / loop.now_s == pytest.approx(1 / SHARE)


def test_cheap_steps_have_a_shortest_distance_and_dear_ones_a_longest() -> None:
    assert Loop().step(0.0001) == [pytest.approx(SHORTEST_S - 0.0001)]
    assert Loop().step(0.1) == [pytest.approx(LONGEST_S - 0.1)]


def test_a_loop_that_has_waited_long_enough_does_not_rest() -> None:
    assert Loop().step(0.001, waited_s=1.0) == []


def test_the_rest_is_no_longer_than_the_caller_allows() -> None:
    assert Loop().step(0.001, limit_s=0.005) == [0.005]
