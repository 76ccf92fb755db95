"""Slots that are empty on purpose (cheaper, cheap, idle), and slots that are first filled under load."""

from __future__ import annotations

from rows import MASTER, generation, hang, judged, lifecycle, respawn, row

RETIRED = [*generation(100, 200), row(1, "exited", 200, source="exits"), row(1.5, "cheaped", 0, 2)]


def test_a_slot_that_is_first_filled_under_load_holds_a_respawn() -> None:
    rows = [*generation(100), row(1, "load_begin"), row(2, "spawned", 200, 2), row(2.1, "ready", 200)]
    rows += [*respawn(2, 200, 201, 3), *respawn(1, 100, 101, 3)]
    episodes = lifecycle(rows).episodes()
    assert [(e.slot, e.generation) for e in episodes] == [(1, 0), (1, 1), (2, 1), (2, 2)]
    assert judged(rows).respawns == 3
    hung = judged(generation(100), row(1, "load_begin"), row(2, "spawned", 200, 2), hang(200, 2.1))
    assert (hung.verdict, hung.hung, hung.hung_initial) == ("hung_worker", 1, 0)


def test_an_empty_slot_that_no_load_needs_is_no_open_episode() -> None:
    state = lifecycle(RETIRED, row(60, "heartbeat"))
    assert (state.undecided(), state.unreaped_s(), state.serving(), state.is_outage()) == (0, 0, 1, False)
    assert judged(RETIRED, hang(MASTER, 30), finished=False).verdict is None


def test_the_worker_that_fills_an_empty_slot_later_has_no_predecessor() -> None:
    last = lifecycle(RETIRED, row(50, "respawned", 201, 2), row(50.1, "ready", 201)).episodes()[-1]
    assert (last.generation, last.outcome, last.previous_pid, last.exited_ns) == (1, "ready", None, None)


def test_an_idle_stack_is_no_outage() -> None:
    rows = [*generation(100, 200), row(2, "idle", MASTER), *(row(2.1, "exited", pid) for pid in (100, 200))]
    state = lifecycle(rows, row(60, "heartbeat"))
    assert (state.undecided(), state.serving(), state.is_outage(), state.unreaped_s()) == (0, 0, False, 0)


def test_workers_that_the_first_request_starts_are_respawns() -> None:
    rows = [row(0, "master", MASTER), row(0, "idle", MASTER), row(1, "load_begin")]
    state = lifecycle(rows, row(60, "heartbeat"))
    assert (state.is_idle, state.spawns_on_demand(), state.undecided(), state.is_outage()) == (True, True, 0, False)
    rows += [row(2, "spawned", 100, 1), row(2.1, "ready", 100)]
    assert not lifecycle(rows).spawns_on_demand()
    judgement = judged(rows)
    assert (judgement.verdict, judgement.respawns) == ("recovers", 1)
    assert judged(rows[:3], row(2, "spawned", 100, 1), hang(100, 2)).verdict == "hung_worker"
