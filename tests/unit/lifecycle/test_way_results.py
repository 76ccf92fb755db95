"""What came of each way, from the rows of a run: verdict, reason, times, losses, and whether new code is served."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from rows import MASTER, at, generation, hang, leave, row
from way_requests import answers, lost

from stacks.lifecycle.outages import Request
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import VERDICTS
from stacks.lifecycle.way_results import FAILURES, WAY_VERDICTS, WayResult, way_results

LOAD = row(0.5, "load_begin", source="observer", mercy_s=60)


def asked(t: float, way: str, wants: str, *pids: int) -> Event:
    data = {"action": "signal HUP", "asked_pid": MASTER, "way": way, "wants": wants, "pids": list(pids)}
    return row(t, "asked", source="observer", **data)


def ended(t: float, way: str, done: float | None) -> Event:
    done_ns = at(done) if done is not None else 0
    return row(t, "way_ended", source="observer", way=way, ended=done is not None, done_ns=done_ns)


def replaced(slot: int, old: int, new: int, t: float) -> list[Event]:
    return [*leave(old, t), row(t + 0.1, "respawned", new, slot), row(t + 0.2, "ready", new)]


def both_replaced() -> list[Event]:
    return [*replaced(1, 11, 13, 2.1), *replaced(2, 12, 14, 2.1)]


def results(*parts: Event | Iterable[Event], requests: list[Request] | None = None) -> list[tuple[str, WayResult]]:
    rows = [*generation(11, 12), LOAD]
    for part in parts:
        rows += [part] if isinstance(part, Event) else part
    return way_results(rows, answers(0, 20) if requests is None else requests)


def one(*parts: Event | Iterable[Event], requests: list[Request] | None = None) -> WayResult:
    ((_, result),) = results(*parts, requests=requests)
    return result


def test_a_run_that_ended_before_the_first_way_was_asked_for_has_no_results() -> None:
    assert results() == []


def test_every_verdict_of_a_run_may_be_one_of_a_way() -> None:
    assert set(WAY_VERDICTS) == {*VERDICTS, "old_workers", "broken_app", "not_taken"}
    assert set(WAY_VERDICTS) - {"throttled", "invalid", "recovers", "not_taken"} == FAILURES


def test_ways_that_replace_every_worker_they_want_recover() -> None:
    found = results(
        asked(2, "hup", "all", 11, 12),
        replaced(1, 11, 13, 2.1),
        replaced(2, 12, 14, 2.2),
        ended(3.5, "hup", 2.5),
        asked(4, "worker-kill", "one", 13),
        row(4.01, "exited", 13, source="exits", signal=9),
        row(4.5, "respawned", 15, 1),
        row(4.6, "ready", 15),
        ended(5.7, "worker-kill", 4.7),
        requests=[*answers(0, 2.1), *answers(2.6, 9), lost(4.0, "reset", 0.02)],
    )
    assert [name for name, _ in found] == ["hup", "worker-kill"]
    hup, kill = (result for _, result in found)
    assert (hup.verdict, hup.replaced, hup.ended_s, hup.lost) == ("recovers", 2, 0.5, {})
    assert hup.nothing_s == pytest.approx(0.5, abs=0.02)
    assert (kill.verdict, kill.replaced, kill.ended_s) == ("recovers", 1, 0.7)
    assert (kill.nothing_s, kill.lost) == (0.0, {"reset": 1})
    assert [hup.fails, kill.fails] == [False, False]


def cheaper_rows() -> list[Event]:
    """A worker that cheaper ends at 2 s, and the wish for another one at 4 s."""
    less = [
        asked(2, "cheaper", "fewer", 11, 12),
        *leave(11, 2.1),
        row(2.5, "cheaped", slot=1),
        ended(4, "cheaper", 2.5),
    ]
    return [*less, asked(4.1, "cheaper", "more", 12)]


def test_cheaper_ends_a_worker_and_adds_one() -> None:
    more = [row(5, "respawned", 13, 1), row(5.2, "ready", 13), ended(6.3, "cheaper", 5.2)]
    less, added = (result for _, result in results(cheaper_rows(), more))
    assert (less.verdict, less.reason, less.new_code) == ("recovers", "a worker ended within 0.5 s", None)
    assert (added.verdict, added.reason) == ("recovers", "a further worker was ready within 1.1 s")
    assert (added.ended_s, added.replaced) == (1.1, 0)


def test_a_worker_that_cheaper_adds_hangs_at_its_fork() -> None:
    _, (_, added) = results(cheaper_rows(), row(5, "respawned", 13, 1), hang(13, 6))
    assert (added.verdict, added.fails) == ("hung_worker", True)


def test_cheaper_without_an_effect_proves_nothing() -> None:
    _, (_, added) = results(cheaper_rows(), row(16, "heartbeat", source="observer"), ended(16.1, "cheaper", None))
    assert (added.verdict, added.reason) == ("invalid", "the master started no further worker within 12 s")
    less = one(asked(2, "cheaper", "fewer", 11, 12), row(14, "heartbeat"), ended(14.1, "cheaper", None))
    assert (less.verdict, less.reason) == ("invalid", "the master ended no worker within 12 s")


def test_a_worker_that_hangs_at_its_fork() -> None:
    found = one(
        asked(2, "touch-chain-reload", "all", 11, 12),
        *leave(11, 2.1),
        row(2.2, "respawned", 13, 1),
        hang(13, 2.3, 3.0),
        ended(14, "touch-chain-reload", None),
    )
    assert (found.verdict, found.ended_s, found.replaced, found.fails) == ("hung_worker", None, 0, True)
    assert found.evidence


def test_a_reload_that_ends_the_instance() -> None:
    found = one(
        asked(2, "hup", "all", 11, 12),
        leave(11, 2.1),
        leave(12, 2.1),
        row(2.4, "ended", source="observer", exit_code=1),
        requests=[*answers(0, 2.1), lost(2.3, "refused")],
    )
    assert (found.verdict, found.lost) == ("dead_master", {"refused": 1})
    assert "exit code 1" in found.reason
    assert found.new_code is None


def test_a_reload_whose_old_workers_go_on_serving() -> None:
    found = one(asked(2, "touch-reload", "all", 11, 12), row(14, "heartbeat"), ended(14.1, "touch-reload", None))
    assert (found.verdict, found.nothing_s) == ("old_workers", 0.0)
    assert found.reason == "2 of 2 old workers still serve 12 s later, and nothing replaces them"


def test_a_chain_that_stops_after_the_first_worker() -> None:
    found = one(
        asked(2, "touch-chain-reload", "all", 11, 12),
        replaced(1, 11, 13, 2.1),
        ended(14.1, "touch-chain-reload", None),
    )
    assert found.verdict == "old_workers"
    assert found.reason.startswith("1 of 2 old workers still serve")


def test_workers_that_are_told_to_leave_and_stay() -> None:
    told = [row(2.1, "told", 11, 1), row(2.1, "told", 12, 2)]
    found = one(asked(2, "hup", "all", 11, 12), told, ended(14, "hup", None))
    assert found.verdict == "hung_exit"
    assert "2 workers were told to leave and still there 12 s later (worker-reload-mercy is 60 s)" in found.reason


def test_a_worker_that_stays_while_another_one_has_left() -> None:
    told = [row(2.1, "told", 11, 1), row(2.1, "told", 12, 2), row(2.2, "exited", 12, source="exits", exit_status=17)]
    found = one(asked(2, "hup", "all", 11, 12), told, ended(14, "hup", None))
    assert found.verdict == "hung_exit"
    assert "1 worker was told to leave and still there 12 s later" in found.reason


def test_a_busy_machine_proves_nothing_about_a_way_without_an_effect() -> None:
    dead = [row(2.1, "exited", 11, source="exits", exit_status=0)]
    beats = [row(3, "heartbeat", source="observer"), row(9, "heartbeat", source="observer")]
    found = one(asked(2, "hup", "all", 11, 12), dead, beats, ended(14, "hup", None))
    assert (found.verdict, found.fails) == ("invalid", False)
    assert found.reason == "the machine was busy: the observer was held up for 6.0 s"


def test_new_workers_that_answer_with_errors() -> None:
    requests = [*answers(0, 2.1), *answers(2.3, 9, status=500)]
    rows = [
        asked(2, "hup", "all", 11, 12),
        *both_replaced(),
        ended(3.3, "hup", 2.3),
    ]
    found = one(rows, requests=requests)
    assert (found.verdict, found.fails) == ("broken_app", True)
    assert "100 % of their answers have a 5xx status" in found.reason
    assert one(rows, requests=answers(0, 9, status=500)).verdict == "invalid"


def test_new_code_is_served_if_the_worker_or_its_master_has_loaded_the_app_since() -> None:
    before = row(0.01, "app_ready", MASTER, seconds=0)
    way = [asked(2, "w", "all", 11, 12), *both_replaced(), ended(3.3, "w", 2.3)]
    by_master = [*way[:1], row(2.05, "app_ready", MASTER, seconds=0), *way[1:]]
    by_one = [*way[:-1], row(2.25, "app_ready", 13, seconds=0), way[-1]]
    by_both = [*by_one[:-1], row(2.25, "app_ready", 14, seconds=0), way[-1]]
    assert [one(before, rows).new_code for rows in (way, by_master, by_one, by_both)] == [False, True, False, True]
    assert one(way).new_code is None


def test_a_stop_that_ends_the_instance_loses_only_what_it_cuts_off() -> None:
    found = one(
        asked(2, "int", "end", 11, 12),
        row(2.3, "exited", 11, source="exits"),
        row(2.3, "exited", 12, source="exits"),
        row(3.0, "ended", source="observer", exit_code=0),
        requests=[*answers(0, 2), lost(2.0, "reset", 0.1), lost(2.5, "refused"), lost(2.6, "reset")],
    )
    assert (found.verdict, found.ended_s, found.lost, found.nothing_s) == ("recovers", 1.0, {"reset": 1}, 0.0)


def test_a_stop_that_does_not_end() -> None:
    found = one(asked(2, "term", "end", 11, 12), row(2.3, "exited", 12, source="exits"), ended(12.1, "term", None))
    assert (found.verdict, found.fails) == ("hung_exit", True)
    assert found.reason == "1 worker and the master are still there 10 s after the signal"


def test_a_stop_that_is_a_reload() -> None:
    rows = [
        asked(2, "term", "end", 11, 12),
        *both_replaced(),
        ended(12.1, "term", None),
    ]
    assert one(rows).verdict == "old_workers"


def test_a_run_that_was_cut_short_says_nothing_about_its_last_way() -> None:
    found = results(asked(2, "hup", "all", 11, 12), row(2.2, "heartbeat"))
    assert [result.verdict for _, result in found] == ["invalid"]
