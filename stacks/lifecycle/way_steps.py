"""The steps of a run that takes ways: from its rows, when each way was asked for, and what must come of it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from stacks.lifecycle.records import Event

# What a way wants: one worker replaced, every worker replaced, one worker less or more, or the instance ended.
ONE, ALL, FEWER, MORE, END = "one", "all", "fewer", "more", "end"


@dataclass(frozen=True)
class WayStep:
    """One way as it was taken: its rows are `rows[first:last]` of the run."""

    way: str
    wants: str  # ONE, ALL, FEWER, MORE or END
    asked_ns: int
    pids: frozenset[int]  # the workers that it must replace; for FEWER and MORE those that served before
    first: int
    last: int
    done_ns: int | None  # since when all that it wants held; None if it did not come that far
    was_given_up: bool  # its time was up


def way_steps(rows: Sequence[Event]) -> list[WayStep]:
    """Return the steps in the order in which they were taken. `rows` are those of the run up to its verdict."""
    steps = []
    begins = [index for index, row in enumerate(rows) if row.kind == "asked" and "way" in row.data]
    for first, limit in itertools.pairwise([*begins, len(rows)]):
        asked = rows[first]
        ends = [index for index in range(first, limit) if rows[index].kind == "way_ended"]
        # The rows after `way_ended` belong to the pause before the next way: a worker that hangs there came from here.
        done_ns = rows[ends[0]].data["done_ns"] or None if ends else None
        was_given_up = bool(ends) and not rows[ends[0]].data["ended"]
        if asked.data["wants"] == END:
            done_ns = next((row.t_ns for row in rows[first:limit] if row.kind == "ended"), None)
        data = asked.data
        pids = frozenset(data["pids"])
        steps.append(WayStep(data["way"], data["wants"], asked.t_ns, pids, first, limit, done_ns, was_given_up))
    return steps
