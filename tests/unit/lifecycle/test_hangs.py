"""A deadlock is called within a second or two, and slowness never: what counts as a proof, and from when on."""

from __future__ import annotations

import pytest
from rows import GIL_RATE, at, backtrace, looks

from stacks.lifecycle.backtraces import EVIDENCE_FRAMES, informative_frames
from stacks.lifecycle.hangs import (
    GIL_BACKTRACE_S,
    GIL_RATE_S,
    OWN_LOCKS_S,
    PATIENCE_S,
    SAME_AS_PROVEN_S,
    Hangs,
)
from stacks.lifecycle.master_hang import LOOP_S
from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import DEADLOCK_S

PID = 7


def seen(rows: list[Event], known: Hangs | None = None) -> Hangs:
    known = known or Hangs()
    for event in rows:
        (known.add_backtrace if event.kind == "backtrace" else known.add_state)(event)
    return known


def gil(seconds: float, pid: int = PID, begin: float = 0.0, wakes_per_s: float = GIL_RATE) -> list[Event]:
    return looks(pid, begin, begin + seconds, "futex-timed", wakes_per_s=wakes_per_s)


@pytest.mark.parametrize(
    ("waits", "wakes_per_s", "need_s"),
    [
        (("futex",), 0, OWN_LOCKS_S),
        (("futex", "futex"), 0, OWN_LOCKS_S),
        (("futex", "futex-join"), 0, OWN_LOCKS_S),
        (("futex-timed",), GIL_RATE, GIL_RATE_S),
        (("futex-timed",), 41, GIL_RATE_S),
        (("futex-timed",), 0, PATIENCE_S),
        (("futex-timed",), 10, PATIENCE_S),
        (("futex-timed",), 400, PATIENCE_S),
        (("futex-timed", "futex"), GIL_RATE, PATIENCE_S),
        (("futex-shared",), 0, PATIENCE_S),
        (("futex-unknown",), 0, PATIENCE_S),
    ],
)
def test_how_long_a_wait_must_last(waits: tuple[str, ...], wakes_per_s: float, need_s: float) -> None:
    short = looks(PID, 0, need_s - 0.1, *waits, wakes_per_s=wakes_per_s)
    assert seen(short).proof(PID) is None
    proof = seen(looks(PID, 0, need_s + 0.1, *waits, wakes_per_s=wakes_per_s)).proof(PID)
    assert proof is not None
    assert proof.since_ns == at(need_s)  # the moment at which it was certain, not the one of the last look


def test_a_backtrace_in_the_gil_needs_the_least() -> None:
    known = seen([*gil(GIL_BACKTRACE_S - 0.1), backtrace(PID, GIL_BACKTRACE_S)])
    assert known.proof(PID) is None
    proof = seen(gil(0.1, begin=GIL_BACKTRACE_S), known).proof(PID)
    assert proof is not None
    assert "GIL" in proof.text
    assert proof.since_ns == at(GIL_BACKTRACE_S)


def test_a_backtrace_elsewhere_proves_nothing() -> None:
    known = seen([*gil(GIL_BACKTRACE_S + 0.1, wakes_per_s=0), backtrace(PID, 0.4, ["sem_wait", "my_import"])])
    assert known.proof(PID) is None


def test_nor_does_an_empty_one() -> None:
    known = seen([*gil(GIL_BACKTRACE_S + 0.1), backtrace(PID, 0.4, [])])
    assert known.proof(PID) is None
    assert known.suspects([PID]) == [PID]


def test_a_process_with_a_second_thread_is_not_taken_for_one_that_was_left_alone() -> None:
    rows = looks(PID, 0, 1, "futex-timed", "futex", wakes_per_s=GIL_RATE)
    assert seen([*rows, backtrace(PID, 1)]).proof(PID) is None


def test_the_like_of_a_proven_one_needs_no_backtrace_of_its_own() -> None:
    known = seen([*gil(1.0), backtrace(PID, 1.0), *gil(SAME_AS_PROVEN_S, pid=8)])
    proof = known.proof(8)
    assert proof is not None
    assert "like the worker in the backtrace" in proof.text
    assert seen(gil(SAME_AS_PROVEN_S - 0.1, pid=9), known).proof(9) is None
    # Another rate is another wait.
    assert seen(gil(SAME_AS_PROVEN_S, pid=10, wakes_per_s=5), known).proof(10) is None


@pytest.mark.parametrize("state", ["t", "T", "R"])
def test_a_look_while_it_is_held_or_awake_says_nothing(state: str) -> None:
    held = looks(PID, 0.2, 0.4, "futex", state=state)
    assert seen(looks(PID, 0.2, 3.0, "futex", state=state)).proof(PID) is None
    known = seen([*looks(PID, 0, 0.1, "futex"), *held, *looks(PID, 0.5, 0.6, "futex")])
    assert known.proof(PID) is not None


@pytest.mark.parametrize("wait", ["running", "?"])
def test_neither_does_one_that_caught_it_between_two_waits(wait: str) -> None:
    known = seen([*looks(PID, 0, 0.1, "futex"), *looks(PID, 0.2, 0.4, wait), *looks(PID, 0.5, 0.6, "futex")])
    assert known.proof(PID) is not None


@pytest.mark.parametrize("wait", ["hrtimer_nanosleep", "ep_poll", "do_wait", "pipe_read"])
def test_one_thread_that_waits_for_something_else_ends_the_stillness(wait: str) -> None:
    rows = [*looks(PID, 0, 0.9, "futex"), *looks(PID, 1.0, 1.0, "futex", wait)]
    known = seen(rows)
    assert known.proof(PID) is None
    # and it begins anew
    assert seen(looks(PID, 1.1, 1.5, "futex"), known).proof(PID) is None
    assert seen(looks(PID, 1.6, 1.6, "futex"), known).proof(PID) is not None


def test_a_thread_that_came_or_went_ends_it_too() -> None:
    known = seen([*looks(PID, 0, 0.9, "futex"), *looks(PID, 1.0, 1.0, "futex", "futex")])
    assert known.proof(PID) is None


@pytest.mark.parametrize(("ticks_per_s", "is_stuck"), [(0.0, True), (2.5, True), (10.0, False), (100.0, False)])
def test_cpu_time_is_life_but_waking_200_times_a_second_is_not(ticks_per_s: float, is_stuck: bool) -> None:
    rows = looks(PID, 0, 3, "futex-timed", wakes_per_s=GIL_RATE, ticks_per_s=ticks_per_s)
    assert (seen(rows).proof(PID) is not None) is is_stuck


def test_threads_that_have_ended_do_not_count() -> None:
    leader = [
        Event(at(t / 10), "closer", "state", PID, 0, {"ticks": 1, "switches": 1, "tasks": tasks})
        for t in range(7)
        for tasks in [[["Z", "?"], ["S", "futex"]]]
    ]
    assert seen(leader).proof(PID) is not None
    gone = [
        Event(at(t / 10), "closer", "state", PID, 0, {"ticks": 1, "switches": 1, "tasks": [["Z", "?"]]})
        for t in range(7)
    ]
    assert seen(gone).proof(PID) is None


def test_suspects_are_still_unexplained_and_not_like_a_known_one() -> None:
    known = seen([*gil(GIL_BACKTRACE_S + 0.1), *gil(0.1, pid=8)])
    assert known.suspects([PID, 8, 99]) == [PID]
    seen([backtrace(PID, 1.0), *gil(0.4, pid=9, begin=1.0)], known)
    assert known.suspects([PID, 9]) == []


def test_a_new_process_starts_with_nothing() -> None:
    known = seen([*gil(1.0), backtrace(PID, 1.0)])
    known.forget(PID)
    assert known.proof(PID) is None
    assert known.evidence([PID]) is None
    assert seen(gil(GIL_BACKTRACE_S), known).proof(PID) is None


def test_evidence_is_the_backtrace_without_its_noise_else_the_waits() -> None:
    known = seen(looks(PID, 0, 0.5, "futex", "futex-timed"))
    assert known.evidence([None, 99]) is None
    waits = known.evidence([None, PID])
    assert waits is not None
    assert waits.startswith("2 thread(s) in futex, futex-timed, no CPU time in 0.5 s")
    seen([backtrace(PID, 1.0)], known)
    assert known.evidence([99, PID]) == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"


def test_only_the_first_informative_frames_are_told() -> None:
    assert informative_frames(["__futex", "do_futex_wait", "??", *"abcdef"]) == list("abcd")
    assert len(informative_frames(list("abcdef"))) == EVIDENCE_FRAMES


def test_one_that_serves_is_deadlocked_when_no_thread_has_begun_a_wait() -> None:
    rows = looks(PID, 0, DEADLOCK_S, "futex", "futex")
    assert seen(rows[:-1]).deadlock(PID) is None
    proof = seen(rows).deadlock(PID)
    assert proof is not None
    assert proof.since_ns == at(DEADLOCK_S)


@pytest.mark.parametrize(
    "waits", [("futex", "ep_poll"), ("futex", "futex-timed"), ("futex-shared",), ("futex-unknown",)]
)
def test_one_of_which_a_thread_can_be_woken_is_not(waits: tuple[str, ...]) -> None:
    assert seen(looks(PID, 0, 10, *waits)).deadlock(PID) is None


def test_nor_is_one_that_is_always_caught_in_a_lock_and_moves_in_between() -> None:
    assert seen(looks(PID, 0, 30, "futex", "futex", wakes_per_s=10)).deadlock(PID) is None


def test_a_debugger_that_comes_later_does_not_undo_a_deadlock() -> None:
    known = seen(looks(PID, 0, DEADLOCK_S, "futex"))
    stopped = looks(PID, DEADLOCK_S + 0.1, DEADLOCK_S + 0.3, "futex", state="t")
    after = [Event(e.t_ns, e.source, e.kind, e.pid, 0, e.data | {"switches": 3}) for e in looks(PID, 2, 2.2, "futex")]
    assert seen([*stopped, *after], known).deadlock(PID) is not None


def test_one_that_moves_again_is_deadlocked_no_more() -> None:
    known = seen([*looks(PID, 0, DEADLOCK_S, "futex"), *looks(PID, 2, 2.1, "ep_poll")])
    assert known.deadlock(PID) is None
    known = seen(looks(PID, 0, DEADLOCK_S, "futex"))
    known.end_stillness(PID)
    assert known.deadlock(PID) is None


def test_rest_is_told_from_a_loop_that_turns_once_a_second_and_from_work() -> None:
    assert seen(looks(PID, 0, LOOP_S, "do_wait")).rest_s(PID) == pytest.approx(LOOP_S)
    assert seen(looks(PID, 0, 60, "do_epoll_wait", wakes_per_s=1)).rest_s(PID) < LOOP_S
    assert seen(looks(PID, 0, 60, "do_wait", ticks_per_s=10)).rest_s(PID) < LOOP_S
    assert seen(looks(PID, 0, 60, "running", state="R")).rest_s(PID) == 0
    assert Hangs().rest_s(PID) == 0


def test_a_debuggers_stop_is_no_turn_of_the_loop() -> None:
    rows = [*looks(PID, 0, 2, "do_wait"), *looks(PID, 2.1, 2.3, "do_wait", state="t")]
    rows += [Event(e.t_ns, e.source, e.kind, e.pid, 0, e.data | {"switches": 2}) for e in looks(PID, 3, 5, "do_wait")]
    assert seen(rows).rest_s(PID) == pytest.approx(5)
