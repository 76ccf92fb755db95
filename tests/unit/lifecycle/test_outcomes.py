"""Rows about workers -> outcomes: what became of each worker, from rows made by hand."""

from __future__ import annotations

import pytest
from rows import (
    GIL_RATE,
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

from stacks.lifecycle.verdict import judge

UNREADY = respawn(1, 100, 101, 1.0, ready=False)  # forked at 1.5


def test_a_respawn_that_becomes_ready_has_every_time() -> None:
    first, second = lifecycle(healthy(1)).episodes()
    assert (first.outcome, first.generation, first.previous_pid) == ("ready", 0, None)
    assert not first.is_respawn
    assert (second.slot, second.generation, second.pid, second.previous_pid) == (1, 1, 101, 100)
    times = (second.exit_begun_ns, second.exited_ns, second.forked_ns, second.ready_ns, second.decided_ns)
    assert times == (at(1.0), at(1.007), at(1.5), at(1.52), at(1.52))
    assert second.outcome == "ready"
    assert second.is_respawn


def test_a_worker_that_waits_for_the_gil_after_its_fork_hangs() -> None:
    judgement = judged(generation(100), UNREADY, hang(101, 1.6), finished=False)
    assert (judgement.verdict, judgement.respawns, judgement.hung, judgement.hung_initial) == ("hung_worker", 1, 1, 0)
    assert judgement.evidence == "take_gil <- PyEval_RestoreThread <- uwsgi_python_master_fixup"
    episode = lifecycle(generation(100), UNREADY, hang(101, 1.6)).episodes()[-1]
    assert (episode.outcome, episode.decided_ns, episode.ready_ns) == ("hung_at_fork", at(1.9), None)
    assert episode.is_respawn


@pytest.mark.parametrize(
    ("waits", "wakes_per_s"), [(("futex-timed",), GIL_RATE), (("futex",), 0), (("futex", "futex"), 0)]
)
def test_the_waits_prove_the_hang_if_there_is_no_debugger(waits: tuple[str, ...], wakes_per_s: float) -> None:
    rows = looks(101, 1.6, 3.2, *waits, wakes_per_s=wakes_per_s)
    judgement = judged(generation(100), UNREADY, rows)
    assert judgement.verdict == "hung_worker"
    assert "no backtrace" in (judgement.evidence or "")


def test_one_hung_worker_among_many_ready_ones_makes_the_verdict() -> None:
    rows = [*healthy(30), *respawn(1, 130, 131, 40.0, ready=False), *hang(131, 41.0)]
    judgement = judged(rows, wanted=20)
    assert (judgement.verdict, judgement.respawns, judgement.hung) == ("hung_worker", 31, 1)


def test_a_first_generation_that_hangs_counts_without_a_respawn() -> None:
    judgement = judged(generation(100, 101, ready=False), hang(100, 0.1), hang(101, 0.1), wanted=20, finished=False)
    assert (judgement.verdict, judgement.respawns, judgement.hung, judgement.hung_initial) == ("hung_worker", 0, 0, 2)
    assert "first generation" in judgement.reason


@pytest.mark.parametrize("wait", ["hrtimer_nanosleep", "running", "ep_poll", "folio_wait_bit_common"])
def test_an_import_of_half_a_minute_is_no_hang(wait: str) -> None:
    busy = 100.0 if wait == "running" else 0.0
    rows = [*generation(100), *UNREADY, *looks(101, 1.6, 31.6, wait, ticks_per_s=busy)]
    assert judged(rows).verdict == "invalid"
    assert lifecycle(rows).undecided() == 1
    assert judged(rows, row(31.7, "ready", 101)).verdict == "recovers"


def test_a_worker_that_uses_cpu_while_another_thread_waits_does_not_hang() -> None:
    rows = looks(101, 1.6, 31.6, "futex", "futex-timed", ticks_per_s=60, wakes_per_s=GIL_RATE)
    assert judged(generation(100), UNREADY, rows).verdict == "invalid"


def test_a_worker_that_becomes_ready_after_all_is_ready() -> None:
    assert judged(generation(100), UNREADY, hang(101, 1.6), row(9.0, "ready", 101)).verdict == "recovers"


def test_the_last_thread_proves_a_hang_at_the_exit() -> None:
    tasks = [["Z", "?"], ["S", "futex"]]  # the main thread has ended, and the last thread waits
    states = [row(2 + t / 10, "state", 100, source="closer", ticks=5, switches=9, tasks=tasks) for t in range(8)]
    rows = [*generation(100), row(1.9, "exit_begun", 100), *states, backtrace(100, 2.6, ["do_futex_wait", "join"])]
    judgement = judged(rows, finished=False)
    assert (judgement.verdict, judgement.respawns, judgement.evidence) == ("hung_exit", 0, "join")
    last = lifecycle(rows).episodes()[-1]
    assert (last.outcome, last.pid, last.previous_pid, last.generation) == ("hung_at_exit", None, 100, 1)
    assert not last.is_respawn


def test_a_slow_exit_is_no_hang() -> None:
    rows = [*generation(100), row(1.9, "exit_begun", 100), *looks(100, 2, 12, "hrtimer_nanosleep")]
    assert judged(rows).verdict == "invalid"
    assert lifecycle(rows).leaving() == [100]


def test_a_worker_that_its_master_kills_has_not_crashed() -> None:
    rows = [*generation(100), *UNREADY, row(60.0, "no_mercy", 101, 1), row(60.1, "exited", 101, source="exits")]
    killed = lifecycle(rows).episodes()[1]
    assert (killed.outcome, killed.cause) == ("killed", "killed by its master after worker-reload-mercy")
    many = [
        [row(t, "respawned", p, 1), row(t + 60, "no_mercy", p, 1), row(t + 61, "exited", p)]
        for t, p in ((100, 102), (200, 103), (300, 104))
    ]
    assert judged(rows, *many).verdict == "invalid"


def test_a_proven_hang_counts_after_the_master_has_killed_the_worker() -> None:
    ended = [row(60.0, "no_mercy", 101, 1), row(60.1, "exited", 101, source="exits")]
    again = [*UNREADY, *hang(101, 2.0), *ended, row(60.5, "respawned", 102, 1), row(60.6, "ready", 102)]
    judgement = judged(generation(100), again)
    assert (judgement.verdict, judgement.hung, judgement.respawns) == ("hung_worker", 1, 2)


def test_lock_waits_from_the_start_are_no_proof_once_the_worker_is_ready() -> None:
    rows = [*generation(100), *leave(100, 1), row(1.5, "respawned", 101, 1), *looks(101, 1.6, 1.9, "futex")]
    rows += [row(2, "ready", 101), *looks(101, 2.1, 2.9, "futex")]
    assert judged(rows).verdict == "recovers"


def test_undecided_episodes_are_no_trials_and_can_be_limited_by_their_begin() -> None:
    rows = [*generation(100, 200), *leave(100, 1.0), *leave(200, 2.0)]
    state = lifecycle(rows)
    assert (state.respawns(), judge(state, 1, finished=True).respawns) == (0, 0)
    assert [state.undecided(t and at(t)) for t in (None, 0.9, 1.0, 1.9, 2.0)] == [2, 0, 1, 1, 2]
    assert lifecycle(generation(100, ready=False)).undecided(at(0.0)) == 1
    assert lifecycle(rows, row(2.5, "respawned", 101, 1), row(2.6, "ready", 101)).undecided() == 1


def test_starting_leaving_and_serving_workers_are_listed() -> None:
    state = lifecycle(generation(100, 200, 300), UNREADY, row(1.0, "exit_begun", 200))
    assert (state.slots, state.starting(), state.leaving(), state.serving()) == ([1, 2, 3], [101], [200], 1)
    assert not state.is_outage()


def test_an_outage_needs_a_stuck_worker_in_every_slot() -> None:
    assert not lifecycle([]).is_outage()
    assert not lifecycle(generation(100, 200), UNREADY, hang(101, 1.6)).is_outage()
    leaving = [row(0.5, "exit_begun", 200), *looks(200, 0.6, 1.6, "futex")]
    assert lifecycle(generation(100, 200), UNREADY, leaving, hang(101, 1.6)).is_outage()
