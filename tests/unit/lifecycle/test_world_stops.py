"""Free-threaded Python: what proves that a thread waits for another one to stop that the fork left behind."""

from __future__ import annotations

import pytest
from rows import GIL, at, backtrace, generation, judged, looks, row

from stacks.lifecycle.backtraces import informative_frames, stops_the_world, waits_for_gil
from stacks.lifecycle.hangs import GIL_BACKTRACE_S, GIL_RATE_S, PATIENCE_S, SAME_AS_PROVEN_S, STOP_RATE_S, Hangs
from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import DEADLOCK_S

PID = 7
STOP_RATE = 870  # wakes a second of such a thread, as measured beside other processes
STOP = [
    *("__futex_abstimed_wait_common64", "do_futex_wait", "___sem_clockwait64", "_PySemaphore_Wait"),
    *("_PyParkingLot_Park", "PyEvent_WaitTimed", "stop_the_world", "_PyEval_StopTheWorldAll"),
    *("_PyEval_EnableGILTransient", "_imp_create_dynamic_impl", "_imp_create_dynamic", "import_find_and_load"),
]
# The other side: a thread that the stop holds up, and that waits without a timeout.
STOPPED = ["__futex_abstimed_wait_common64", "_PyParkingLot_Park", "tstate_wait_attach", "_PyThreadState_Attach"]
FREE_THREADED = row(0, "free_threaded", 900)


def hangs_of(*rows: Event) -> Hangs:
    hangs = Hangs()
    for event in rows:
        {
            "backtrace": hangs.add_backtrace,
            "state": hangs.add_state,
            "free_threaded": hangs.mark_free_threaded,
        }[event.kind](event)
    return hangs


def stop(end: float, pid: int = PID, begin: float = 0.0, wakes_per_s: float = STOP_RATE, *others: str) -> list[Event]:
    return looks(pid, begin, end, "futex-timed", *others, wakes_per_s=wakes_per_s, ticks_per_s=0.6)


def test_a_backtrace_of_the_wait_is_a_proof_as_soon_as_that_of_a_gil_wait() -> None:
    short = hangs_of(*stop(GIL_BACKTRACE_S - 0.1), backtrace(PID, GIL_BACKTRACE_S - 0.1, STOP))
    assert short.proof(PID) is None
    proof = hangs_of(*stop(GIL_BACKTRACE_S), backtrace(PID, GIL_BACKTRACE_S, STOP)).proof(PID)
    assert proof is not None
    assert proof.since_ns == at(GIL_BACKTRACE_S)
    assert proof.is_stop
    assert "GIL" not in proof.text


def test_one_backtrace_proves_other_workers_that_wake_as_often() -> None:
    first = [*stop(0.9), backtrace(PID, 0.9, STOP), *stop(1.0)[-1:]]
    proof = hangs_of(*first, *stop(SAME_AS_PROVEN_S, pid=8)).proof(8)
    assert proof is not None
    assert proof.is_stop
    assert hangs_of(*first, *stop(SAME_AS_PROVEN_S - 0.1, pid=8)).proof(8) is None
    assert hangs_of(*first, *stop(2, 8, 0, 30)).proof(8) is None
    assert hangs_of(*first, *stop(2, 8, 0, 2000)).proof(8) is None
    assert hangs_of(*first, *stop(2, pid=8)).suspects([8]) == []


def test_without_a_backtrace_the_rate_is_a_proof_only_in_a_free_threaded_python_and_later() -> None:
    proof = hangs_of(FREE_THREADED, *stop(STOP_RATE_S)).proof(PID)
    assert proof is not None
    assert proof.since_ns == at(STOP_RATE_S)
    assert "870 times a second" in proof.text
    assert hangs_of(FREE_THREADED, *stop(STOP_RATE_S - 0.1)).proof(PID) is None
    # Beside many busy processes 143 to 161 wakes were measured. A wait for the GIL would wake as often.
    short_of_cpu = hangs_of(FREE_THREADED, *stop(GIL_RATE_S, PID, 0, 150)).proof(PID)
    assert short_of_cpu is not None
    assert "GIL" not in short_of_cpu.text
    with_gil = hangs_of(FREE_THREADED, *stop(0.4, PID, 0, 195), backtrace(PID, 0.4, GIL)).proof(PID)
    assert with_gil is not None
    assert "GIL" in with_gil.text
    assert hangs_of(*stop(PATIENCE_S - 1)).proof(PID) is None
    assert hangs_of(FREE_THREADED, *stop(STOP_RATE_S + 1, PID, 0, STOP_RATE, "futex")).proof(PID) is None


@pytest.mark.parametrize(
    ("waits", "wakes_per_s", "ticks_per_s"),
    [
        (("futex-timed",), STOP_RATE, 20.0),  # it works between its waits
        (("futex-timed",), 2.0, 0.0),  # a wait of half a second at a time: not the wait of the backtrace
        (("futex-timed", "ep_poll"), STOP_RATE, 0.6),  # a thread is left that a connection wakes
        (("futex-timed", "hrtimer_nanosleep"), STOP_RATE, 0.6),
        (("futex-timed", "futex-timed"), STOP_RATE, 0.6),
        (("futex-timed", "futex-shared"), STOP_RATE, 0.6),
    ],
)
def test_a_moving_worker_is_not_hung_although_its_backtrace_met_a_stop(
    waits: tuple[str, ...], wakes_per_s: float, ticks_per_s: float
) -> None:
    rows = looks(PID, 0, 30, *waits, wakes_per_s=wakes_per_s, ticks_per_s=ticks_per_s)
    hangs = hangs_of(FREE_THREADED, *rows[:4], backtrace(PID, 0.4, STOP), *rows[4:])
    assert hangs.proof(PID) is None
    assert hangs.deadlock(PID) is None


def test_a_backtrace_counts_only_for_the_wait_in_which_it_was_taken() -> None:
    import_and_gc = [*stop(0.2), backtrace(PID, 0.3, STOP), *looks(PID, 0.4, 0.5, "running", state="R")]
    moved = looks(PID, 0.6, 0.6, "do_wait", ticks_per_s=100)
    later = looks(PID, 0.7, 20, "futex-timed", wakes_per_s=STOP_RATE)
    hangs = hangs_of(*import_and_gc, *moved, *later)
    assert hangs.proof(PID) is None
    assert hangs.deadlock(PID) is None


def test_the_others_may_wait_for_the_thread_that_waits_for_them_to_stop() -> None:
    rows = [*stop(0.4, PID, 0, STOP_RATE, "futex", "futex"), backtrace(PID, 0.4, STOP)]
    assert hangs_of(*rows).proof(PID) is not None


def test_a_serving_worker_needs_the_backtrace_and_the_time_of_a_deadlock() -> None:
    up = [FREE_THREADED, *generation(100, 200)]
    wait = looks(100, 1, 1 + DEADLOCK_S, "futex-timed", wakes_per_s=STOP_RATE)
    judgement = judged(up, wait[:-2], backtrace(100, 1.9, STOP), wait[-2:], finished=False)
    assert judgement.verdict == "hung_request"
    assert judgement.reason == (
        "1 worker accepts and never answers: it waits for ever for a thread of the master to stop"
    )
    assert judgement.evidence == (
        "stop_the_world <- _imp_create_dynamic_impl <- _imp_create_dynamic <- import_find_and_load"
    )
    assert judged(up, wait[:-2], backtrace(100, 1.9, STOP), finished=False).verdict is None
    assert judged(up, looks(100, 1, 20, "futex-timed", wakes_per_s=STOP_RATE), finished=False).verdict is None


def test_a_serving_worker_gets_a_backtrace_only_in_a_free_threaded_python() -> None:
    assert hangs_of(FREE_THREADED, *stop(0.5)).stopping([PID]) == [PID]
    assert hangs_of(FREE_THREADED, *stop(0.4)).stopping([PID]) == []
    assert hangs_of(FREE_THREADED, *stop(0.5, PID, 0, 100)).stopping([PID]) == []
    assert hangs_of(*stop(0.5)).stopping([PID]) == []


def test_a_worker_that_hangs_at_its_end_hangs_at_the_exit() -> None:
    rows = [*generation(100), row(1, "exit_begun", 100), *looks(100, 1.1, 1.6, "futex-timed", wakes_per_s=STOP_RATE)]
    assert judged(rows, backtrace(100, 1.6, STOP), finished=False).verdict == "hung_exit"


def test_the_frames_of_a_stop_are_no_wait_for_the_gil() -> None:
    assert (stops_the_world(STOP), waits_for_gil(STOP)) == (True, False)
    assert (stops_the_world(STOPPED), waits_for_gil(STOPPED)) == (False, False)
    assert (stops_the_world(GIL), waits_for_gil(GIL)) == (False, True)
    # A free-threaded Python whose GIL is on while it imports a module.
    assert waits_for_gil(["futex_wait", "take_gil", "PyEval_AcquireThread", "_PyParkingLot_Park"])
    assert informative_frames(STOP)[0] == "stop_the_world"
