"""Workers that are ready and end before they have answered a request: they did not come back."""

from __future__ import annotations

from typing import Any

import pytest
from rows import generation, healthy, judged, lifecycle, respawn, row

from stacks.lifecycle.deaths import silent_deaths
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import CRASH_LOOP

LINE = "libomp: a process that was forked cannot use it"


def deaths(count: int, slot: int = 1, first: int = 100, t: float = 1.0, **end: Any) -> list[Event]:
    """`first` and its successors become ready and end by themselves, `count` in all; a last one stays."""
    rows = []
    for pid in range(first, first + count):
        rows += [
            row(t, "exited", pid, source="exits", **(end or {"exit_status": 1})),
            row(t + 0.5, "died", pid, slot, text="died", last_line=f"{LINE} {pid}"),
            row(t + 0.5, "respawned", pid + 1, slot),
            row(t + 0.6, "ready", pid + 1),
        ]
        t += 1.0
    return rows


def answers(*pids: int, requests: int = 40, t: float = 90.0, **more: int) -> Event:
    answered = requests if pids else 0
    data = {"requests": requests, "answered": answered, "answered_pids": list(pids), **more}
    return row(t, "losses", source="observer", **data)


def test_workers_that_end_before_an_answer_make_a_crash_loop_with_their_last_line() -> None:
    judgement = judged(generation(100), deaths(5), answers(timeout=40))
    assert judgement.verdict == "crash_loop"
    assert judgement.reason == (
        "5 workers ended after they were ready, before they had answered a request (with exit code 1); "
        f"the last line that such a worker wrote: {LINE} 104"
    )


def test_before_the_requests_are_counted_the_verdict_is_open() -> None:
    assert judged(generation(100), deaths(5), finished=False).verdict is None


@pytest.mark.parametrize(
    ("end", "way"),
    [({"exit_status": 3}, "with exit code 3"), ({"signal": 11}, "by signal 11")],
)
def test_the_reason_says_how_they_ended(end: dict[str, int], way: str) -> None:
    assert f"({way})" in judged(generation(100), deaths(5, **end), answers(timeout=1)).reason


def test_harakiri_is_named() -> None:
    rows = deaths(5, signal=9)
    harakiri = [row(event.t_ns / 1e9 - 5000, "harakiri", event.pid, 1) for event in rows if event.kind == "exited"]
    reason = judged(generation(100), sorted([*rows, *harakiri], key=lambda e: e.t_ns), answers(timeout=1)).reason
    assert "(by harakiri)" in reason


def test_a_worker_that_has_answered_or_was_told_to_leave_did_not_die_silently() -> None:
    state = lifecycle(generation(100), deaths(3), answers(100, 101, 102, 103))
    assert silent_deaths(state.workers, state.losses) == []
    told = [row(0.9, "told", 100), row(0.95, "asked", source="observer", action="kill SEGV worker", asked_pid=101)]
    state = lifecycle(generation(100), told[:1], deaths(1), told[1:], deaths(2, first=101, t=2.0), answers(7))
    assert [incarnation.pid for incarnation in silent_deaths(state.workers, state.losses)] == [102]


def test_an_answer_without_a_worker_or_a_uwsgi_without_a_log_tells_nothing() -> None:
    for rows in ([answers(0, unnamed=3)], [row(0, "attached", source="observer"), answers(7)]):
        state = lifecycle(rows[:-1], generation(100), deaths(5), rows[-1])
        assert silent_deaths(state.workers, state.losses) == []


def test_a_share_of_silent_deaths_is_told_beside_those_that_came_back() -> None:
    """Four workers of slot 2 end before an answer, and all of slot 1 come back."""
    rows = [*healthy(10), row(0, "spawned", 200, 2), row(0.1, "ready", 200), *deaths(4, 2, 200)]
    judgement = judged(rows, answers(*range(100, 111), 204), wanted=10)
    assert judgement.verdict == "recovers"
    assert judgement.reason.startswith(
        "11 of 14 respawned workers came back; but 4 workers ended after they were ready"
    )
    # With more deaths than workers that came back it is a loop.
    many = judged(rows, deaths(9, 2, 204, 6.0), answers(*range(100, 111)), wanted=10)
    assert (many.verdict, many.reason.partition(" ended")[0]) == ("crash_loop", "13 workers")


def test_crashes_before_and_after_ready_count_together() -> None:
    crash = [row(9.0, "respawned", 300, 1), row(9.1, "exited", 300, source="exits", signal=6)]
    assert CRASH_LOOP == 3
    judgement = judged(generation(100), deaths(2), crash, answers(timeout=1))
    assert judgement.verdict == "crash_loop"
    assert judgement.reason.startswith("1 worker died before it was ready, and 2 workers ended after they were ready")


def test_too_few_deaths_for_a_loop_are_not_called_recovered() -> None:
    judgement = judged(generation(100), deaths(2), answers(7), wanted=1)
    assert judgement.verdict == "recovers"
    judgement = judged(generation(100), deaths(2), deaths(1, first=102, t=4.0)[:1], answers(7), wanted=1)
    assert judgement.verdict == "crash_loop"
    one = judged(generation(100), deaths(1), row(3.0, "exited", 101, source="exits", exit_status=1), answers(7))
    assert (one.verdict, one.reason.partition(";")[0]) == ("invalid", "0 of 1 respawned worker came back")


def test_a_run_whose_load_was_never_answered_never_recovers() -> None:
    judgement = judged(healthy(20), answers(timeout=38, reset=2), wanted=20)
    assert judgement.verdict == "invalid"
    assert judgement.reason.startswith(
        "none of 40 requests was answered (38 requests were not answered in time, 2 requests were cut off): "
        "20 respawned workers were ready"
    )
    throttled = judged(healthy(20), row(30, "throttle"), answers(timeout=40), wanted=20)
    assert throttled.verdict == "invalid"
    assert judged(healthy(20), answers(101, timeout=38), wanted=20).verdict == "recovers"


def test_a_stop_that_ends_a_stack_without_an_answer_is_no_recovery() -> None:
    stop = [
        row(1.0, "asked", source="observer", action="signal TERM", asked_pid=900),
        row(1.1, "stopping", 900),
        row(1.2, "exited", 100, source="exits"),
        row(1.3, "ended", source="observer", exit_code=0),
    ]
    assert judged(generation(100), stop, answers(100)).verdict == "recovers"
    judgement = judged(generation(100), stop, answers(timeout=40))
    assert (judgement.verdict, judgement.reason.partition(" (")[0]) == ("invalid", "none of 40 requests was answered")


def test_a_worker_that_recycles_did_not_die() -> None:
    state = lifecycle(generation(100), respawn(1, 100, 101, 1.0), answers(7))
    assert silent_deaths(state.workers, state.losses) == []


def test_a_ready_line_that_is_read_after_the_end_does_not_count_as_later() -> None:
    """The kernel stamps an end itself, but a line of the log gets the time when it is read."""
    rows = [*generation(100, ready=False), row(0.3, "exited", 100, source="kernel", exit_status=1)]
    for early in (False, True):
        late = [row(0.35, "ready", 100)]
        worker = lifecycle(*([late, rows] if early else [rows, late])).workers.by_slot[1][0]
        assert worker.ready_ns == worker.exited_ns
