"""State -> verdict: every verdict, its reason and their order, from rows made by hand."""

from __future__ import annotations

import itertools

import pytest
from rows import (
    MASTER,
    at,
    generation,
    hang,
    healthy,
    judged,
    leave,
    lifecycle,
    looks,
    respawn,
    row,
)

from stacks.lifecycle.lifecycle import HEARTBEAT_GAP_S
from stacks.lifecycle.verdict import CRASH_LOOP, VERDICTS

UNREADY = respawn(1, 100, 101, 1.0, ready=False)  # forked at 1.5


def test_enough_respawns_that_become_ready_recover() -> None:
    judgement = judged(healthy(20), wanted=20)
    assert (judgement.verdict, judgement.respawns, judgement.hung) == ("recovers", 20, 0)
    assert judgement.reason == "20 of 20 respawned workers came back"
    assert judgement.evidence is None


def test_a_healthy_stack_has_no_verdict_while_it_runs() -> None:
    assert judged(healthy(20), wanted=20, finished=False).verdict is None


def test_a_throttled_master_does_not_hang() -> None:
    asleep = looks(MASTER, 2.3, 3.0, "hrtimer_nanosleep")
    rows = [*generation(100), *leave(100, 1.0), row(1.9, "throttle"), *asleep]
    back = [row(3.1, "respawned", 101, 1), row(3.2, "ready", 101)]
    assert judged(rows, finished=False).verdict is None
    assert judged(rows, back).verdict == "throttled"
    assert "slept 1 time because" in judged(rows, back).reason
    assert judged(rows, [back[0]], hang(101, 3.3)).verdict == "hung_worker"


def crashes(count: int, pid: int = 100, t: float = 1.0) -> list:
    """`pid` leaves at t, and `count` successors crash one after another."""
    rows = leave(pid, t)
    for i in range(1, count + 1):
        rows += [
            row(t + i, "respawned", pid + i, 1),
            row(t + i + 0.01, "exited", pid + i, source="kernel", signal=11),
            row(t + i + 0.5, "died", pid + i, 1, text="died, killed by signal 11", signal=11),
        ]
    return rows


def test_workers_that_die_before_they_are_ready_make_a_crash_loop() -> None:
    assert judged(generation(100), crashes(CRASH_LOOP), finished=False).verdict == "crash_loop"
    assert judged(generation(100), crashes(CRASH_LOOP - 1)).verdict == "invalid"
    *_, crashed, open_one = lifecycle(generation(100), crashes(1)).episodes()
    assert (crashed.outcome, crashed.cause) == ("crashed", "died, killed by signal 11")
    assert not crashed.is_respawn
    assert open_one.outcome == "undecided"


def test_fewer_crashes_than_ready_workers_make_no_crash_loop() -> None:
    assert judged(healthy(20), crashes(CRASH_LOOP, 120, 30.0), wanted=20).verdict == "recovers"


def test_too_few_respawns_are_invalid() -> None:
    judgement = judged(healthy(19), wanted=20)
    assert (judgement.verdict, judgement.respawns) == ("invalid", 19)
    assert judgement.reason.startswith("19 respawns seen, 20 wanted")
    assert "Raise DURATION" in judgement.reason
    assert "min-worker-lifetime" not in judgement.reason


def test_a_run_without_a_respawn_gives_advice() -> None:
    judgement = judged(generation(100), wanted=20)
    assert judgement.verdict == "invalid"
    assert "min-worker-lifetime = 0" in judgement.reason


@pytest.mark.parametrize(("gap_s", "verdict"), [(1.0, "recovers"), (HEARTBEAT_GAP_S + 0.1, "invalid")])
def test_a_gap_between_heartbeats_makes_a_run_invalid(gap_s: float, verdict: str) -> None:
    beats = [row(t, "heartbeat", source="observer") for t in (0.0, 1.0, 1.0 + gap_s)]
    judgement = judged(sorted([*healthy(3), *beats], key=lambda event: event.t_ns))
    assert judgement.verdict == verdict
    assert ("held up for 5.1 s" in judgement.reason) is (verdict == "invalid")


def test_a_gap_between_heartbeats_does_not_hide_a_hang() -> None:
    beats = [row(0.0, "heartbeat"), row(20.0, "heartbeat")]
    assert judged(generation(100), UNREADY, hang(101, 1.6), beats).verdict == "hung_worker"


def test_rows_after_the_stop_change_nothing() -> None:
    rows = [*healthy(3), row(9.0, "stop", source="observer")]
    after = [*leave(103, 9.1), *crashes(5, 200, 9.2), *hang(103, 9.2), row(99.0, "heartbeat"), row(9.5, "throttle")]
    assert lifecycle(rows, after).episodes() == lifecycle(rows).episodes()
    assert judged(rows, after) == judged(rows)
    assert lifecycle(rows, after).now_ns == at(9.0)


def test_the_most_severe_finding_is_the_verdict() -> None:
    worker = [*respawn(2, 200, 201, 1.0, ready=False), *hang(201, 1.6)]
    leaving = [row(0.5, "exit_begun", 300), *looks(300, 0.6, 1.6, "futex")]
    rows = generation(100, 200, 300)
    assert judged(rows, leaving).verdict == "hung_exit"
    both = judged(rows, leaving, worker)
    assert both.verdict == "hung_worker"
    assert both.reason == "1 worker was forked and never became ready, and 1 worker began to exit and never ended"
    assert judged(rows, leaving, worker, leave(100, 1.0), hang(MASTER, 2.2)).verdict == "hung_master"
    order = [VERDICTS.index(v) for v in ("hung_master", "hung_worker", "hung_exit", "crash_loop", "recovers")]
    assert all(a < b for a, b in itertools.pairwise(order))


def test_a_run_without_a_respawn_names_requests_that_were_not_answered() -> None:
    lost = row(5, "losses", source="observer", timeout=2)
    assert judged(generation(100), row(5, "losses", source="observer")).reason.endswith("or lower MAX_REQUESTS.")
    silent = judged(generation(100), row(5, "losses", source="observer", requests=0))
    assert (silent.verdict, "No request was sent: see locust.log" in silent.reason) == ("invalid", True)
    judgement = judged(generation(100), lost)
    assert judgement.verdict == "invalid"
    assert judgement.reason.endswith(
        "No worker ever left; but 2 requests were not answered in time although no worker is hung."
    )


def test_the_reason_of_a_run_that_recovers_names_the_lost_requests() -> None:
    rows = [*generation(100), *respawn(1, 100, 101, 1)]
    assert judged(rows, row(5, "losses", source="observer")).reason == "1 of 1 respawned worker came back"
    lost = row(5, "losses", source="observer", timeout=3, reset=2, truncated=1, failed=7)
    judgement = judged(rows, lost)
    assert judgement.verdict == "recovers"
    assert judgement.reason.endswith(
        "came back; but 3 requests were not answered in time although no worker is hung, "
        "2 requests were cut off, 1 answer ended before its length, 7 requests were answered with a 5xx status"
    )
