"""A run that has to start twice: the second start is not judged by what the first one left."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from stacks.lifecycle.records import EVENTS_FILE, LOG_FILE, REQUESTS_FILE, RUN_FILE, SCHEMA, write_json
from stacks.lifecycle.verdict import Judgement
from stacks.observe.memory_kills import UNKNOWN, MemoryKills
from stacks.run import run as run_module
from stacks.run import run_end, supervisor
from stacks.run.answer_count import Counts
from stacks.run.errors import CannotMeasure
from stacks.run.live_run import LiveRun
from stacks.run.load_window import PlannedWindow
from stacks.run.run import START_ATTEMPTS, Run
from stacks.run.run_directory import PlannedRun

DEAD = Judgement("dead_master", "the master ended with exit code 1", 0, 0, 0, None)
PORT_TAKEN = "bind(): Address already in use"


class FakeInstance:
    """An instance whose first starts fail."""

    port = 8000

    def __init__(self, log: Path, failures: int) -> None:
        self.log = log
        self.failures = failures
        self.judgements: list[Judgement | None] = []  # of each LiveRun when it was new

    def observe(self) -> SimpleNamespace:
        self.log.write_text(PORT_TAKEN)
        return SimpleNamespace(close=lambda: None)

    def await_ready(self, live: LiveRun) -> None:
        self.judgements.append(live.judgement)
        live.judgement = DEAD
        if len(self.judgements) <= self.failures:
            raise CannotMeasure(PORT_TAKEN)

    def can_start_again(self, error: str) -> bool:
        return error == PORT_TAKEN


def new_run(directory: Path, monkeypatch: pytest.MonkeyPatch, failures: int) -> Run:
    monkeypatch.setattr(supervisor, "sweep", lambda: None)  # it would kill the children of the tests
    plan = {"duration_s": 1.0, "limit_s": 1.0, "respawns": 1}
    write_json(directory / RUN_FILE, {"schema": SCHEMA, "plan": plan, "paths": {}})
    run = Run(PlannedRun.read(directory, directory), FakeInstance(directory / LOG_FILE, failures), MemoryKills())  # type: ignore[arg-type]
    load = SimpleNamespace(close=lambda: None)
    monkeypatch.setattr(run, "_new_load", lambda: (load, PlannedWindow(plan, 0, lambda: Counts(0, 0))))
    return run


def test_a_second_start_is_not_judged_by_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port that another process took made the second start look like a master that had died."""
    run = new_run(tmp_path, monkeypatch, failures=1)
    live, _ = run._start()
    assert run.instance.judgements == [None, None]  # type: ignore[attr-defined]
    assert (run.live, run.observer, run.load) == (live, live.observer, live.load)


def test_a_discarded_start_leaves_no_file_and_no_judgement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path, monkeypatch, failures=0)
    run._start()
    (tmp_path / EVENTS_FILE).touch()
    run._discard()
    assert (run.live, run.observer, run.load) == (None, None, None)
    assert not (tmp_path / LOG_FILE).exists()
    assert not (tmp_path / EVENTS_FILE).exists()


def test_the_last_attempt_to_start_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = new_run(tmp_path, monkeypatch, failures=START_ATTEMPTS)
    with pytest.raises(CannotMeasure, match="already in use"):
        run._start()
    assert len(run.instance.judgements) == START_ATTEMPTS  # type: ignore[attr-defined]


@pytest.mark.parametrize(("status", "after"), [("running", "interrupted"), ("done", "done")])
def test_only_a_record_that_still_says_running_tells_of_a_killed_observer(
    tmp_path: Path, status: str, after: str
) -> None:
    write_json(tmp_path / RUN_FILE, {"schema": SCHEMA, "status": status, "plan": {}, "paths": {}})
    run_end.record_killed_observer(tmp_path, "the observer was killed before its verdict")
    assert PlannedRun.read(tmp_path, tmp_path).record["status"] == after


def test_a_killed_observer_does_not_cost_the_requests_that_it_had_written(tmp_path: Path) -> None:
    write_json(tmp_path / RUN_FILE, {"schema": SCHEMA, "status": "running", "plan": {}, "paths": {}})
    (tmp_path / REQUESTS_FILE).write_bytes(b"written")
    run_end.record_killed_observer(tmp_path, "the observer was killed before its verdict")
    assert (tmp_path / REQUESTS_FILE).read_bytes() == b"written"


def test_locust_lives_as_long_as_the_start_and_the_load_may_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load of many ways ended after 150 s, because Locust had a time limit of its own."""
    plan = {"start_limit_s": 60.0, "duration_s": 0.0, "limit_s": 2000.0, "users": 1}
    write_json(tmp_path / RUN_FILE, {"schema": SCHEMA, "plan": plan, "paths": {"scenario": "check.py"}})
    limits_s: list[float] = []
    monkeypatch.setattr(run_module, "Hammer", lambda *arguments: limits_s.append(arguments[-1]))
    instance = FakeInstance(tmp_path / LOG_FILE, failures=0)
    _, window = Run(PlannedRun.read(tmp_path, tmp_path), instance, MemoryKills())._new_load()  # type: ignore[arg-type]
    assert limits_s[0] >= plan["start_limit_s"] + window.limit_s


@pytest.mark.parametrize(
    ("exit_code", "reason"),
    [(None, "12 respawns"), (0, "12 respawns"), (-9, f"12 respawns. Locust was killed; {UNKNOWN}")],
)
def test_a_reason_tells_that_another_has_killed_locust(exit_code: int | None, reason: str) -> None:
    load = SimpleNamespace(exit_code=exit_code)
    assert run_end.explain_kills("12 respawns", load, MemoryKills(Path(), Path())) == reason  # type: ignore[arg-type]
