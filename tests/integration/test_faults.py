"""Fifty signals at random moments to random processes of commands: nothing stays, and nothing is half-written."""

from __future__ import annotations

from collections.abc import Callable

from tests.benchmarks import faults

FAULTS, SEED = 50, 20
NAMES = ("check", "judge", "watch", "summary")  # those that last for seconds


def test_nothing_stays_after_any_of_fifty_faults(venv: Callable[[str], object]) -> None:
    venv("py312-2.0.30.post1")
    sent, found = 0, list[str]()
    for _, count, left in faults.carry_out(FAULTS, SEED, NAMES, pause_s=0.4):
        sent, found = sent + count, found + left
    assert sent >= FAULTS
    assert found == []
