"""Rows -> episodes -> verdict: every outcome and every verdict, from rows made by hand."""

from __future__ import annotations

import itertools

import pytest
from rows import (
    GIL_RATE,
    MASTER,
    at,
    backtrace,
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

from stacks.lifecycle.master_hang import UNREAPED_S
from stacks.lifecycle.verdict import CRASH_LOOP, HEARTBEAT_GAP_S, VERDICTS, judge

UNREADY = respawn(1, 100, 101, 1.0, ready=False)  # forked at 1.5


def test_a_respawn_that_comes_back_is_ready_with_every_time_seen() -> None:
    first, second = lifecycle(healthy(1)).episodes()
    assert (first.outcome, first.generation, first.previous_pid) == ("ready", 0, None)
    assert not first.is_respawn
    assert (second.slot, second.generation, second.pid, second.previous_pid) == (1, 1, 101, 100)
    times = (second.exit_begun_ns, second.exited_ns, second.forked_ns, second.ready_ns, second.decided_ns)
    assert times == (at(1.0), at(1.007), at(1.5), at(1.52), at(1.52))
    assert second.outcome == "ready"
    assert second.is_respawn


def test_enough_of_them_recover() -> None:
    judgement = judged(healthy(20), wanted=20)
    assert (judgement.verdict, judgement.respawns, judgement.hung) == ("recovers", 20, 0)
    assert judgement.reason == "20 of 20 respawned workers came back"
    assert judgement.evidence is None


def test_nothing_is_certain_of_a_healthy_stack_while_it_runs() -> None:
    assert judged(healthy(20), wanted=20, finished=False).verdict is None


def test_a_worker_that_waits_for_the_gil_after_its_fork_is_hung() -> None:
    judgement = judged(generation(100), UNREADY, hang(101, 1.6), finished=False)
    assert (judgement.verdict, judgement.respawns, judgement.hung, judgement.hung_initial) == ("hung_worker", 1, 1, 0)
    assert judgement.evidence == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"
    episode = lifecycle(generation(100), UNREADY, hang(101, 1.6)).episodes()[-1]
    assert (episode.outcome, episode.decided_ns, episode.ready_ns) == ("hung_at_fork", at(1.9), None)
    assert episode.is_respawn


@pytest.mark.parametrize(
    ("waits", "wakes_per_s"), [(("futex-timed",), GIL_RATE), (("futex",), 0), (("futex", "futex"), 0)]
)
def test_without_a_debugger_its_waits_say_so(waits: tuple[str, ...], wakes_per_s: float) -> None:
    rows = looks(101, 1.6, 3.2, *waits, wakes_per_s=wakes_per_s)
    judgement = judged(generation(100), UNREADY, rows)
    assert judgement.verdict == "hung_worker"
    assert "no backtrace" in (judgement.evidence or "")


def test_one_hung_worker_among_many_that_come_back_is_a_hang() -> None:
    rows = [*healthy(30), *respawn(1, 130, 131, 40.0, ready=False), *hang(131, 41.0)]
    judgement = judged(rows, wanted=20)
    assert (judgement.verdict, judgement.respawns, judgement.hung) == ("hung_worker", 31, 1)


def test_a_first_generation_that_never_comes_up_is_hung_with_no_respawn_seen() -> None:
    judgement = judged(generation(100, 101, ready=False), hang(100, 0.1), hang(101, 0.1), wanted=20, finished=False)
    assert (judgement.verdict, judgement.respawns, judgement.hung, judgement.hung_initial) == ("hung_worker", 0, 0, 2)
    assert "first generation" in judgement.reason


@pytest.mark.parametrize("wait", ["hrtimer_nanosleep", "running", "ep_poll", "folio_wait_bit_common"])
def test_a_slow_import_is_never_hung_even_after_half_a_minute(wait: str) -> None:
    busy = 100.0 if wait == "running" else 0.0
    rows = [*generation(100), *UNREADY, *looks(101, 1.6, 31.6, wait, ticks_per_s=busy)]
    assert judged(rows).verdict == "invalid"
    assert lifecycle(rows).undecided() == 1
    assert judged(rows, row(31.7, "ready", 101)).verdict == "recovers"


def test_nor_one_that_burns_cpu_while_another_thread_waits() -> None:
    rows = looks(101, 1.6, 31.6, "futex", "futex-timed", ticks_per_s=60, wakes_per_s=GIL_RATE)
    assert judged(generation(100), UNREADY, rows).verdict == "invalid"


def test_one_that_was_held_to_be_hung_and_comes_up_all_the_same_is_ready() -> None:
    assert judged(generation(100), UNREADY, hang(101, 1.6), row(9.0, "ready", 101)).verdict == "recovers"


def test_a_hang_at_exit_is_seen_in_the_thread_that_is_left() -> None:
    tasks = [["Z", "?"], ["S", "futex"]]  # the leader has ended, and its last thread waits for it
    states = [row(2 + t / 10, "state", 100, source="closer", ticks=5, switches=9, tasks=tasks) for t in range(8)]
    rows = [*generation(100), row(1.9, "exit_begun", 100), *states, backtrace(100, 2.6, ["do_futex_wait", "join"])]
    judgement = judged(rows, finished=False)
    assert (judgement.verdict, judgement.respawns, judgement.evidence) == ("hung_exit", 0, "join")
    last = lifecycle(rows).episodes()[-1]
    assert (last.outcome, last.pid, last.previous_pid, last.generation) == ("hung_at_exit", None, 100, 1)
    assert not last.is_respawn


def test_an_exit_that_takes_its_time_is_not_hung() -> None:
    rows = [*generation(100), row(1.9, "exit_begun", 100), *looks(100, 2, 12, "hrtimer_nanosleep")]
    assert judged(rows).verdict == "invalid"
    assert lifecycle(rows).leaving() == [100]


MASTER_STUCK = [*generation(100), *leave(100, 1.0), *hang(MASTER, 2.2)]


def test_a_master_that_waits_for_the_gil_and_does_not_reap_is_hung() -> None:
    judgement = judged(MASTER_STUCK, finished=False)
    assert judgement.verdict == "hung_master"
    assert "was not reaped for 1.8 s" in judgement.reason
    assert judgement.evidence == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"
    assert lifecycle(MASTER_STUCK).is_outage()


def test_a_still_master_whose_workers_live_is_not() -> None:
    assert judged(generation(100), hang(MASTER, 2.2)).verdict == "invalid"


@pytest.mark.parametrize(("waited_s", "is_hung"), [(1.4, False), (1.6, True)])
def test_its_own_loop_of_a_second_must_have_been_missed(waited_s: float, is_hung: bool) -> None:
    rows = [*generation(100), *hang(MASTER, 1.0), *leave(100, 1.0), row(1.007 + waited_s, "heartbeat")]
    assert bool(lifecycle(rows).master_hang()) is is_hung


def test_a_master_that_stands_still_without_any_proof_is_hung_after_a_while() -> None:
    rows = [*generation(100), *leave(100, 1.0)]
    short = looks(MASTER, 2.2, 2.2 + UNREAPED_S - 0.1, "futex-timed")
    assert judged(rows, short).verdict == "invalid"
    assert judged(rows, looks(MASTER, 2.2, 2.3 + UNREAPED_S, "futex-timed")).verdict == "hung_master"
    assert judged(rows, looks(MASTER, 2.2, 2.3 + UNREAPED_S, "hrtimer_nanosleep")).verdict == "invalid"


def test_the_throttle_is_told_apart_from_a_hang() -> None:
    asleep = looks(MASTER, 2.3, 3.0, "hrtimer_nanosleep")
    rows = [*generation(100), *leave(100, 1.0), row(1.9, "throttle"), *asleep]
    back = [row(3.1, "respawned", 101, 1), row(3.2, "ready", 101)]
    assert judged(rows, finished=False).verdict is None
    assert judged(rows, back).verdict == "throttled"
    assert "slept 1 times" in judged(rows, back).reason
    assert judged(rows, [back[0]], hang(101, 3.3)).verdict == "hung_worker"


def crashes(count: int, pid: int = 100, t: float = 1.0) -> list:
    rows = leave(pid, t)
    for i in range(1, count + 1):
        rows += [
            row(t + i, "respawned", pid + i, 1),
            row(t + i + 0.01, "exited", pid + i, source="kernel", signal=11),
            row(t + i + 0.5, "died", pid + i, 1, text="died, killed by signal 11", signal=11),
        ]
    return rows


def test_workers_that_die_before_they_are_ready_are_a_crash_loop() -> None:
    assert judged(generation(100), crashes(CRASH_LOOP), finished=False).verdict == "crash_loop"
    assert judged(generation(100), crashes(CRASH_LOOP - 1)).verdict == "invalid"
    *_, crashed, open_one = lifecycle(generation(100), crashes(1)).episodes()
    assert (crashed.outcome, crashed.cause) == ("crashed", "died, killed by signal 11")
    assert not crashed.is_respawn
    assert open_one.outcome == "undecided"


def test_a_few_crashes_among_more_that_come_back_are_not() -> None:
    assert judged(healthy(20), crashes(CRASH_LOOP, 120, 30.0), wanted=20).verdict == "recovers"


def test_one_that_its_master_killed_is_killed_and_not_crashed() -> None:
    rows = [*generation(100), *UNREADY, row(60.0, "no_mercy", 101, 1), row(60.1, "exited", 101, source="exits")]
    killed = lifecycle(rows).episodes()[1]
    assert (killed.outcome, killed.cause) == ("killed", "killed by its master after worker-reload-mercy")
    many = [
        [row(t, "respawned", p, 1), row(t + 60, "no_mercy", p, 1), row(t + 61, "exited", p)]
        for t, p in ((100, 102), (200, 103), (300, 104))
    ]
    assert judged(rows, *many).verdict == "invalid"


def test_a_proven_hang_stays_one_when_mercy_ends_it() -> None:
    ended = [row(60.0, "no_mercy", 101, 1), row(60.1, "exited", 101, source="exits")]
    again = [*UNREADY, *hang(101, 2.0), *ended, row(60.5, "respawned", 102, 1), row(60.6, "ready", 102)]
    judgement = judged(generation(100), again)
    assert (judgement.verdict, judgement.hung, judgement.respawns) == ("hung_worker", 1, 2)


def test_too_few_respawns_are_never_recovery() -> None:
    judgement = judged(healthy(19), wanted=20)
    assert (judgement.verdict, judgement.respawns) == ("invalid", 19)
    assert judgement.reason.startswith("19 respawns seen, 20 wanted")
    assert "Raise DURATION" in judgement.reason
    assert "min-worker-lifetime" not in judgement.reason


def test_no_respawn_at_all_comes_with_the_advice() -> None:
    judgement = judged(generation(100), wanted=20)
    assert judgement.verdict == "invalid"
    assert "min-worker-lifetime = 0" in judgement.reason


@pytest.mark.parametrize(("gap_s", "verdict"), [(1.0, "recovers"), (HEARTBEAT_GAP_S + 0.1, "invalid")])
def test_an_observer_that_was_held_up_makes_a_run_worthless(gap_s: float, verdict: str) -> None:
    beats = [row(t, "heartbeat", source="observer") for t in (0.0, 1.0, 1.0 + gap_s)]
    judgement = judged(sorted([*healthy(3), *beats], key=lambda event: event.t_ns))
    assert judgement.verdict == verdict
    assert ("held up for 5.1 s" in judgement.reason) is (verdict == "invalid")


def test_but_not_a_hang_that_was_seen() -> None:
    beats = [row(0.0, "heartbeat"), row(20.0, "heartbeat")]
    assert judged(generation(100), UNREADY, hang(101, 1.6), beats).verdict == "hung_worker"


def test_what_dies_after_the_stop_was_killed_by_us() -> None:
    rows = [*healthy(3), row(9.0, "stop", source="observer")]
    after = [*leave(103, 9.1), *crashes(5, 200, 9.2), *hang(103, 9.2), row(99.0, "heartbeat"), row(9.5, "throttle")]
    assert lifecycle(rows, after).episodes() == lifecycle(rows).episodes()
    assert judged(rows, after) == judged(rows)
    assert lifecycle(rows, after).now_ns == at(9.0)


def test_the_worst_thing_seen_is_the_verdict() -> None:
    worker = [*respawn(2, 200, 201, 1.0, ready=False), *hang(201, 1.6)]
    leaving = [row(0.5, "exit_begun", 300), *looks(300, 0.6, 1.6, "futex")]
    rows = generation(100, 200, 300)
    assert judged(rows, leaving).verdict == "hung_exit"
    assert judged(rows, leaving, worker).verdict == "hung_worker"
    assert judged(rows, leaving, worker, leave(100, 1.0), hang(MASTER, 2.2)).verdict == "hung_master"
    order = [VERDICTS.index(v) for v in ("hung_master", "hung_worker", "hung_exit", "crash_loop", "recovers")]
    assert all(a < b for a, b in itertools.pairwise(order))


def test_undecided_ones_are_no_trials_and_can_be_asked_for_by_when_they_began() -> None:
    rows = [*generation(100, 200), *leave(100, 1.0), *leave(200, 2.0)]
    known = lifecycle(rows)
    assert (known.respawns(), judge(known, 1, finished=True).respawns) == (0, 0)
    assert [known.undecided(t and at(t)) for t in (None, 0.9, 1.0, 1.9, 2.0)] == [2, 0, 1, 1, 2]
    assert lifecycle(generation(100, ready=False)).undecided(at(0.0)) == 1
    assert lifecycle(rows, row(2.5, "respawned", 101, 1), row(2.6, "ready", 101)).undecided() == 1


def test_who_serves_starts_and_leaves() -> None:
    known = lifecycle(generation(100, 200, 300), UNREADY, row(1.0, "exit_begun", 200))
    assert (known.slots, known.starting(), known.leaving(), known.serving()) == ([1, 2, 3], [101], [200], 1)
    assert not known.is_outage()


def test_an_outage_is_when_every_slot_is_stuck() -> None:
    assert not lifecycle([]).is_outage()
    assert not lifecycle(generation(100, 200), UNREADY, hang(101, 1.6)).is_outage()
    leaving = [row(0.5, "exit_begun", 200), *looks(200, 0.6, 1.6, "futex")]
    assert lifecycle(generation(100, 200), UNREADY, leaving, hang(101, 1.6)).is_outage()
