"""The order of the runs: every cell once in each round, shuffled by the seed."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from stacks.campaign.cell import Cell
from stacks.campaign.run_order import run_order
from stacks.catalogue import load

KNOWN = load()
CELLS = [Cell(KNOWN.stacks[s], KNOWN.versions[v], "recovers") for s, v in KNOWN.plan.cells]


@given(st.integers(1, 8), st.integers(1, 5), st.integers(0, 2**31))
def test_each_round_has_every_cell_once(cells: int, trials: int, seed: int) -> None:
    runs = run_order(CELLS[:cells], trials, seed)
    assert Counter(runs) == Counter((i, t) for i in range(cells) for t in range(1, trials + 1))
    for number in range(trials):
        assert {trial for _, trial in runs[number * cells : (number + 1) * cells]} == {number + 1}
    assert run_order(CELLS[:cells], trials, seed) == runs


def test_the_seed_decides_the_order_and_rounds_differ() -> None:
    assert len({tuple(run_order(CELLS, 2, seed)) for seed in range(20)}) == 20
    runs = [index for index, _ in run_order(CELLS, 2, 1)]
    assert runs[:8] != runs[8:]
