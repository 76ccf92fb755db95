"""The matrix: its plan, where it goes on, and what it prints before it runs anything."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from stacks.campaign.campaign import ASIDE, MATRIX, Campaign
from stacks.campaign.matrix import describe, matrix_plan, unfinished
from stacks.campaign.plan import Asked
from stacks.catalogue import UsageError, load, venvs
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, SCHEMA, read_json, write_json

KNOWN = load()
PINS = ("2.0.26", "2.0.30.post1")
SMALL = Asked(stack="threads,plain", version="py312-2.0.26,py312-2.0.30.post1")


@pytest.fixture
def new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Campaign:
    def ensure(python: str, package: str, pin: str, _beside: tuple[str, ...] = ()) -> venvs.Venv:
        return venvs.Venv(tmp_path, tmp_path / "python", tmp_path / "uwsgi", f"{python}.1", pin)

    monkeypatch.setattr(venvs, "ensure", ensure)
    return campaign(tmp_path)


def campaign(tmp_path: Path, resumed: Path | None = None) -> Campaign:
    made, cells, scenario = matrix_plan(KNOWN, SMALL)
    return Campaign(made, SMALL, cells, scenario, kind=MATRIX, resumed=resumed, results=tmp_path / "results")


def test_it_takes_the_plans_stacks_to_every_version_once() -> None:
    made, cells, _ = matrix_plan(KNOWN, Asked())
    assert made.trials == 1
    assert [cell.stack.name for cell in cells[:: len(KNOWN.versions)]] == list(KNOWN.plan.matrix)
    assert len(cells) == len(KNOWN.plan.matrix) * len(KNOWN.versions)
    assert matrix_plan(KNOWN, Asked(trials=3))[0].trials == 3


def test_all_is_every_stack_and_a_name_is_one_at_every_version() -> None:
    assert len(matrix_plan(KNOWN, Asked(stack="all"))[1]) == len(KNOWN.stacks) * len(KNOWN.versions)
    _, cells, _ = matrix_plan(KNOWN, Asked(stack="throttle"))
    assert {cell.stack.name for cell in cells} == {"throttle"}
    assert [cell.version.id for cell in cells] == list(KNOWN.versions)
    with pytest.raises(UsageError, match="no stack thread "):
        matrix_plan(KNOWN, Asked(stack="thread"))


def interrupt(made: Campaign, *done: int) -> Path:
    """Let the runs at these places of the plan stand, the next one half-way, and the campaign interrupted."""
    made.prepare()
    for place, (index, trial) in enumerate(made.runs):
        directory = made.directory / made.run_id(index, trial)
        if place in done or place == len(done):
            directory.mkdir()
            status = "done" if place in done else "running"
            write_json(directory / RUN_FILE, {"schema": SCHEMA, "status": status, "verdict": "recovers"})
            (directory / "events.jsonl").write_text("precious\n")
    made.status = "interrupted"
    made._write()
    return made.directory


def test_it_goes_on_where_it_was(new: Campaign, tmp_path: Path) -> None:
    directory = interrupt(new, 0, 1)
    assert unfinished(new.plan, SMALL, new.results) == directory
    import os

    os.close(new._lock)
    again = campaign(tmp_path, directory)
    order = list(new.runs)
    again.prepare()
    assert again.directory == directory
    assert again.runs == order[2:]
    assert (again.stood, [index for index, _ in again.done]) == (2, [index for index, _ in order[:2]])
    half = again.run_id(*order[2])
    assert not (directory / half).exists()
    aside = list((directory / ASIDE).iterdir())
    assert [path.name.startswith(half) for path in aside] == [True]
    assert (aside[0] / "events.jsonl").read_text() == "precious\n"
    assert read_json(directory / CAMPAIGN_FILE)["cells"][0]["runs"]


def test_a_second_one_beside_it_is_refused(new: Campaign, tmp_path: Path) -> None:
    directory = interrupt(new)
    with pytest.raises(UsageError, match="somebody is at work in"):
        campaign(tmp_path, directory).prepare()


def test_only_the_same_plan_goes_on(new: Campaign) -> None:
    interrupt(new, 0)
    made = new.plan
    assert unfinished(replace(made, trials=2), SMALL, new.results) is None
    assert unfinished(replace(made, cells=made.cells[:-1]), SMALL, new.results) is None
    assert unfinished(made, replace(SMALL, threads=2), new.results) is None
    new.status = "done"
    new._write()
    assert unfinished(made, SMALL, new.results) is None


def test_what_is_no_campaign_of_ours_is_passed_over(new: Campaign) -> None:
    directory = interrupt(new, 0)
    for name, value in (("9", {"schema": SCHEMA, "kind": "loadtest"}), ("99", {"schema": 99})):
        (new.results / name).mkdir()
        (new.results / name / CAMPAIGN_FILE).write_text(json.dumps(value))
    assert unfinished(new.plan, SMALL, new.results) == directory


def test_the_dry_run_tells_what_has_no_wheel_and_how_long_it_takes() -> None:
    asked = Asked(stack="threads", version="py312-2.0.26,py313-2.0.26,py314-2.0.30.post1,py312-uwsgi-2.0.26")
    made, cells, _ = matrix_plan(KNOWN, asked)
    said = describe(
        cells,
        made.trials,
        None,
        has_wheel=lambda python, package, pin: (python, pin) != ("3.13", "2.0.26"),
        is_there=lambda python: python != "3.14",
    )
    lines = [line.split(None, 1) for line in said.splitlines()]
    assert ["py313-2.0.26", "no wheel"] in lines
    assert ["py312-2.0.26", "wheel"] in lines
    assert ["py312-uwsgi-2.0.26", "from source"] in lines
    assert ["py314-2.0.30.post1", "Python 3.14 is not here; uv is asked for it"] in lines
    assert said.splitlines()[-1].startswith(
        "4 cells, 1 of them without a wheel; 3 runs of about 3.2 s: about 1 minutes"
    )
