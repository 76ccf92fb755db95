"""Stops: how long they take, and which workers and masters outlive them."""

from __future__ import annotations

from pathlib import Path

import pytest
from rows import MASTER, generation, hang, judged, lifecycle, looks, respawn, row

from stacks.lifecycle.records import Event
from stacks.lifecycle.stopping import MERCY_S, OVERDUE_S
from stacks.lifecycle.stuck_workers import stuck_at_exit
from stacks.run.stack_files import mercy_s

MERCY = 2.0


def stop(t: float, writer: int = MASTER) -> list[Event]:
    """A trigger sends TERM to the master, and `writer` writes the line of a master that stops."""
    begin = row(t, "load_begin", source="observer", mercy_s=MERCY)
    asked = row(t, "asked", source="observer", action="signal TERM", asked_pid=MASTER)
    return [begin, asked, row(t + 0.1, "stopping", writer)]


def ended(t: float, *pids: int) -> list[Event]:
    """The workers end, and the master a second later."""
    rows = [row(t, "exited", pid, source="exits") for pid in pids]
    return [*rows, row(t + 1, "ended", source="observer", exit_code=0)]


def test_a_stop_that_ends_in_time_recovers_without_respawns() -> None:
    judgement = judged(generation(100, 200), stop(1), ended(2.1, 100, 200), wanted=20)
    assert (judgement.verdict, judgement.reason) == ("recovers", "it was asked to stop and had ended 2.0 s later")


def test_a_stop_recovers_if_the_master_kills_a_worker_and_the_reason_names_lost_requests() -> None:
    lost = row(9, "losses", source="observer", reset=2, refused=7, timeout=3)
    killed = [row(3.9, "told", 100, 1), row(4, "no_mercy", 100, 1)]
    judgement = judged(generation(100), stop(1), killed, ended(4.1, 100), lost)
    assert judgement.verdict == "recovers"
    assert judgement.reason.endswith("had ended 4.0 s later; but 2 requests were cut off")


@pytest.mark.parametrize("finished", [False, True])
def test_a_worker_that_is_alive_long_after_mercy_hangs_at_its_exit(finished: bool) -> None:
    told = 1.1
    rows = [*generation(100, 200), *stop(1), row(1.5, "exited", 200, source="exits")]
    limit = told + MERCY + OVERDUE_S
    assert judged(rows, row(limit, "heartbeat"), finished=False).verdict is None
    judgement = judged(rows, row(limit + 0.1, "heartbeat"), finished=finished)
    assert judgement.verdict == "hung_exit"
    assert judgement.reason == ("1 worker was told to leave and still there 7 s later, 5 s beyond worker-reload-mercy")


def test_the_end_of_an_overdue_worker_changes_only_the_reason() -> None:
    judgement = judged(generation(100), stop(1), ended(14.1, 100))
    assert judgement.verdict == "hung_exit"
    assert judgement.reason.endswith("; the stop took 14.0 s")


def test_a_stop_that_has_not_ended_is_undecided_and_its_run_invalid() -> None:
    rows = [*generation(100), *stop(1), row(2, "heartbeat")]
    state = lifecycle(rows)
    assert (state.undecided(), state.undecided(begun_by_ns=0), state.ready(), state.is_outage()) == (1, 0, [], False)
    assert lifecycle(rows, ended(3, 100)).undecided() == 0
    judgement = judged(rows)
    assert judgement.verdict == "invalid"
    assert "before the stop" in judgement.reason


def test_the_line_of_a_hung_worker_or_without_a_trigger_is_no_stop() -> None:
    rows = [*generation(100, 200), *respawn(1, 100, 101, 0.1, ready=False)]
    assert lifecycle(rows, stop(1, writer=101)).masters.stop is None
    unasked = [row(1, "stopping", MASTER), *ended(2, 100)]
    assert judged(generation(100), unasked).verdict == "dead_master"


def test_a_worker_that_hung_before_the_stop_is_more_severe() -> None:
    rows = [*generation(100, 200), *respawn(1, 100, 101, 0.1, ready=False), *hang(101, 1), *stop(2)]
    assert lifecycle(rows).masters.stop is not None
    assert judged(rows, ended(4, 101, 200)).verdict == "hung_worker"


LIMIT = MERCY + OVERDUE_S
BEGIN = row(0.5, "load_begin", source="observer", mercy_s=MERCY)


@pytest.mark.parametrize("finished", [False, True])
def test_a_worker_beyond_its_lifetime_is_overdue_after_mercy(finished: bool) -> None:
    rows = [*generation(100, 200), BEGIN, row(4, "lifetime", 900, 1)]
    assert judged(rows, row(4 + LIMIT, "heartbeat"), finished=False).verdict is None
    assert lifecycle(rows, row(4 + LIMIT, "heartbeat")).undecided() == 1
    late = row(4.1 + LIMIT, "heartbeat")
    judgement = judged(rows, late, finished=finished)
    assert judgement.verdict == "hung_exit"
    assert judgement.reason == "1 worker was told to leave and still there 7 s later, 5 s beyond worker-reload-mercy"
    assert lifecycle(rows, late).undecided() == 0
    assert not lifecycle(rows, late).is_outage()
    assert lifecycle(rows, row(5, "lifetime", 900, 2), row(6 + LIMIT, "heartbeat")).is_outage()


def test_a_worker_beyond_its_lifetime_recovers_only_if_it_leaves_in_time() -> None:
    rows = [*generation(100), BEGIN, row(4, "lifetime", 900, 1)]
    assert judged(rows, respawn(1, 100, 101, 4.1)).verdict == "recovers"
    judgement = judged(rows, respawn(1, 100, 101, 4.1 + LIMIT))
    assert (judgement.verdict, judgement.respawns) == ("hung_exit", 1)


def test_a_lifetime_row_for_an_empty_slot_or_an_ended_worker_changes_nothing() -> None:
    assert lifecycle(generation(100), BEGIN, row(4, "lifetime", 900, 7)).undecided() == 0  # no worker fills slot 7
    gone = [*generation(100), row(3.9, "exited", 100, source="exits"), row(4, "lifetime", 900, 1)]
    assert lifecycle(gone).episodes()[-1].exit_begun_ns is None


NEXT = 950


def handover(t: float) -> list[Event]:
    """`f` and `2q` to the master fifo: a second master spawns workers, and the first one tells its own to leave."""
    asked = row(t, "asked", source="observer", action="fifo f", asked_pid=MASTER)
    rows = [asked, row(t + 0.5, "master", NEXT)]
    rows += [row(t + 0.6, "spawned", pid, slot) for slot, pid in enumerate((101, 201), start=1)]
    rows += [row(t + 0.7, "ready", pid) for pid in (101, 201)]
    rows += [row(t + 0.8, "stopping", MASTER), row(t + 0.8, "told", 100, 1), row(t + 0.8, "told", 200, 2)]
    return rows + [row(t + 1, "exited", pid, source="exits") for pid in (100, 200)]


def test_workers_of_a_second_master_are_respawns_of_slots_that_were_never_empty() -> None:
    rows = [*generation(100, 200), BEGIN, *handover(1)]
    assert lifecycle(rows).undecided() == 1  # the first master has not ended
    assert lifecycle(rows).serving() == 2
    ended = row(2.8, "master_exited", MASTER, source="exits")
    assert lifecycle(rows, ended).undecided() == 0
    judgement = judged(rows, ended, wanted=2)
    assert judgement.verdict == "recovers"
    assert judgement.reason == (
        "2 of 2 respawned workers came back; the master before ended 1.0 s after it was told to"
    )
    times = [episode.respawn_s for episode in lifecycle(rows).episodes() if episode.generation]
    assert times == [pytest.approx(0.1), pytest.approx(0.1)]


@pytest.mark.parametrize("finished", [False, True])
def test_a_replaced_master_that_outlives_its_workers_hangs(finished: bool) -> None:
    rows = [*generation(100, 200), BEGIN, *handover(1), row(6, "no_mercy", 100, 1)]
    assert judged(rows, row(2 + LIMIT, "heartbeat"), finished=False).verdict is None
    judgement = judged(rows, row(2.1 + LIMIT, "heartbeat"), wanted=2, finished=finished)
    assert judgement.verdict == "hung_master"
    assert judgement.reason == "the old master was told to leave and is there 7 s after its last worker"
    assert stuck_at_exit(lifecycle(rows).workers, lifecycle(rows).now_ns) == []


@pytest.mark.parametrize(
    ("ticks_per_s", "verdict"), [(0.0, "recovers"), (100.0, "hung_master")], ids=["gets no CPU", "runs"]
)
def test_the_time_in_which_a_replaced_master_gets_no_cpu_does_not_count(ticks_per_s: float, verdict: str) -> None:
    ready = looks(MASTER, 2, 8, "running", state="R", ticks_per_s=ticks_per_s)
    ended = row(3 + LIMIT, "master_exited", MASTER, source="exits")
    rows = [*generation(100, 200), BEGIN, *handover(1), *ready]
    assert lifecycle(rows).masters.ending() == [MASTER]
    assert judged(rows, ended, wanted=2).verdict == verdict
    assert lifecycle(rows, ended).masters.ending() == []


def test_the_second_master_can_end_or_be_stopped() -> None:
    rows = [*generation(100, 200), BEGIN, *handover(1), row(2.8, "master_exited", MASTER, source="exits")]
    assert judged(rows, row(4, "ended", source="observer")).verdict == "dead_master"
    leave = [row(4, "stopping", NEXT), *(row(4.5, "exited", pid, source="exits") for pid in (101, 201))]
    assert judged(rows, leave, row(5, "ended", source="observer")).reason == (
        "it was asked to stop and had ended 1.0 s later"
    )


@pytest.mark.parametrize(("line", "seconds"), [("worker-reload-mercy = 3", 3.0), ("threads = 2", MERCY_S)])
def test_mercy_is_the_option_of_the_ini_or_the_default_of_uwsgi(tmp_path: Path, line: str, seconds: float) -> None:
    (tmp_path / "stack.ini").write_text(f"[uwsgi]\nmaster = true\n{line}\n")
    assert mercy_s(tmp_path / "stack.ini") == seconds


@pytest.mark.parametrize(("after_s", "verdict"), [(0.1, "recovers"), (MERCY + 0.1, "hung_exit")])
def test_a_master_whose_wall_clock_jumps_kills_workers_that_do_not_hang(after_s: float, verdict: str) -> None:
    """uWSGI measures worker-reload-mercy with the wall clock. After a jump by an hour it was hung_exit."""
    end = 2 + after_s
    killed = [row(2, "exit_begun", 100), row(end, "no_mercy", 100, 1), row(end, "exited", 100, source="exits")]
    rows = [*generation(100), BEGIN, *killed, *respawn(1, 100, 101, end + 0.1)[2:]]
    assert judged(rows).verdict == verdict


def test_the_mercy_of_an_attached_instance_is_not_known() -> None:
    attached = row(0, "attached", MASTER, source="observer")
    killed = [row(2, "exit_begun", 100), row(2.1, "no_mercy", 100, 1), row(2.1, "exited", 100, source="exits")]
    rows = [attached, *generation(100), BEGIN, *killed, *respawn(1, 100, 101, 2.2)[2:]]
    assert judged(rows).verdict == "hung_exit"
