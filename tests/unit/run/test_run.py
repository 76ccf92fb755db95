"""What a run decides between its start and its load."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import LOG_FILE, RUN_FILE, SCHEMA, Event, write_json
from stacks.lifecycle.verdict import Judgement
from stacks.run import supervisor
from stacks.run.run import CALM_S, Run, _is_calm


@pytest.fixture
def run(tmp_path: Path) -> Run:
    write_json(tmp_path / RUN_FILE, {"schema": SCHEMA, "plan": {}, "paths": {}})
    return Run(tmp_path, tmp_path)


def test_a_stack_that_is_started_anew_is_not_judged_by_the_one_before(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that somebody took made the second start look like a master that had died."""
    monkeypatch.setattr(supervisor, "sweep", lambda: None)  # it would take the children of the tests
    (run.directory / LOG_FILE).write_text("bind(): Address already in use")
    run._seen = Judgement("dead_master", "the master ended with exit code 1", 0, 0, 0, None)
    run._discard()
    assert run._seen is None
    assert not (run.directory / LOG_FILE).exists()


LIFE = [
    Event(1, "observer", "master", 10),
    Event(2, "log", "spawned", 11, 1),
    Event(3, "log", "ready", 11),
    Event(4, "log", "exit_begun", 11),
    Event(5, "exits", "exited", 11),
]


@pytest.mark.parametrize("seen", [2, 3, 4, 5])
def test_load_begins_although_every_worker_is_just_recycling(run: Run, seen: int) -> None:
    run.observer = SimpleNamespace(lifecycle=Lifecycle.of(LIFE[:seen]), exit_code=None)  # type: ignore[assignment]
    assert run._can_load(run.observer)


def test_load_does_not_begin_for_a_master_that_has_ended(run: Run) -> None:
    life = Lifecycle.of([*LIFE, Event(6, "observer", "ended", data={"exit_code": 1})])
    run.observer = SimpleNamespace(lifecycle=life, exit_code=1)  # type: ignore[assignment]
    assert run._can_load(run.observer) is False


@pytest.mark.parametrize(("seen", "later_s", "calm"), [(3, 0.0, False), (3, CALM_S + 0.1, True), (5, 9.0, False)])
def test_a_stop_waits_until_the_last_worker_has_settled(seen: int, later_s: float, calm: bool) -> None:
    """Asked 1.5 ms after a respawned worker was ready, with threads, it was not heard, and the run needed a SIGKILL."""
    life = Lifecycle.of(LIFE[:seen])
    assert _is_calm(life, 3 + int(later_s * 1e9)) is calm
