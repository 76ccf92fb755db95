"""The order of a campaign's runs: interleaved, and shuffled by a seed."""

from __future__ import annotations

import random

from stacks.campaign.cell import Cell


def run_order(cells: list[Cell], trials: int, seed: int) -> list[tuple[int, int]]:
    """Return (cell index, trial) for every run. Each round has every cell once, in a shuffled order.

    So a host that becomes slower from minute to minute becomes slower for all cells alike. A cell with `trials` of its
    own is in that many of the first rounds.
    """
    generator = random.Random(seed)  # noqa: S311 - an order, not a secret
    runs = []
    for trial in range(1, max([trials, *(cell.trials or 0 for cell in cells)]) + 1):
        indexes = [index for index, cell in enumerate(cells) if trial <= (cell.trials or trials)]
        generator.shuffle(indexes)
        runs += [(index, trial) for index in indexes]
    return runs
