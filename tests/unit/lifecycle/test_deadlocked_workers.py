"""Workers that serve and hang in a request: how this is proven, and that their end does not undo it."""

from __future__ import annotations

import pytest
from rows import backtrace, generation, hang, judged, lifecycle, looks, respawn, row

LOCKED = looks(100, 1, 2.2, "futex")


def test_a_serving_worker_whose_threads_all_wait_for_own_locks_hangs_in_its_request() -> None:
    judgement = judged(generation(100, 200), LOCKED, backtrace(100, 2.2, ["sem_wait", "rlock_acquire"]), finished=False)
    assert judgement.verdict == "hung_request"
    assert judgement.reason.startswith("1 worker accepts and never answers")
    assert (judgement.respawns, judgement.hung) == (0, 0)
    assert judgement.evidence == "rlock_acquire"


def test_an_outage_is_when_no_worker_is_left_that_answers() -> None:
    one = lifecycle(generation(100, 200), LOCKED)
    assert (one.serving(), list(one.deadlocks()), one.is_outage()) == (1, [100], False)
    both = lifecycle(generation(100, 200), LOCKED, looks(200, 1, 2.2, "futex"))
    assert (both.serving(), both.is_outage()) == (0, True)
    mixed = lifecycle(generation(100, 200), respawn(2, 200, 201, 1, ready=False), hang(201, 2), LOCKED)
    assert mixed.is_outage()


def test_a_deadlock_in_which_a_thread_waits_for_the_end_of_another_is_a_hang_at_the_exit() -> None:
    """Before 2.0.25 uWSGI cancels threads, one of which may die with the lock that the others wait for."""
    rows = [*generation(100), *looks(100, 1, 2.2, "futex", "futex-join")]
    judgement = judged(rows, finished=False)
    assert (judgement.verdict, judgement.reason) == ("hung_exit", "1 worker began to exit and never ended")
    assert lifecycle(rows).is_outage()
    assert (
        judged(rows, row(3, "exited", 100), row(3.5, "respawned", 101, 1), row(4, "ready", 101)).verdict == "hung_exit"
    )


@pytest.mark.parametrize("end", ["told", "exited"])
def test_the_end_of_the_worker_does_not_undo_the_deadlock(end: str) -> None:
    rows = [*generation(100), *LOCKED, row(3, end, 100, 1)]
    if end == "told":
        rows.append(row(3.1, "exited", 100, source="exits"))
    rows += [row(3.5, "respawned", 101, 1), row(3.6, "ready", 101)]
    assert judged(rows).verdict == "hung_request"


def test_a_deadlock_is_less_severe_than_a_hang_at_the_fork_and_more_than_one_at_the_exit() -> None:
    worst = [*generation(100, 200), *LOCKED, *respawn(2, 200, 201, 1, ready=False), *hang(201, 2)]
    assert judged(worst).verdict == "hung_worker"
    leaving = [row(1.9, "exit_begun", 200), *looks(200, 2, 3, "futex")]
    assert judged(generation(100, 200), LOCKED, leaving).verdict == "hung_request"
