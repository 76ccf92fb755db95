"""What a stuck worker waits for, in words: recorded threads -> the evidence line of a verdict."""

from __future__ import annotations

from typing import Any

import pytest
from rows import MASTER, backtrace, generation, judged, leave, looks, respawn, row
from thread_dumps import dumps, looks_of, old_python, thread_row

from stacks.lifecycle.stuck_words import stuck_words
from stacks.lifecycle.thread_looks import AT_EXIT, AT_FORK, IN_REQUEST

BURN = "Thread-1 (burn) at busy_thread.py:16"
BY_BURN = f"waits for the GIL, owned by {BURN}, a thread of the master that this worker does not have"
BY_MAIN = "waits for the GIL, owned by the master's main thread, which this worker does not have"


def words(name: str, when: str, *, waits_for_gil: bool | None = None, with_master: bool = True, **changes: Any) -> str:
    master, worker = looks_of(name, when, **changes)
    return stuck_words(worker, master if with_master else None, waits_for_gil)


class TestTheGil:
    def test_an_owner_that_the_worker_does_not_have_is_named_with_its_line(self) -> None:
        assert words("gil_owned_by_thread", AT_FORK, with_master=False) == BY_BURN

    def test_the_owner_may_be_the_main_thread_of_the_master(self) -> None:
        assert words("gil_owned_by_main", AT_FORK, waits_for_gil=True) == BY_MAIN

    @pytest.mark.parametrize("waits_for_gil", [False, None])
    def test_a_main_thread_with_the_gil_that_waits_for_something_else_is_no_evidence(
        self, waits_for_gil: bool | None
    ) -> None:
        assert words("gil_owned_by_main", AT_FORK, waits_for_gil=waits_for_gil) == ""

    @pytest.mark.parametrize("python", ["3.11", ""])
    def test_before_3_12_the_thread_that_ran_last_is_not_called_the_owner(self, python: str) -> None:
        threads = [
            dict(thread) for thread in thread_row(dumps("gil_owned_by_thread")[1], "worker", AT_FORK).data["threads"]
        ]
        threads[0]["owns_gil"], threads[1]["owns_gil"] = False, True
        changed = words("gil_owned_by_thread", AT_FORK, waits_for_gil=True, python=python, threads=threads)
        assert changed == f"waits for the GIL; a thread of the master is not in this worker: {BURN}"

    def test_without_thread_ids_a_worker_with_one_thread_has_none_but_the_main_one(self) -> None:
        threads = old_python("gil_owned_by_thread")
        assert words("gil_owned_by_thread", AT_FORK, python="3.10", threads=threads) == BY_BURN

    def test_without_thread_ids_nothing_is_said_of_a_worker_with_several_threads(self) -> None:
        threads, tasks = old_python("gil_owned_by_thread"), [[654, "uwsgi"], [655, "uwsgi"]]
        assert (
            words("gil_owned_by_thread", AT_FORK, python="3.10", threads=threads, tasks=tasks, with_master=False) == ""
        )

    def test_an_owner_that_exists_in_the_worker_is_no_evidence(self) -> None:
        tasks = [[654, "uwsgi"], [649, "uwsgi"]]
        assert words("gil_owned_by_thread", AT_FORK, tasks=tasks, with_master=False) == ""


class TestARequest:
    @pytest.mark.parametrize("name", ["pool", "pool_fork_hooks"])
    def test_a_pool_whose_threads_are_in_the_master_only(self, name: str) -> None:
        assert words(name, IN_REQUEST) == (
            "the request waits at stdlib_thread_pool.py:10 (Condition.wait); 3 threads of the master that serve it are "
            "not in this worker: ThreadPoolExecutor-0_0 (_worker), ThreadPoolExecutor-0_1 (_worker), "
            "ThreadPoolExecutor-0_2 (_worker)"
        )

    def test_a_native_pool_is_named_by_its_threads_and_its_package(self) -> None:
        text = words("polars", IN_REQUEST)
        assert text.startswith(
            "the request waits at polars_frame.py:9, in polars, polars/lazyframe/engine.py:410 (_LocalEngine.collect); "
            "native threads of the master are not in this worker: "
        )
        assert "uwsgi" not in text

    def test_a_worker_without_frames_says_nothing(self) -> None:
        threads = [{"name": "", "tid": 648, "owns_gil": False, "frames": []}]
        assert words("gil_owned_by_thread", IN_REQUEST, threads=threads) == ""


class TestTheExit:
    def test_the_thread_that_python_joins_is_named(self) -> None:
        assert words("shutdown_join", AT_EXIT) == (
            "threading._shutdown waits for not-a-daemon (Event.wait), a thread of the master that this worker does not "
            "have"
        )

    def test_a_thread_of_the_worker_itself_is_told_as_such(self) -> None:
        _, worker = dumps("shutdown_join")
        tid = worker["dump"][0]["os_thread_id"]
        tasks = [*worker["tasks"], [tid, "uwsgi"]]
        assert words("shutdown_join", AT_EXIT, tasks=tasks, with_master=False) == (
            "threading._shutdown waits for a thread of this worker: not-a-daemon (Event.wait)"
        )

    def test_after_the_end_of_python_the_master_tells_which_threads_are_missing(self) -> None:
        assert words("ddtrace", AT_EXIT, threads=[], tasks=[[27150, "uwsgi"]], reason="no Python") == (
            "the exit waits; 3 threads of the master are not in this worker: _TelemetryDepen, SignalUploader, "
            "RemoteConfigPol"
        )
        assert words("ddtrace", AT_EXIT, threads=[], reason="no Python", with_master=False) == ""


class TestTheVerdict:
    def test_a_native_function_has_the_name_of_its_package(self) -> None:
        frames = ["futex_wait", "PeriodicThread_join", "Py_FinalizeEx"]
        rows = [
            *generation(100),
            row(0.5, "exit_begun", 100),
            *looks(100, 0.6, 1.2, "futex"),
            row(1.2, "backtrace", 100, frames=frames, packages={"PeriodicThread_join": "ddtrace"}),
        ]
        assert judged(rows).evidence == "PeriodicThread_join (ddtrace) <- Py_FinalizeEx"

    def test_the_line_of_the_app_comes_before_the_native_frames(self) -> None:
        master, worker = dumps("gil_owned_by_thread")
        rows = [
            *generation(100),
            thread_row(master, "master", "ready", 0.2),
            *respawn(1, 100, worker["pid"], 1.0, ready=False),
            *looks(worker["pid"], 1.6, 2.2, "futex-timed", wakes_per_s=195),
            thread_row(worker, "worker", AT_FORK, 2.0),
            backtrace(worker["pid"], 2.2),
        ]
        judgement = judged(rows)
        assert judgement.verdict == "hung_worker"
        assert judgement.evidence == (f"{BY_BURN}; take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup")

    def test_a_request_that_waits_for_a_lock_does_not_wait_for_the_owner_of_the_gil(self) -> None:
        _, worker = dumps("gil_owned_by_thread")  # of a thread that was about to start when the master forked
        rows = [
            *generation(100),
            *respawn(1, 100, worker["pid"], 1.0),
            *looks(worker["pid"], 1.6, 4.2, "futex"),
            thread_row(worker, "worker", IN_REQUEST, 4.0),
            backtrace(worker["pid"], 4.2, ["acquire_timed", "rlock_acquire", "python_call", "uwsgi_request_wsgi"]),
        ]
        evidence = str(judged(rows).evidence)
        assert "GIL" not in evidence
        assert evidence.endswith("rlock_acquire <- python_call <- uwsgi_request_wsgi")
        rows[-1] = backtrace(worker["pid"], 4.2, ["take_gil", "acquire_timed", "rlock_acquire"])
        assert str(judged(rows).evidence).startswith(BY_BURN)

    def test_the_backtrace_of_a_hang_at_the_exit_is_no_evidence_of_one_at_the_fork(
        self,
    ) -> None:
        _, worker = dumps("gil_owned_by_thread")
        rows = [
            *generation(100, 101),
            row(0.5, "exit_begun", 101),
            *looks(101, 0.6, 2.2, "futex"),
            backtrace(101, 1.2, ["wait_for_thread_shutdown", "Py_FinalizeEx"]),
            *respawn(1, 100, worker["pid"], 1.0, ready=False),
            *looks(worker["pid"], 1.6, 4.2, "futex-timed", wakes_per_s=195),
            thread_row(worker, "worker", AT_FORK, 2.0),
        ]
        judgement = judged(rows)
        assert "began to exit and never ended" in judgement.reason
        assert str(judgement.evidence).startswith(BY_BURN)
        assert "Py_FinalizeEx" not in str(judgement.evidence)

    def test_a_look_is_no_proof(self) -> None:
        _, worker = dumps("gil_owned_by_thread")
        rows = [*generation(100), *respawn(1, 100, worker["pid"], 1.0), thread_row(worker, "worker", AT_FORK, 1.6)]
        assert (judged(rows).verdict, judged(rows).evidence) == ("recovers", None)

    def test_a_look_that_failed_leaves_the_evidence_as_it_was(self) -> None:
        _, worker = dumps("gil_owned_by_thread")
        rows = [
            *generation(100),
            *respawn(1, 100, worker["pid"], 1.0, ready=False),
            *looks(worker["pid"], 1.6, 2.2, "futex-timed", wakes_per_s=195),
            thread_row(worker, "worker", AT_FORK, 2.0, threads=[], reason="py-spy failed"),
            backtrace(worker["pid"], 2.2),
        ]
        assert judged(rows).evidence == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"

    def test_a_new_process_with_the_same_pid_does_not_inherit_the_look(self) -> None:
        _, worker = dumps("gil_owned_by_thread")
        rows = [
            *generation(100),
            row(0.5, "spawned", worker["pid"], 2),
            thread_row(worker, "worker", AT_FORK, 0.6),
            *leave(worker["pid"], 0.7),
            *respawn(2, worker["pid"], worker["pid"], 1.0, ready=False),
            *looks(worker["pid"], 1.6, 2.2, "futex"),
        ]
        assert "GIL" not in str(judged(rows).evidence)

    def test_the_look_at_the_master_is_no_evidence_of_its_own_hang(self) -> None:
        master, _ = dumps("gil_owned_by_thread")
        rows = [*generation(100), thread_row({**master, "pid": MASTER}, "master", "ready", 0.2), *leave(100, 1.0)]
        rows += [*looks(MASTER, 2.2, 13.5, "futex")]
        judgement = judged(rows)
        assert judgement.verdict == "hung_master"
        assert "owned by" not in str(judgement.evidence)
