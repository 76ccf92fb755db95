"""Recycles that are too slow for the wanted respawns: a verdict with the phase that takes the time."""

from __future__ import annotations

import pytest
from rows import generation, judged, lifecycle, row

from stacks.lifecycle.records import Event
from stacks.lifecycle.recycle_time import SLOW_S, Recycle, recycles, typical_recycle

LIMIT_S = 92.0
BEGIN = row(0.0, "load_begin", source="observer", window_s=2.0, limit_s=LIMIT_S, mercy_s=60.0)


def slow(slot: int, old: int, t: float, exit_s: float = 30.0, reap_s: float = 0.9, start_s: float = 0.1) -> list[Event]:
    """`old` leaves at t, and its successor (`old` + 1) becomes ready after the three phases."""
    exited = t + exit_s
    forked = exited + reap_s
    return [
        row(t, "exit_begun", old),
        row(exited, "exited", old, source="exits"),
        row(forked, "respawned", old + 1, slot),
        row(forked + start_s, "ready", old + 1),
    ]


def test_the_phases_of_a_recycle_add_up() -> None:
    state = lifecycle(generation(100), slow(1, 100, 1.0), slow(1, 101, 40.0, 20.0))
    first, second = recycles(state.workers.by_slot[1])
    assert (first.exit_s, second.exit_s) == pytest.approx((30.0, 20.0))
    assert (first.reap_s, first.start_s, first.total_s) == pytest.approx((0.9, 0.1, 31.0))
    middle = typical_recycle([first, second])
    assert middle is not None
    assert middle.exit_s == pytest.approx(25.0)
    assert typical_recycle([]) is None


@pytest.mark.parametrize(
    ("phases", "longest"), [((9.0, 1.0, 2.0), "exit"), ((0.0, 9.0, 2.0), "reap"), ((1.0, 1.0, 9.0), "start")]
)
def test_the_longest_phase_is_named(phases: tuple[float, float, float], longest: str) -> None:
    recycle = Recycle(*phases)
    assert recycle.longest_phase == longest
    assert "9.0 s of it" in recycle.describe()


def test_slow_exits_that_came_back_recover_with_fewer_respawns_than_wanted() -> None:
    rows = [*generation(100, 200), BEGIN, *slow(1, 100, 1.0), *slow(2, 200, 2.0)]
    judgement = judged(rows, wanted=20)
    assert (judgement.verdict, judgement.respawns) == ("recovers", 2)
    assert judgement.reason == (
        "2 of 2 respawned workers came back; a recycle takes 31.0 s, 30.0 s of it the exit of the old worker, so the "
        "20 that were wanted do not fit into 92 s, and hang rates below 66 % are not ruled out"
    )


def test_the_window_learns_of_it_while_the_load_is_on() -> None:
    rows = [*generation(100, 200), BEGIN, *slow(1, 100, 1.0)]
    assert lifecycle(rows).slow_recycle(20) is None  # slot 2 has not come back
    state = lifecycle(rows, slow(2, 200, 2.0))
    assert state.slow_recycle(20) is not None
    assert state.slow_recycle(4) is None  # the second recycle of each slot fits into the limit
    assert judged(rows, slow(2, 200, 2.0), wanted=4).verdict == "invalid"


def test_a_recycle_under_way_counts_from_its_begin() -> None:
    """At 62 s one more recycle would fit into the 92 s only if it had begun at 61 s."""
    rows = [*generation(100), BEGIN, *slow(1, 100, 1.0), row(60.9, "exit_begun", 101), row(62.0, "heartbeat")]
    assert lifecycle(rows).slow_recycle(2) is None
    late = [*generation(100), BEGIN, *slow(1, 100, 1.0), row(61.5, "exit_begun", 101), row(62.0, "heartbeat")]
    assert lifecycle(late).slow_recycle(2) is not None


def test_quick_recycles_are_never_the_reason() -> None:
    quick = slow(1, 100, 1.0, SLOW_S - 1.2)
    assert judged(generation(100), BEGIN, quick, row(LIMIT_S, "heartbeat"), wanted=200).verdict == "invalid"


def test_a_run_that_does_not_say_its_limit_has_no_slow_recycle() -> None:
    begin = row(0.0, "load_begin", source="observer", window_s=2.0)
    assert judged(generation(100), begin, slow(1, 100, 1.0), wanted=20).verdict == "invalid"


def test_a_slow_import_is_named_as_the_start() -> None:
    rows = [*generation(100), BEGIN, *slow(1, 100, 1.0, 0.01, 0.9, 40.0)]
    assert "40.0 s of it the start of the new worker" in judged(rows, wanted=20).reason


def test_a_slot_that_the_master_gave_up_needs_no_recycle() -> None:
    rows = [*generation(100, 200), BEGIN, row(0.5, "cheaped", slot=2), *slow(1, 100, 1.0)]
    assert judged(rows, wanted=20).verdict == "recovers"
