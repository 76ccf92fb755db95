"""The runs of a campaign under way: when the next one starts, when its load begins, and how the end is recorded."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_processes import Starter, starter

from stacks.campaign.campaign import Campaign
from stacks.campaign.runner import Runner
from stacks.lifecycle.reading import read_record
from stacks.lifecycle.records import SCHEMA, write_json
from tests.patience import until


class RecordingView:
    """A view that keeps the records of the ended runs."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def update(self, campaign: Campaign) -> None:
        """Draw nothing."""

    def run_ended(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        self.records.append(record)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with starter(tmp_path) as start:
        yield start


@pytest.fixture
def view() -> RecordingView:
    return RecordingView()


@pytest.fixture
def runner(campaign: Campaign, view: RecordingView) -> Runner:
    return Runner(campaign, view)


def test_a_waiting_run_gets_its_turn_when_the_run_before_has_its_verdict(runner: Runner, start: Starter) -> None:
    before, waiting = start(), start("import os\nwhile True: os.write(1, f'{input()}\\n'.encode())")
    runner.campaign.active = [before, waiting]
    runner._lanes.count = 1
    before.has_turn, waiting.phase = True, "waiting"
    for before.phase in ("loading", "settling"):
        runner.step()
        assert not waiting.has_turn
    before.phase = "stopping"
    runner.step()
    assert waiting.has_turn
    assert waiting.process.stdout is not None
    stdout = waiting.process.stdout
    until(lambda: select.select([stdout], [], [], 0)[0])
    assert os.read(stdout.fileno(), 64) == b"go\n"
    runner.step()  # the turn is given only once
    assert not select.select([stdout], [], [], 0.05)[0]


@pytest.mark.parametrize(
    ("errors", "why"),
    [
        *(("", "the run was killed"), ("interrupted\n", "interrupted")),
        ("Traceback ...", "a fault of the pack: the run ended"),
        ("more\na fault of the pack: X, please send Y\n", "a fault of the pack: X, please send Y"),
    ],
)
def test_a_run_that_ends_without_a_verdict_has_failed(
    runner: Runner, view: RecordingView, start: Starter, tmp_path: Path, errors: str, why: str
) -> None:
    run = start("")
    write_json(tmp_path / "run.json", {"schema": SCHEMA, "status": "running", "run_id": "x", "precious": 1})
    (tmp_path / "run.err").write_text(errors)
    run.process.wait()
    runner.campaign.active = [run]
    runner.step()
    assert runner.campaign.active == []
    record = read_record(tmp_path / "run.json")
    assert (record["status"], record["precious"]) == ("failed", 1)
    assert record["error"].startswith(why)
    assert view.records == [record]
    assert (tmp_path / "run.err").exists() is bool(errors)


def test_the_record_of_a_run_with_a_verdict_is_not_changed(runner: Runner, start: Starter, tmp_path: Path) -> None:
    run = start("")
    record = {"schema": SCHEMA, "status": "done", "verdict": "recovers"}
    write_json(tmp_path / "run.json", record)
    (tmp_path / "run.err").touch()
    run.process.wait()
    runner.campaign.active = [run]
    runner.step()
    assert runner.campaign.done == [(0, record)]
