"""What is asked of a master and of workers that serve: reloads that come or do not, deadlocks, slots nobody needs."""

from __future__ import annotations

import pytest
from rows import MASTER, backtrace, generation, hang, judged, leave, lifecycle, looks, respawn, row

from stacks.lifecycle.lifecycle import IGNORED_S
from stacks.lifecycle.master_hang import LOOP_S
from stacks.lifecycle.records import Event

HUP = "signal HUP"


def asked(t: float, action: str = HUP) -> Event:
    return row(t, "asked", source="observer", action=action, asked_pid=MASTER)


def told(pid: int, slot: int, t: float) -> Event:
    return row(t, "told", pid, slot)


def reloaded(t: float, *pairs: tuple[int, int]) -> list[Event]:
    """A full reload: every worker is told, leaves, and the master that has executed itself anew spawns another."""
    rows = [told(old, slot, t) for slot, (old, _) in enumerate(pairs, start=1)]
    rows += [row(t + 0.5, "exited", old, source="exits") for old, _ in pairs]
    rows += [row(t + 1.5, "spawned", new, slot) for slot, (_, new) in enumerate(pairs, start=1)]
    return rows + [row(t + 1.6, "ready", new) for _, new in pairs]


def test_the_workers_of_a_reloaded_master_are_respawns() -> None:
    rows = [*generation(100, 200), asked(1), *reloaded(1.1, (100, 101), (200, 201))]
    judgement = judged(rows, wanted=2)
    assert (judgement.verdict, judgement.respawns) == ("recovers", 2)
    assert [(e.slot, e.generation, e.previous_pid) for e in lifecycle(rows).episodes() if e.pid in (101, 201)] == [
        (1, 1, 100),
        (2, 1, 200),
    ]


def test_an_exit_begins_when_the_worker_is_told() -> None:
    (first, second) = lifecycle(generation(100), asked(1), reloaded(1.1, (100, 101))).episodes()
    assert second.exit_begun_ns is not None
    assert second.exited_ns is not None
    assert (second.exited_ns - second.exit_begun_ns) / 1e9 == pytest.approx(0.5)
    assert first.exit_begun_ns is None


STILL = [*generation(100), asked(1), *looks(MASTER, 2, 2 + LOOP_S, "do_wait")]


def test_a_master_whose_loop_stands_still_when_it_was_asked_is_hung_while_its_workers_serve() -> None:
    assert judged(STILL[:-1], finished=False).verdict is None
    judgement = judged(STILL, backtrace(MASTER, 8, ["wait4", "uwsgi_destroy_processes"]), finished=False)
    assert judgement.verdict == "hung_master"
    assert "nothing has come of 'signal HUP'" in judgement.reason
    assert judgement.evidence == "wait4 <- uwsgi_destroy_processes"
    assert not lifecycle(STILL).is_outage()


def test_one_whose_loop_turns_is_not_and_the_run_says_that_nothing_came_of_it() -> None:
    judgement = judged(generation(100), asked(1), looks(MASTER, 2, 30, "do_epoll_wait", wakes_per_s=1))
    assert judgement.verdict == "invalid"
    assert "Nothing came of what was asked: signal HUP." in judgement.reason


def test_nor_one_that_was_not_asked_or_has_obeyed() -> None:
    still = looks(MASTER, 5, 5 + LOOP_S, "do_wait")
    assert judged(generation(100), still, finished=False).verdict is None
    assert judged(generation(100), asked(1), reloaded(1.1, (100, 101)), still, finished=False).verdict is None


def test_a_slow_import_of_a_reloaded_master_is_no_hang() -> None:
    """It sleeps 15 s with its workers gone; they were told, so something has come of it."""
    rows = [*generation(100), asked(1), told(100, 1, 1.1), row(1.5, "exited", 100, source="exits")]
    assert judged(rows, looks(MASTER, 3, 17, "hrtimer_nanosleep"), finished=False).verdict is None


def test_what_is_asked_is_waited_for_but_not_for_ever() -> None:
    rows = [*generation(100), asked(1)]
    assert lifecycle(rows, row(2, "heartbeat")).undecided() == 1
    assert lifecycle(rows, row(2, "heartbeat")).undecided(begun_by_ns=0) == 0
    assert lifecycle(rows, row(1.1 + IGNORED_S, "heartbeat")).undecided() == 0
    assert lifecycle(rows, reloaded(1.1, (100, 101))).undecided() == 0


def test_a_worker_that_would_not_go_until_it_was_killed_never_ended() -> None:
    rows = [*generation(100), asked(1), told(100, 1, 1.1), row(6, "no_mercy", 100, 1), *respawn(1, 100, 101, 6.1)]
    judgement = judged(rows)
    assert (judgement.verdict, judgement.respawns) == ("hung_exit", 1)


def test_one_that_is_told_to_leave_before_it_is_ready_has_not_crashed() -> None:
    rows = generation(100)
    for i in range(5):
        rows += [row(i + 1, "respawned", 101 + i, 1), told(101 + i, 1, i + 1.1), row(i + 1.2, "exited", 101 + i)]
    assert judged(rows).verdict == "invalid"
    assert {e.outcome for e in lifecycle(rows).episodes()} == {"ready", "killed", "undecided"}


LOCKED = looks(100, 1, 2.2, "futex")


def test_a_worker_that_serves_and_waits_for_ever_on_its_own_locks_hangs_in_its_request() -> None:
    judgement = judged(generation(100, 200), LOCKED, backtrace(100, 2.2, ["sem_wait", "rlock_acquire"]), finished=False)
    assert judgement.verdict == "hung_request"
    assert judgement.reason.startswith("1 workers accept and never answer")
    assert (judgement.respawns, judgement.hung) == (0, 0)
    assert judgement.evidence == "rlock_acquire"


def test_an_outage_is_when_none_is_left_that_answers() -> None:
    one = lifecycle(generation(100, 200), LOCKED)
    assert (one.serving(), list(one.deadlocks()), one.is_outage()) == (1, [100], False)
    both = lifecycle(generation(100, 200), LOCKED, looks(200, 1, 2.2, "futex"))
    assert (both.serving(), both.is_outage()) == (0, True)
    mixed = lifecycle(generation(100, 200), respawn(2, 200, 201, 1, ready=False), hang(201, 2), LOCKED)
    assert mixed.is_outage()


def test_one_whose_thread_waits_for_the_end_of_another_was_on_its_way_out() -> None:
    """Before 2.0.24 uWSGI cancels threads, one of which may die with the lock that the others wait for."""
    rows = [*generation(100), *looks(100, 1, 2.2, "futex", "futex-join")]
    judgement = judged(rows, finished=False)
    assert (judgement.verdict, judgement.reason) == ("hung_exit", "1 workers began to exit and never ended")
    assert lifecycle(rows).is_outage()
    assert (
        judged(rows, row(3, "exited", 100), row(3.5, "respawned", 101, 1), row(4, "ready", 101)).verdict == "hung_exit"
    )


@pytest.mark.parametrize("end", ["told", "exited"])
def test_its_end_does_not_undo_that(end: str) -> None:
    rows = [*generation(100), *LOCKED, row(3, end, 100, 1)]
    if end == "told":
        rows.append(row(3.1, "exited", 100, source="exits"))
    rows += [row(3.5, "respawned", 101, 1), row(3.6, "ready", 101)]
    assert judged(rows).verdict == "hung_request"


def test_what_was_seen_of_it_while_it_started_does_not_count() -> None:
    rows = [*generation(100), *leave(100, 1), row(1.5, "respawned", 101, 1), *looks(101, 1.6, 1.9, "futex")]
    rows += [row(2, "ready", 101), *looks(101, 2.1, 2.9, "futex")]
    assert judged(rows).verdict == "recovers"


def test_a_hang_at_fork_is_more_severe_and_one_at_exit_less() -> None:
    worst = [*generation(100, 200), *LOCKED, *respawn(2, 200, 201, 1, ready=False), *hang(201, 2)]
    assert judged(worst).verdict == "hung_worker"
    leaving = [row(1.9, "exit_begun", 200), *looks(200, 2, 3, "futex")]
    assert judged(generation(100, 200), LOCKED, leaving).verdict == "hung_request"


def test_a_master_that_ends_by_itself_leaves_nobody_to_respawn() -> None:
    ended = row(2, "ended", source="observer", exit_code=22)
    judgement = judged(generation(100), leave(100, 1), ended, finished=False)
    assert (judgement.verdict, judgement.reason) == (
        "dead_master",
        "the master ended with exit code 22: nobody is left to respawn a worker",
    )
    died = row(0.1, "ended", source="observer", exit_code=-6)
    assert "the master ended by signal 6" in judged([died]).reason
    assert judged([row(0.1, "ended", source="observer")]).reason.startswith("the master ended: ")
    assert judged(generation(100), row(1, "stop"), ended).verdict == "invalid"  # we ended it


def test_the_end_of_all_workers_at_once_is_not_yet_a_loop() -> None:
    """need-app: who cannot load the app takes the whole instance along."""
    slots = (1, 2, 3, 4)
    rows = generation(*(100 + slot for slot in slots))
    rows += [row(1, "exited", 100 + slot) for slot in slots]
    rows += [row(2, "respawned", 200 + slot, slot) for slot in slots]
    rows += [row(2.1, "exited", 200 + slot) for slot in slots]
    assert judged(rows, finished=False).verdict is None
    assert judged(rows, row(2.2, "ended", source="observer", exit_code=22), finished=False).verdict == "dead_master"
    again = [row(3, "respawned", 301, 1), row(3.1, "exited", 301)]
    assert judged(rows, again, finished=False).verdict == "crash_loop"


def test_a_slot_that_is_filled_under_load_is_filled_by_a_running_master() -> None:
    rows = [*generation(100), row(1, "load_begin"), row(2, "spawned", 200, 2), row(2.1, "ready", 200)]
    rows += [*respawn(2, 200, 201, 3), *respawn(1, 100, 101, 3)]
    episodes = lifecycle(rows).episodes()
    assert [(e.slot, e.generation) for e in episodes] == [(1, 0), (1, 1), (2, 1), (2, 2)]
    assert judged(rows).respawns == 3
    hung = judged(generation(100), row(1, "load_begin"), row(2, "spawned", 200, 2), hang(200, 2.1))
    assert (hung.verdict, hung.hung, hung.hung_initial) == ("hung_worker", 1, 0)


RETIRED = [*generation(100, 200), row(1, "exited", 200, source="exits"), row(1.5, "cheaped", 0, 2)]


def test_a_slot_that_nobody_needs_is_not_missed() -> None:
    state = lifecycle(RETIRED, row(60, "heartbeat"))
    assert (state.undecided(), state.unreaped_s(), state.serving(), state.is_outage()) == (0, 0, 1, False)
    assert judged(RETIRED, hang(MASTER, 30), finished=False).verdict is None


def test_who_fills_it_later_has_nobodys_absence_to_answer_for() -> None:
    last = lifecycle(RETIRED, row(50, "respawned", 201, 2), row(50.1, "ready", 201)).episodes()[-1]
    assert (last.generation, last.outcome, last.previous_pid, last.exited_ns) == (1, "ready", None, None)


def test_an_idle_stack_is_no_outage() -> None:
    rows = [*generation(100, 200), row(2, "idle", MASTER), *(row(2.1, "exited", pid) for pid in (100, 200))]
    state = lifecycle(rows, row(60, "heartbeat"))
    assert (state.undecided(), state.serving(), state.is_outage(), state.unreaped_s()) == (0, 0, False, 0)


def test_a_stack_may_begin_without_workers_and_those_that_the_first_request_brings_are_respawns() -> None:
    rows = [row(0, "master", MASTER), row(0, "idle", MASTER), row(1, "load_begin")]
    state = lifecycle(rows, row(60, "heartbeat"))
    assert (state.is_idle, state.spawns_on_demand(), state.undecided(), state.is_outage()) == (True, True, 0, False)
    rows += [row(2, "spawned", 100, 1), row(2.1, "ready", 100)]
    assert not lifecycle(rows).spawns_on_demand()
    judgement = judged(rows)
    assert (judgement.verdict, judgement.respawns) == ("recovers", 1)
    assert judged(rows[:3], row(2, "spawned", 100, 1), hang(100, 2)).verdict == "hung_worker"


def test_a_worker_without_a_master_is_the_last_one() -> None:
    rows = [row(0, "spawned", MASTER, 1), row(0.1, "ready", MASTER), row(1, "exit_begun", MASTER)]
    judgement = judged(rows, row(1.1, "ended", source="observer", exit_code=30), finished=False)
    assert judgement.verdict == "dead_master"
    assert judgement.reason.startswith("uWSGI, which has no master, ended with exit code 30: ")


def test_a_run_in_which_nobody_left_says_that_requests_were_not_answered() -> None:
    lost = row(5, "losses", source="observer", timeout=2)
    assert judged(generation(100), row(5, "losses", source="observer")).reason.endswith("or lower MAX_REQUESTS.")
    judgement = judged(generation(100), lost)
    assert judgement.verdict == "invalid"
    assert judgement.reason.endswith(
        "No worker ever left; but 2 requests were not answered in time although no worker is hung."
    )


def test_what_clients_lost_stands_in_the_reason_of_a_run_that_recovers() -> None:
    rows = [*generation(100), *respawn(1, 100, 101, 1)]
    assert judged(rows, row(5, "losses", source="observer")).reason == "1 of 1 respawned workers came back"
    lost = row(5, "losses", source="observer", timeout=3, reset=2, truncated=1, failed=7)
    judgement = judged(rows, lost)
    assert judgement.verdict == "recovers"
    assert judgement.reason.endswith(
        "came back; but 3 requests were not answered in time although no worker is hung, "
        "2 requests were cut off, 1 answers ended before their length, 7 requests were answered with a 5xx status"
    )
