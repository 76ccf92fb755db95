"""The diagnosis: which defect explains a hang, from the verdict, the version, the options and the threads."""

from __future__ import annotations

from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG, findings

from stacks.check.diagnosis import Findings, leaves_threads, likely_defect, may_be_luck, second_defect
from stacks.lifecycle.lost_threads import ThreadGroup, ThreadTable
from stacks.lifecycle.stuck_words import LACKED, SERVES

EXIT = replace(HUNG, verdict="hung_exit")
CRASHES = replace(HUNG, verdict="crash_loop", hung=0)
SHUTDOWN = replace(EXIT, evidence="wait_for_thread_shutdown <- Py_FinalizeEx <- Py_FinalizeEx <- uwsgi_plugins_atexit")
HANDLER = replace(EXIT, evidence="atexit_callfuncs <- _PyAtExit_Call <- Py_FinalizeEx <- Py_FinalizeEx")
TRACER = "std::condition_variable::wait <- PeriodicThread_join <- _threads_at_exit <- atexit_callfuncs"
LAZY, HOOKS = ("lazy-apps", "true"), ("py-call-uwsgi-fork-hooks", "true")


def threads(in_workers: int) -> ThreadTable:
    """Return the threads of a master with one thread of an app, which `in_workers` of 2 workers have."""
    return ThreadTable((ThreadGroup("T", "python", "app", "", 1, in_workers),), 2, answered=True, reason="")


STOP = "stop_the_world <- _imp_create_dynamic_impl"  # the evidence in a free-threaded Python


WOKEN = "the request waits at app.py:4 (Condition.wait); 3 threads of the master are not in this worker: Thread-1"
POOL = (
    "the request waits at app.py:7 (Condition.wait); 4 threads of the master that serve it are not in this worker: A, B"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (findings(HUNG, ("threads", "2")), "thread-state"),
        (findings(replace(HUNG, verdict="hung_master"), ("threads", "2")), "thread-state-in-master"),
        (findings(HUNG, ("threads", "2"), import_threads=["T"], pin="2.0.30.post1"), "thread-at-fork"),
        (findings(HUNG, ("threads", "2"), import_threads=["T"], pin=None), "thread-at-fork"),
        (findings(HUNG, ("threads", "2"), import_threads=["T"], python="3.11.7"), "thread-at-fork"),
        (findings(replace(HUNG, master_threads=2), pin="2.0.30.post1"), "thread-at-fork"),
        # A tracer's threads run Python and are not those of `threading`; the threads of an array library run none.
        (
            findings(
                replace(
                    HUNG, master_threads=4, evidence="take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"
                ),
                import_threads=[],
                pin="2.0.30.post1",
            ),
            "thread-at-fork",
        ),
        (findings(replace(HUNG, master_threads=4), import_threads=[], pin="2.0.30.post1"), None),
        (findings(replace(HUNG, verdict="hung_exit"), ("threads", "2"), pin="2.0.23.post0"), "exit-stall"),
        (findings(replace(CRASHES, crashed=9), ("py-call-osafterfork", "1")), "after-fork-crash"),
        (findings(replace(CRASHES, crashed=9)), None),
        (findings(replace(CRASHES, crashed=9, dead_on_request=9)), "dead-on-request"),
        (findings(replace(CRASHES, crashed=9, dead_on_request=8), ("py-call-osafterfork", "1")), "dead-on-request"),
        (findings(replace(CRASHES, crashed=9, dead_on_request=1), ("py-call-osafterfork", "1")), "after-fork-crash"),
        (findings(replace(HUNG, verdict="hung_request"), import_threads=["T"], pin="2.0.30.post1"), "lock-at-fork"),
        (findings(replace(HUNG, verdict="hung_request"), pin="2.0.30.post1"), None),
        (findings(replace(HUNG, verdict="hung_request", evidence=POOL), import_threads=["T"]), "pool-at-fork"),
        (findings(replace(HUNG, verdict="hung_request", master_threads=12), import_threads=[]), "pool-at-fork"),
        (findings(replace(HUNG, verdict="hung_request", master_threads=1), import_threads=[]), None),
        # On a busy machine the import outside uWSGI does not end in time, so its threads are unknown.
        (findings(replace(HUNG, verdict="hung_request", master_threads=4), import_threads=None), "pool-at-fork"),
        # A pool of a library that the words do not know: its manager's condition is waited for, and nobody answers.
        (
            findings(replace(HUNG, verdict="hung_request", evidence=WOKEN), import_threads=["Thread-1"]),
            "pool-at-fork",
        ),
        (
            findings(
                replace(HUNG, verdict="hung_request", evidence=WOKEN, statuses={"200": 9}), import_threads=["Thread-1"]
            ),
            "lock-at-fork",
        ),
        (
            findings(
                replace(HUNG, verdict="hung_request", evidence=WOKEN.replace("(Condition.wait)", "(in use)")),
                import_threads=["Thread-1"],
            ),
            "lock-at-fork",
        ),
        # A native library whose lock some forks find held: other workers answered.
        (
            findings(replace(HUNG, verdict="hung_request", master_threads=4, statuses={"200": 90}), import_threads=[]),
            "lock-at-fork",
        ),
        (
            findings(
                replace(
                    HUNG,
                    verdict="hung_request",
                    evidence=f"the request waits at app.py:10 (Future.result); {SERVES}: ThreadPoolExecutor-0_0",
                ),
                import_threads=["ThreadPoolExecutor-0_0"],
                pin="2.0.30.post1",
            ),
            "pool-at-fork",
        ),
        (findings(replace(HUNG, evidence=STOP), import_threads=["T"], pin=None), "thread-at-fork"),
        (
            findings(replace(HUNG, evidence=STOP, verdict="hung_request"), import_threads=["T"], pin=None),
            "thread-at-fork",
        ),
        (findings(replace(HUNG, evidence=STOP, verdict="hung_exit"), import_threads=["T"], pin=None), "thread-at-fork"),
        (findings(replace(HUNG, evidence=STOP, verdict="hung_exit"), import_threads=[], pin=None), None),
        (findings(replace(HUNG, verdict="dead_master"), import_threads=["T"]), None),
        (findings(HUNG, pin="2.0.30.post1"), None),
        (findings(HEALTHY, ("threads", "2")), None),
    ],
)
def test_the_defect_follows_from_version_options_and_threads(given: Findings, expected: str | None) -> None:
    assert likely_defect(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (findings(SHUTDOWN, import_threads=["T"], pin="2.0.30.post1"), "thread-joined-at-exit"),
        (findings(HANDLER, import_threads=["T"], pin="2.0.30.post1"), "thread-joined-at-exit"),
        # A tracer's threads are not those of `threading`, so the import does not list them.
        (
            findings(replace(EXIT, evidence=TRACER, master_threads=4), import_threads=[], pin="2.0.30.post1"),
            "thread-joined-at-exit",
        ),
        (
            findings(
                replace(EXIT, evidence=f"the exit waits at app.py:14 (in finish), {LACKED}"),
                import_threads=["reporter"],
                pin="2.0.30.post1",
            ),
            "thread-joined-at-exit",
        ),
        (findings(EXIT, import_threads=["T"], pin="2.0.30.post1"), "thread-joined-at-exit"),  # no backtrace
        # The library starts its thread again in each worker, so nothing of the master is waited for.
        (
            findings(replace(SHUTDOWN, fork_threads=threads(in_workers=2)), import_threads=["T"], pin="2.0.30.post1"),
            "waiting-at-exit",
        ),
        (
            findings(replace(SHUTDOWN, fork_threads=threads(in_workers=0)), import_threads=["T"], pin="2.0.30.post1"),
            "thread-joined-at-exit",
        ),
        (findings(SHUTDOWN, LAZY, pin="2.0.30.post1"), "waiting-at-exit"),
        (findings(SHUTDOWN, HOOKS, import_threads=["T"], pin="2.0.30.post1"), "waiting-at-exit"),
        (findings(SHUTDOWN, pin="2.0.30.post1"), "waiting-at-exit"),
        (findings(HANDLER, pin="2.0.30.post1"), None),
        # The exit stall shows the same backtrace: one of uWSGI's own threads is waited for.
        (findings(SHUTDOWN, ("threads", "2"), pin="2.0.23.post0", python="3.11.7"), "exit-stall"),
        (findings(SHUTDOWN, ("threads", "2"), pin=None, version="2.0.21-debian", python="3.11.2"), "exit-stall"),
        (findings(EXIT, ("threads", "2"), pin=None, version="2.0.21-debian", python="3.11.2"), "exit-stall"),
        (
            findings(replace(SHUTDOWN, master_threads=2), ("threads", "2"), pin="2.0.23.post0", import_threads=[]),
            "exit-stall",
        ),
        (
            findings(SHUTDOWN, ("threads", "2"), pin="2.0.23.post0", import_threads=["T"]),
            "thread-joined-at-exit",
        ),
        (findings(EXIT, ("threads", "2"), pin=None, version="2.0.31+dfsg"), None),
        (findings(EXIT, pin="2.0.30.post1"), None),
    ],
)
def test_the_defect_behind_a_hung_exit_follows_from_the_evidence_and_the_threads(
    given: Findings, expected: str | None
) -> None:
    assert likely_defect(given) == expected


@pytest.mark.parametrize("verdict", ["hung_worker", "hung_exit", "hung_request", "crash_loop"])
def test_a_remedy_that_leaves_a_thread_of_the_app_in_the_master_is_known_whatever_the_verdict(verdict: str) -> None:
    given = findings(replace(HUNG, verdict=verdict), import_threads=["T"], pin="2.0.30.post1")
    assert leaves_threads(given, [("skip-atexit-teardown", "true")])
    assert not leaves_threads(given, [LAZY])
    assert not leaves_threads(given, [HOOKS])


def test_a_thread_that_only_the_evidence_shows_is_left_in_the_master() -> None:
    given = findings(replace(EXIT, evidence=TRACER, master_threads=4), import_threads=[], pin="2.0.30.post1")
    assert leaves_threads(given, [("skip-atexit-teardown", "true")])


def test_a_thread_that_each_worker_starts_is_not_in_the_master() -> None:
    given = findings(SHUTDOWN, LAZY, pin="2.0.30.post1")
    assert not leaves_threads(given, [LAZY, ("skip-atexit-teardown", "true")])


@pytest.mark.parametrize(
    ("hung", "back", "trials", "master_threads", "expected"),
    [
        (3, 29, 24, 4, True),  # (29/32) ** 24 = 0.09
        (3, 29, 24, 1, False),  # no thread is left that could hold a lock
        (3, 29, 40, 4, False),  # 0.02
        (8, 0, 16, 4, False),  # every worker hung
        (0, 0, 16, 4, False),
    ],
)
def test_a_rare_hang_that_does_not_come_with_a_remedy_may_be_luck(
    hung: int, back: int, trials: int, master_threads: int, expected: bool
) -> None:
    run = replace(HUNG, verdict="hung_request", hung=0, hung_in_request=hung, respawns=back)
    with_remedy = replace(HEALTHY, respawns=trials, master_threads=master_threads)
    assert may_be_luck(findings(run, import_threads=[]), with_remedy) is expected
    assert not may_be_luck(findings(replace(run, verdict="hung_worker")), with_remedy)


def test_a_thread_may_hang_some_workers_at_their_fork_and_others_at_their_exit() -> None:
    run = replace(HUNG, hung=8, hung_at_exit=6, evidence="take_gil <- PyEval_RestoreThread")
    given = findings(run, import_threads=["APScheduler"], pin="2.0.30.post1")
    assert (likely_defect(given), second_defect(given)) == ("thread-at-fork", "thread-joined-at-exit")
    alone = findings(replace(run, hung_at_exit=0), import_threads=["APScheduler"], pin="2.0.30.post1")
    assert (likely_defect(alone), second_defect(alone)) == ("thread-at-fork", None)
    old = findings(HUNG, ("threads", "2"), import_threads=["T"])
    assert (likely_defect(old), second_defect(old)) == ("thread-state", "thread-at-fork")
    assert second_defect(findings(HUNG, ("threads", "2"), import_threads=[])) is None
