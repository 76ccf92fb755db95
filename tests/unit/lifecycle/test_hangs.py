"""Proofs of a hang: which waits are a proof, how long they must last, and what ends them. Slowness is never a proof."""

from __future__ import annotations

import pytest
from rows import GIL, GIL_RATE, at, backtrace, looks, row

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


def hangs_of(rows: list[Event], hangs: Hangs | None = None) -> Hangs:
    hangs = hangs or Hangs()
    for event in rows:
        (hangs.add_backtrace if event.kind == "backtrace" else hangs.add_state)(event)
    return hangs


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
    assert hangs_of(short).proof(PID) is None
    proof = hangs_of(looks(PID, 0, need_s + 0.1, *waits, wakes_per_s=wakes_per_s)).proof(PID)
    assert proof is not None
    assert proof.since_ns == at(need_s)  # the moment from which it was certain, not the last look


def test_a_backtrace_with_a_gil_wait_needs_the_shortest_time() -> None:
    hangs = hangs_of([*gil(GIL_BACKTRACE_S - 0.1), backtrace(PID, GIL_BACKTRACE_S)])
    assert hangs.proof(PID) is None
    proof = hangs_of(gil(0.1, begin=GIL_BACKTRACE_S), hangs).proof(PID)
    assert proof is not None
    assert "GIL" in proof.text
    assert proof.since_ns == at(GIL_BACKTRACE_S)


def test_a_backtrace_without_a_gil_wait_proves_nothing() -> None:
    hangs = hangs_of([*gil(GIL_BACKTRACE_S + 0.1, wakes_per_s=0), backtrace(PID, 0.4, ["sem_wait", "my_import"])])
    assert hangs.proof(PID) is None


def test_an_empty_backtrace_proves_nothing() -> None:
    hangs = hangs_of([*gil(GIL_BACKTRACE_S + 0.1), backtrace(PID, 0.4, [])])
    assert hangs.proof(PID) is None
    assert hangs.suspects([PID]) == [PID]


def test_a_gil_wait_proves_nothing_in_a_process_with_a_second_thread() -> None:
    rows = looks(PID, 0, 1, "futex-timed", "futex", wakes_per_s=GIL_RATE)
    assert hangs_of([*rows, backtrace(PID, 1)]).proof(PID) is None


@pytest.mark.parametrize(("gil_waiters", "is_proof"), [(2, True), (1, False), (0, False)])
def test_threads_that_all_wait_for_the_gil_are_a_proof(gil_waiters: int, is_proof: bool) -> None:
    rows = looks(PID, 0, GIL_BACKTRACE_S + 0.1, "futex-timed", "futex-timed", wakes_per_s=GIL_RATE)
    with_backtrace = row(0.2, "backtrace", PID, source="backtrace", frames=GIL, gil_waiters=gil_waiters)
    proof = hangs_of([*rows, with_backtrace]).proof(PID)
    assert (proof is not None) is is_proof
    assert proof is None or "each of its threads waits for the GIL" in proof.text


def test_a_process_with_the_waits_of_a_proven_one_needs_no_backtrace() -> None:
    hangs = hangs_of([*gil(1.0), backtrace(PID, 1.0), *gil(SAME_AS_PROVEN_S, pid=8)])
    proof = hangs.proof(8)
    assert proof is not None
    assert "like the worker in the backtrace" in proof.text
    assert hangs_of(gil(SAME_AS_PROVEN_S - 0.1, pid=9), hangs).proof(9) is None
    # A thread with another rate waits for something else.
    assert hangs_of(gil(SAME_AS_PROVEN_S, pid=10, wakes_per_s=5), hangs).proof(10) is None


@pytest.mark.parametrize("state", ["t", "T", "R"])
def test_a_look_at_a_stopped_or_awake_process_says_nothing(state: str) -> None:
    held = looks(PID, 0.2, 0.4, "futex", state=state)
    assert hangs_of(looks(PID, 0.2, 3.0, "futex", state=state)).proof(PID) is None
    hangs = hangs_of([*looks(PID, 0, 0.1, "futex"), *held, *looks(PID, 0.5, 0.6, "futex")])
    assert hangs.proof(PID) is not None


@pytest.mark.parametrize("wait", ["running", "?"])
def test_a_look_between_two_waits_says_nothing(wait: str) -> None:
    hangs = hangs_of([*looks(PID, 0, 0.1, "futex"), *looks(PID, 0.2, 0.4, wait), *looks(PID, 0.5, 0.6, "futex")])
    assert hangs.proof(PID) is not None


@pytest.mark.parametrize("wait", ["hrtimer_nanosleep", "ep_poll", "do_wait", "pipe_read"])
def test_a_thread_that_waits_for_no_lock_ends_the_stillness(wait: str) -> None:
    rows = [*looks(PID, 0, 0.9, "futex"), *looks(PID, 1.0, 1.0, "futex", wait)]
    hangs = hangs_of(rows)
    assert hangs.proof(PID) is None
    # A new stretch begins.
    assert hangs_of(looks(PID, 1.1, 1.5, "futex"), hangs).proof(PID) is None
    assert hangs_of(looks(PID, 1.6, 1.6, "futex"), hangs).proof(PID) is not None


def test_a_change_in_the_number_of_threads_ends_the_stillness() -> None:
    hangs = hangs_of([*looks(PID, 0, 0.9, "futex"), *looks(PID, 1.0, 1.0, "futex", "futex")])
    assert hangs.proof(PID) is None


@pytest.mark.parametrize(("ticks_per_s", "is_stuck"), [(0.0, True), (2.5, True), (10.0, False), (100.0, False)])
def test_cpu_time_is_no_hang_except_that_of_200_wakes_a_second(ticks_per_s: float, is_stuck: bool) -> None:
    rows = looks(PID, 0, 3, "futex-timed", wakes_per_s=GIL_RATE, ticks_per_s=ticks_per_s)
    assert (hangs_of(rows).proof(PID) is not None) is is_stuck


def test_zombie_threads_do_not_count() -> None:
    leader = [
        Event(at(t / 10), "closer", "state", PID, 0, {"ticks": 1, "switches": 1, "tasks": tasks})
        for t in range(7)
        for tasks in [[["Z", "?"], ["S", "futex"]]]
    ]
    assert hangs_of(leader).proof(PID) is not None
    gone = [
        Event(at(t / 10), "closer", "state", PID, 0, {"ticks": 1, "switches": 1, "tasks": [["Z", "?"]]})
        for t in range(7)
    ]
    assert hangs_of(gone).proof(PID) is None


def test_suspects_stand_still_without_a_backtrace_and_differ_from_proven_ones() -> None:
    hangs = hangs_of([*gil(GIL_BACKTRACE_S + 0.1), *gil(0.1, pid=8)])
    assert hangs.suspects([PID, 8, 99]) == [PID]
    hangs_of([backtrace(PID, 1.0), *gil(0.4, pid=9, begin=1.0)], hangs)
    assert hangs.suspects([PID, 9]) == []


def test_nothing_is_known_about_a_new_process() -> None:
    hangs = hangs_of([*gil(1.0), backtrace(PID, 1.0)])
    hangs.forget(PID)
    assert hangs.proof(PID) is None
    assert hangs.evidence([PID]) is None
    assert hangs_of(gil(GIL_BACKTRACE_S), hangs).proof(PID) is None


def test_evidence_is_the_backtrace_without_noise_or_else_the_waits() -> None:
    hangs = hangs_of(looks(PID, 0, 0.5, "futex", "futex-timed"))
    assert hangs.evidence([None, 99]) is None
    waits = hangs.evidence([None, PID])
    assert waits is not None
    assert waits.startswith("2 thread(s) in futex, futex-timed, no CPU time in 0.5 s")
    hangs_of([backtrace(PID, 1.0)], hangs)
    assert hangs.evidence([99, PID]) == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"


def test_only_the_innermost_informative_frames_are_kept() -> None:
    assert informative_frames(["__futex", "do_futex_wait", "??", *"abcdef"]) == list("abcd")
    assert len(informative_frames(list("abcdef"))) == EVIDENCE_FRAMES


def test_a_serving_worker_is_deadlocked_when_no_thread_begins_a_wait() -> None:
    rows = looks(PID, 0, DEADLOCK_S, "futex", "futex")
    assert hangs_of(rows[:-1]).deadlock(PID) is None
    proof = hangs_of(rows).deadlock(PID)
    assert proof is not None
    assert proof.since_ns == at(DEADLOCK_S)


@pytest.mark.parametrize(
    "waits", [("futex", "ep_poll"), ("futex", "futex-timed"), ("futex-shared",), ("futex-unknown",)]
)
def test_a_worker_with_a_thread_that_can_be_woken_is_not_deadlocked(waits: tuple[str, ...]) -> None:
    assert hangs_of(looks(PID, 0, 10, *waits)).deadlock(PID) is None


def test_a_worker_that_moves_between_two_looks_is_not_deadlocked() -> None:
    assert hangs_of(looks(PID, 0, 30, "futex", "futex", wakes_per_s=10)).deadlock(PID) is None


def test_a_debugger_that_comes_later_does_not_undo_a_deadlock() -> None:
    hangs = hangs_of(looks(PID, 0, DEADLOCK_S, "futex"))
    stopped = looks(PID, DEADLOCK_S + 0.1, DEADLOCK_S + 0.3, "futex", state="t")
    after = [Event(e.t_ns, e.source, e.kind, e.pid, 0, e.data | {"switches": 3}) for e in looks(PID, 2, 2.2, "futex")]
    assert hangs_of([*stopped, *after], hangs).deadlock(PID) is not None


def test_a_worker_that_moves_again_is_not_deadlocked() -> None:
    hangs = hangs_of([*looks(PID, 0, DEADLOCK_S, "futex"), *looks(PID, 2, 2.1, "ep_poll")])
    assert hangs.deadlock(PID) is None
    hangs = hangs_of(looks(PID, 0, DEADLOCK_S, "futex"))
    hangs.end_stillness(PID)
    assert hangs.deadlock(PID) is None


def test_a_loop_that_turns_once_a_second_and_work_are_no_rest() -> None:
    assert hangs_of(looks(PID, 0, LOOP_S, "do_wait")).rest_s(PID) == pytest.approx(LOOP_S)
    assert hangs_of(looks(PID, 0, 60, "do_epoll_wait", wakes_per_s=1)).rest_s(PID) < LOOP_S
    assert hangs_of(looks(PID, 0, 60, "do_wait", ticks_per_s=10)).rest_s(PID) < LOOP_S
    assert hangs_of(looks(PID, 0, 60, "running", state="R")).rest_s(PID) == 0
    assert Hangs().rest_s(PID) == 0


def test_a_rest_waits_for_what_its_newest_look_shows() -> None:
    idle = looks(PID, 0, 1, "ep_poll")
    assert hangs_of(idle).waits_for_events(PID)
    assert hangs_of([*idle, *looks(PID, 1.1, 2, "ptrace_stop", state="t")]).waits_for_events(PID)
    assert hangs_of([*idle, *looks(PID, 1.1, 2, "?")]).waits_for_events(PID)
    stopped = hangs_of([*idle, *looks(PID, 1.1, 12, "do_signal_stop", state="T")])
    assert stopped.rest_s(PID) == pytest.approx(12)
    assert not stopped.waits_for_events(PID)


def test_the_stop_by_a_debugger_does_not_end_a_rest() -> None:
    rows = [*looks(PID, 0, 2, "do_wait"), *looks(PID, 2.1, 2.3, "do_wait", state="t")]
    rows += [Event(e.t_ns, e.source, e.kind, e.pid, 0, e.data | {"switches": 2}) for e in looks(PID, 3, 5, "do_wait")]
    assert hangs_of(rows).rest_s(PID) == pytest.approx(5)
