"""An own instance: whether a second start may help, whether the load may begin, and when and how uWSGI is stopped."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import RUN_FILE, SCHEMA, Event, write_json
from stacks.run.live_run import LiveRun
from stacks.run.own_instance import OwnInstance
from stacks.run.reporter import Reporter
from stacks.run.run_directory import PlannedRun
from stacks.run.starting import can_start_again
from stacks.run.stopping import CALM_S, is_calm, ladder

# One worker that starts, serves, and leaves.
ROWS = [
    Event(1, "observer", "master", 10),
    Event(2, "log", "spawned", 11, 1),
    Event(3, "log", "ready", 11),
    Event(4, "log", "exit_begun", 11),
    Event(5, "exits", "exited", 11),
]


@pytest.fixture
def instance(tmp_path: Path) -> OwnInstance:
    write_json(tmp_path / RUN_FILE, {"schema": SCHEMA, "plan": {}, "paths": {}})
    return OwnInstance(PlannedRun.read(tmp_path, tmp_path))


def live(rows: list[Event], exit_code: int | None = None) -> LiveRun:
    observer = SimpleNamespace(lifecycle=Lifecycle.of(rows), exit_code=exit_code)
    return LiveRun(observer, SimpleNamespace(), 1, Reporter())  # type: ignore[arg-type]


@pytest.mark.parametrize("rows", [2, 3, 4, 5])
def test_load_begins_although_every_worker_is_recycling(instance: OwnInstance, rows: int) -> None:
    assert instance.accepts_load(live(ROWS[:rows]))


def test_load_does_not_begin_for_a_master_that_has_ended(instance: OwnInstance) -> None:
    rows = [*ROWS, Event(6, "observer", "ended", data={"exit_code": 1})]
    assert instance.accepts_load(live(rows, exit_code=1)) is False


@pytest.mark.parametrize(("rows", "later_s", "calm"), [(3, 0.0, False), (3, CALM_S + 0.1, True), (5, 9.0, False)])
def test_a_stop_waits_until_the_last_worker_has_settled(rows: int, later_s: float, calm: bool) -> None:
    """A stop signal 1.5 ms after a respawned worker with threads was ready had no effect: the run needed a SIGKILL."""
    assert is_calm(Lifecycle.of(ROWS[:rows]), 3 + int(later_s * 1e9)) is calm


@pytest.mark.parametrize(
    ("plan", "verdict", "expected"),
    [
        ({}, "recovers", (("INT", 2.0), ("TERM", 1.0))),
        ({}, "hung_worker", (("INT", 1.5),)),
        ({"patient": True}, "hung_worker", (("INT", 75.0),)),
        ({"grace_s": 10.0, "hung_grace_s": 3.0}, "recovers", (("INT", 10.0),)),
        ({"grace_s": 10.0, "hung_grace_s": 3.0}, "hung_worker", (("INT", 3.0),)),
    ],
)
def test_the_plan_decides_how_long_a_stop_signal_is_waited_for(
    plan: dict[str, object], verdict: str, expected: tuple[tuple[str, float], ...]
) -> None:
    assert ladder({"plan": plan, "verdict": verdict}) == expected


@pytest.mark.parametrize(
    ("error", "can_start", "left_out"),
    [
        ("uWSGI ended: bind(): Address already in use", True, None),
        ("[strict-mode] unknown config directive: route-run", True, ["route-run"]),
        ("unable to load app", False, None),
    ],
)
def test_a_second_start_takes_another_port_or_leaves_an_option_out(
    error: str, can_start: bool, left_out: list[str] | None
) -> None:
    record: dict[str, object] = {}
    assert can_start_again(record, error) is can_start
    assert record.get("without") == left_out
