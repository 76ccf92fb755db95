"""Masters: they hang, ignore triggers, reload their workers, or end; a trigger may also have no effect at all."""

from __future__ import annotations

import pytest
from rows import MASTER, backtrace, generation, hang, judged, leave, lifecycle, looks, respawn, row

from stacks.lifecycle.lifecycle import IGNORED_S
from stacks.lifecycle.master_hang import LOOP_S, UNREAPED_S
from stacks.lifecycle.records import Event

HUP = "signal HUP"


def trigger(t: float, action: str = HUP) -> Event:
    return row(t, "asked", source="observer", action=action, asked_pid=MASTER)


def tell_to_leave(pid: int, slot: int, t: float) -> Event:
    return row(t, "told", pid, slot)


def reload(t: float, *pairs: tuple[int, int]) -> list[Event]:
    """A full reload: every worker is told to leave and ends; then the master, after its exec, spawns the next ones."""
    rows = [tell_to_leave(old, slot, t) for slot, (old, _) in enumerate(pairs, start=1)]
    rows += [row(t + 0.5, "exited", old, source="exits") for old, _ in pairs]
    rows += [row(t + 1.5, "spawned", new, slot) for slot, (_, new) in enumerate(pairs, start=1)]
    return rows + [row(t + 1.6, "ready", new) for _, new in pairs]


MASTER_STUCK = [*generation(100), *leave(100, 1.0), *hang(MASTER, 2.2)]


def test_a_master_that_waits_for_the_gil_and_does_not_reap_hangs() -> None:
    judgement = judged(MASTER_STUCK, finished=False)
    assert judgement.verdict == "hung_master"
    assert "was not reaped for 1.8 s" in judgement.reason
    assert judgement.evidence == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"
    assert lifecycle(MASTER_STUCK).is_outage()


def test_a_still_master_whose_workers_live_does_not_hang() -> None:
    assert judged(generation(100), hang(MASTER, 2.2)).verdict == "invalid"


@pytest.mark.parametrize(("waited_s", "is_hung"), [(1.4, False), (1.6, True)])
def test_a_master_hangs_only_after_it_has_missed_its_loop_of_one_second(waited_s: float, is_hung: bool) -> None:
    rows = [*generation(100), *hang(MASTER, 1.0), *leave(100, 1.0), row(1.007 + waited_s, "heartbeat")]
    assert bool(lifecycle(rows).master_hang()) is is_hung


def test_a_still_master_without_a_proof_hangs_after_a_longer_time() -> None:
    rows = [*generation(100), *leave(100, 1.0)]
    short = looks(MASTER, 2.2, 2.2 + UNREAPED_S - 0.1, "futex-timed")
    assert judged(rows, short).verdict == "invalid"
    assert judged(rows, looks(MASTER, 2.2, 2.3 + UNREAPED_S, "futex-timed")).verdict == "hung_master"
    assert judged(rows, looks(MASTER, 2.2, 2.3 + UNREAPED_S, "hrtimer_nanosleep")).verdict == "invalid"


def test_the_workers_of_a_reloaded_master_are_respawns() -> None:
    rows = [*generation(100, 200), trigger(1), *reload(1.1, (100, 101), (200, 201))]
    judgement = judged(rows, wanted=2)
    assert (judgement.verdict, judgement.respawns) == ("recovers", 2)
    assert [(e.slot, e.generation, e.previous_pid) for e in lifecycle(rows).episodes() if e.pid in (101, 201)] == [
        (1, 1, 100),
        (2, 1, 200),
    ]


def test_an_exit_begins_when_the_master_tells_the_worker_to_leave() -> None:
    (first, second) = lifecycle(generation(100), trigger(1), reload(1.1, (100, 101))).episodes()
    assert second.exit_begun_ns is not None
    assert second.exited_ns is not None
    assert (second.exited_ns - second.exit_begun_ns) / 1e9 == pytest.approx(0.5)
    assert first.exit_begun_ns is None


STILL_MASTER = [*generation(100), trigger(1), *looks(MASTER, 2, 2 + LOOP_S, "do_wait")]


def test_a_master_whose_loop_stands_still_after_a_trigger_hangs() -> None:
    assert judged(STILL_MASTER[:-1], finished=False).verdict is None
    judgement = judged(STILL_MASTER, backtrace(MASTER, 8, ["wait4", "uwsgi_destroy_processes"]), finished=False)
    assert judgement.verdict == "hung_master"
    assert "nothing has come of 'signal HUP'" in judgement.reason
    assert judgement.evidence == "wait4 <- uwsgi_destroy_processes"
    assert not lifecycle(STILL_MASTER).is_outage()


def test_a_master_whose_loop_turns_does_not_hang_and_the_reason_names_the_trigger() -> None:
    judgement = judged(generation(100), trigger(1), looks(MASTER, 2, 30, "do_epoll_wait", wakes_per_s=1))
    assert judgement.verdict == "invalid"
    assert "Nothing came of what was asked: signal HUP." in judgement.reason


def test_a_still_master_without_a_pending_trigger_does_not_hang() -> None:
    still = looks(MASTER, 5, 5 + LOOP_S, "do_wait")
    assert judged(generation(100), still, finished=False).verdict is None
    assert judged(generation(100), trigger(1), reload(1.1, (100, 101)), still, finished=False).verdict is None


def test_a_slow_import_of_a_reloaded_master_is_no_hang() -> None:
    """The master sleeps for 15 s without workers. It has told them to leave, so the trigger had an effect."""
    rows = [*generation(100), trigger(1), tell_to_leave(100, 1, 1.1), row(1.5, "exited", 100, source="exits")]
    assert judged(rows, looks(MASTER, 3, 17, "hrtimer_nanosleep"), finished=False).verdict is None


def test_a_pending_trigger_counts_as_undecided_for_a_limited_time() -> None:
    rows = [*generation(100), trigger(1)]
    assert lifecycle(rows, row(2, "heartbeat")).undecided() == 1
    assert lifecycle(rows, row(2, "heartbeat")).undecided(begun_by_ns=0) == 0
    assert lifecycle(rows, row(1.1 + IGNORED_S, "heartbeat")).undecided() == 0
    assert lifecycle(rows, reload(1.1, (100, 101))).undecided() == 0


def test_a_worker_that_leaves_only_when_it_is_killed_hangs_at_its_exit() -> None:
    rows = [
        *generation(100),
        trigger(1),
        tell_to_leave(100, 1, 1.1),
        row(6, "no_mercy", 100, 1),
        *respawn(1, 100, 101, 6.1),
    ]
    judgement = judged(rows)
    assert (judgement.verdict, judgement.respawns) == ("hung_exit", 1)


def test_a_worker_that_is_told_to_leave_before_it_is_ready_has_not_crashed() -> None:
    rows = generation(100)
    for i in range(5):
        rows += [
            row(i + 1, "respawned", 101 + i, 1),
            tell_to_leave(101 + i, 1, i + 1.1),
            row(i + 1.2, "exited", 101 + i),
        ]
    assert judged(rows).verdict == "invalid"
    assert {e.outcome for e in lifecycle(rows).episodes()} == {"ready", "killed", "undecided"}


def test_a_master_that_ends_by_itself_is_dead() -> None:
    ended = row(2, "ended", source="observer", exit_code=22)
    judgement = judged(generation(100), leave(100, 1), ended, finished=False)
    assert (judgement.verdict, judgement.reason) == (
        "dead_master",
        "the master ended with exit code 22: nobody is left to respawn a worker",
    )
    died = row(0.1, "ended", source="observer", exit_code=-6)
    assert "the master ended by signal 6" in judged([died]).reason
    assert judged([row(0.1, "ended", source="observer")]).reason.startswith("the master ended: ")
    assert judged(generation(100), row(1, "stop"), ended).verdict == "invalid"  # the run itself ended it


def test_one_crash_in_each_slot_makes_no_crash_loop() -> None:
    """need-app: a worker that cannot load the app ends the whole instance."""
    slots = (1, 2, 3, 4)
    rows = generation(*(100 + slot for slot in slots))
    rows += [row(1, "exited", 100 + slot) for slot in slots]
    rows += [row(2, "respawned", 200 + slot, slot) for slot in slots]
    rows += [row(2.1, "exited", 200 + slot) for slot in slots]
    assert judged(rows, finished=False).verdict is None
    assert judged(rows, row(2.2, "ended", source="observer", exit_code=22), finished=False).verdict == "dead_master"
    again = [row(3, "respawned", 301, 1), row(3.1, "exited", 301)]
    assert judged(rows, again, finished=False).verdict == "crash_loop"


def test_the_end_of_the_only_worker_without_a_master_is_dead_master() -> None:
    rows = [row(0, "spawned", MASTER, 1), row(0.1, "ready", MASTER), row(1, "exit_begun", MASTER)]
    judgement = judged(rows, row(1.1, "ended", source="observer", exit_code=30), finished=False)
    assert judgement.verdict == "dead_master"
    assert judgement.reason.startswith("uWSGI, which has no master, ended with exit code 30: ")
