"""The lanes of the Workers tab: what each slot did and when, and what it does now."""

from __future__ import annotations

import math
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._lanes import lanes, spans, states

from tests.unit.locustfiles.ui_runs import RUNS, SECOND_NS, golden_history, history_of, recycled


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
def test_the_spans_of_a_lane_do_not_overlap(run: Path) -> None:
    history = golden_history(run)
    now_ns = history.lifecycle.now_ns
    for slot in history.lifecycle.slots:
        found = spans(history.lifecycle.slot_episodes(slot), now_ns)
        assert all(begin <= end <= now_ns for _, begin, end, _ in found)
        assert all(left[2] <= right[1] for left, right in pairwise(found))


def test_a_lane_shows_every_state_of_its_slot() -> None:
    history = recycled()
    found, from_s = lanes(history, 5 * SECOND_NS, 100 * SECOND_NS, 1000)
    assert from_s == 0
    assert [row[:4] for row in found if row[0] == 1] == [
        (1, "serving", 0.0, 1.0),
        (1, "leaving", 1.0, 1.5),
        (1, "starting", 1.5, 1.9),
        (1, "serving", 1.9, 3.0),
    ]
    assert [row[:4] for row in found if row[0] == 2][-1] == (2, "leaving", 2.0, 3.0)
    assert [row[:3] for row in states(history, 5 * SECOND_NS)] == [(1, "serving", 1.1), (2, "leaving", 1.0)]


def test_a_window_has_only_its_own_spans_and_returns_its_start() -> None:
    found, from_s = lanes(recycled(), 5 * SECOND_NS, 1 * SECOND_NS, 1000)
    assert from_s == 2
    assert all(begin >= from_s for _, _, begin, *_ in found)
    assert {row[0] for row in found} == {1, 2}


def test_too_many_spans_shorten_the_window_and_no_span_in_it_is_left_out() -> None:
    found, from_s = lanes(recycled(), 5 * SECOND_NS, 100 * SECOND_NS, 3)
    assert len(found) == 3
    assert from_s > 0
    assert all(begin >= from_s for _, _, begin, *_ in found)


def test_a_hung_worker_that_is_killed_hangs_until_its_successor_comes() -> None:
    waits = {"tasks": [["S", "futex"]], "ticks": 1, "switches": 2}
    rows = [(2 + i / 10, "state", {"pid": 12, **waits}) for i in range(10)]
    history = history_of(
        (1.0, "spawned", {"slot": 1, "pid": 11}),
        (1.1, "ready", {"pid": 11}),
        (1.5, "exited", {"pid": 11}),
        (1.9, "respawned", {"slot": 1, "pid": 12}),
        *rows,
        (6.0, "exited", {"pid": 12, "signal": 9}),
        (6.5, "respawned", {"slot": 1, "pid": 13}),
        (6.7, "ready", {"pid": 13}),
    )
    found = [
        (state, begin_ns / SECOND_NS, end_ns / SECOND_NS)
        for state, begin_ns, end_ns, _ in spans(history.lifecycle.slot_episodes(1), 8 * SECOND_NS)
    ]
    assert ("hung", 1.9, 6.0) in found
    assert found[-1] == ("serving", 6.7, 8.0)
    assert history.counts()["hung"] == 1
    assert history.counts()["p95_s"] == math.inf
