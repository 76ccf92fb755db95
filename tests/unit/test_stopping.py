"""A stop that a run asks for: how long it took, and who stayed although worker-reload-mercy was over."""

from __future__ import annotations

from pathlib import Path

import pytest
from rows import MASTER, generation, hang, judged, lifecycle, respawn, row

from stacks.records import Event
from stacks.stackfile import mercy_s
from stacks.stopping import MERCY_S, OVERDUE_S

MERCY = 2.0


def stop(t: float, writer: int = MASTER) -> list[Event]:
    """TERM is sent, and `writer` says that it stops."""
    asked = row(t, "asked", source="observer", action="signal TERM", asked_pid=MASTER, mercy_s=MERCY)
    return [asked, row(t + 0.1, "stopping", writer)]


def gone(t: float, *pids: int) -> list[Event]:
    """The workers end, and the master a second later."""
    rows = [row(t, "exited", pid, source="exits") for pid in pids]
    return [*rows, row(t + 1, "ended", source="observer", exit_code=0)]


def test_a_stop_that_ends_in_time_is_no_death_and_misses_no_respawn() -> None:
    judgement = judged(generation(100, 200), stop(1), gone(2.1, 100, 200), wanted=20)
    assert (judgement.verdict, judgement.reason) == ("recovers", "it was asked to stop and had ended 2.0 s later")


def test_a_worker_that_mercy_ends_is_the_stop_that_was_asked_for_and_what_it_cuts_off_is_told() -> None:
    lost = row(9, "losses", source="observer", reset=2, refused=7, timeout=3)
    killed = [row(3.9, "told", 100, 1), row(4, "no_mercy", 100, 1)]
    judgement = judged(generation(100), stop(1), killed, gone(4.1, 100), lost)
    assert judgement.verdict == "recovers"
    assert judgement.reason.endswith("had ended 4.0 s later; but 2 requests were cut off")


@pytest.mark.parametrize("finished", [False, True])
def test_one_that_is_there_long_after_mercy_never_ended(finished: bool) -> None:
    told = 1.1
    rows = [*generation(100, 200), *stop(1), row(1.5, "exited", 200, source="exits")]
    limit = told + MERCY + OVERDUE_S
    assert judged(rows, row(limit, "heartbeat"), finished=False).verdict is None
    judgement = judged(rows, row(limit + 0.1, "heartbeat"), finished=finished)
    assert judgement.verdict == "hung_exit"
    assert judgement.reason == (
        "1 workers were told to leave and were still there 7 s later, 5 s beyond worker-reload-mercy"
    )


def test_its_end_does_not_undo_that_and_says_how_long_the_stop_took() -> None:
    judgement = judged(generation(100), stop(1), gone(14.1, 100))
    assert judgement.verdict == "hung_exit"
    assert judgement.reason.endswith("; the stop took 14.0 s")


def test_a_stop_is_waited_for_and_a_run_that_ends_before_it_says_nothing() -> None:
    rows = [*generation(100), *stop(1), row(2, "heartbeat")]
    state = lifecycle(rows)
    assert (state.undecided(), state.undecided(begun_by_ns=0), state.ready(), state.is_outage()) == (1, 0, [], False)
    assert lifecycle(rows, gone(3, 100)).undecided() == 0
    judgement = judged(rows)
    assert judgement.verdict == "invalid"
    assert "before the stop" in judgement.reason


def test_a_hung_worker_says_so_as_well_and_a_stop_that_nobody_asked_for_is_a_death() -> None:
    rows = [*generation(100, 200), *respawn(1, 100, 101, 0.1, ready=False)]
    assert lifecycle(rows, stop(1, writer=101)).stopping is None
    unasked = [row(1, "stopping", MASTER), *gone(2, 100)]
    assert judged(generation(100), unasked).verdict == "dead_master"


def test_a_worker_that_hung_before_is_worse() -> None:
    rows = [*generation(100, 200), *respawn(1, 100, 101, 0.1, ready=False), *hang(101, 1), *stop(2)]
    assert lifecycle(rows).stopping is not None
    assert judged(rows, gone(4, 101, 200)).verdict == "hung_worker"


@pytest.mark.parametrize(("line", "seconds"), [("worker-reload-mercy = 3", 3.0), ("threads = 2", MERCY_S)])
def test_mercy_stands_in_the_ini_or_is_uwsgis_own(tmp_path: Path, line: str, seconds: float) -> None:
    (tmp_path / "stack.ini").write_text(f"[uwsgi]\nmaster = true\n{line}\n")
    assert mercy_s(tmp_path / "stack.ini") == seconds
