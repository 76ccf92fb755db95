"""The matrix: which cells its plan has, and which interrupted campaign it resumes."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.campaign.campaign import MATRIX, Campaign
from stacks.campaign.campaign_directory import INTERRUPTED_DIR
from stacks.campaign.matrix import matrix_plan, unfinished
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import UsageError, load, venvs
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, SCHEMA, write_json

KNOWN = load()
SMALL = PlanOptions(stack="threads,plain", version="py312-2.0.26,py312-2.0.30.post1")


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    def ensure(python: str, package: str, pin: str, _beside: tuple[str, ...] = ()) -> venvs.Venv:
        return venvs.Venv(tmp_path, tmp_path / "python", tmp_path / "uwsgi", f"{python}.1", pin)

    monkeypatch.setattr(venvs, "ensure", ensure)
    return small_campaign(tmp_path)


def small_campaign(tmp_path: Path, resumed: Path | None = None) -> Campaign:
    plan, cells, scenario = matrix_plan(KNOWN, SMALL)
    return Campaign(plan, SMALL, cells, scenario, kind=MATRIX, resumed=resumed, results=tmp_path / "results")


def test_the_plan_has_its_stacks_at_every_version_with_one_run() -> None:
    plan, cells, _ = matrix_plan(KNOWN, PlanOptions())
    assert plan.trials == 1
    assert [cell.stack.name for cell in cells[:: len(KNOWN.versions)]] == list(KNOWN.plan.matrix)
    assert len(cells) == len(KNOWN.plan.matrix) * len(KNOWN.versions)
    assert matrix_plan(KNOWN, PlanOptions(trials=3))[0].trials == 3


def test_all_means_every_stack_and_a_name_means_one_stack_at_every_version() -> None:
    assert len(matrix_plan(KNOWN, PlanOptions(stack="all"))[1]) == len(KNOWN.stacks) * len(KNOWN.versions)
    _, cells, _ = matrix_plan(KNOWN, PlanOptions(stack="throttle"))
    assert {cell.stack.name for cell in cells} == {"throttle"}
    assert [cell.version.id for cell in cells] == list(KNOWN.versions)
    with pytest.raises(UsageError, match="no stack thread "):
        matrix_plan(KNOWN, PlanOptions(stack="thread"))


def interrupt(campaign: Campaign, *done: int) -> Path:
    """Prepare a campaign that is interrupted: the runs at these places are done, the next one is half done."""
    campaign.prepare()
    for place, (index, trial) in enumerate(campaign.runs):
        directory = campaign.directory / campaign.run_id(index, trial)
        if place in done or place == len(done):
            directory.mkdir()
            status = "done" if place in done else "running"
            write_json(directory / RUN_FILE, {"schema": SCHEMA, "status": status, "verdict": "recovers"})
            (directory / "events.jsonl").write_text("precious\n")
    campaign.status = "interrupted"
    campaign.write()
    return campaign.directory


def test_a_resumed_campaign_keeps_finished_runs_and_sets_half_done_runs_aside(new: Campaign, tmp_path: Path) -> None:
    directory = interrupt(new, 0, 1)
    assert unfinished(new.plan, SMALL, new.results) == directory
    os.close(new._lock)
    again = small_campaign(tmp_path, directory)
    order = list(new.runs)
    again.prepare()
    assert again.directory == directory
    assert again.runs == order[2:]
    assert (again.earlier_runs, [index for index, _ in again.done]) == (2, [index for index, _ in order[:2]])
    half_done = again.run_id(*order[2])
    assert not (directory / half_done).exists()
    aside = list((directory / INTERRUPTED_DIR).iterdir())
    assert [path.name.startswith(half_done) for path in aside] == [True]
    assert (aside[0] / "events.jsonl").read_text() == "precious\n"
    assert read_json(directory / CAMPAIGN_FILE)["cells"][0]["runs"]


def test_two_processes_cannot_resume_one_campaign(new: Campaign, tmp_path: Path) -> None:
    directory = interrupt(new)
    with pytest.raises(UsageError, match="Another process works on the campaign in"):
        small_campaign(tmp_path, directory).prepare()


def test_only_a_campaign_with_the_same_plan_is_resumed(new: Campaign) -> None:
    interrupt(new, 0)
    plan = new.plan
    assert unfinished(replace(plan, trials=2), SMALL, new.results) is None
    assert unfinished(replace(plan, cells=plan.cells[:-1]), SMALL, new.results) is None
    assert unfinished(plan, replace(SMALL, threads=2), new.results) is None
    new.status = "done"
    new.write()
    assert unfinished(plan, SMALL, new.results) is None


def test_other_campaigns_and_unknown_schemas_are_passed_over(new: Campaign) -> None:
    directory = interrupt(new, 0)
    for name, value in (("9", {"schema": SCHEMA, "kind": "loadtest"}), ("99", {"schema": 99})):
        (new.results / name).mkdir()
        (new.results / name / CAMPAIGN_FILE).write_text(json.dumps(value))
    assert unfinished(new.plan, SMALL, new.results) == directory
