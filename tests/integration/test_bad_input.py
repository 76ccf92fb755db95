"""What cannot be measured is one clear error that names the file and the remedy."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stacks import catalogue
from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import STACKS, Version

from .conftest import Loadtest, left_behind

BASE = f"[uwsgi]\nini = {STACKS}/base.ini\n"


@pytest.mark.parametrize(
    ("option", "listed"),
    [("--stack=thraeds", "threads-lazy"), ("--version=2.0.99", "2.0.30.post1"), ("--scenario=stedy", "steady")],
)
def test_a_wrong_name_lists_the_right_ones(loadtest: Callable[..., Loadtest], option: str, listed: str) -> None:
    done = loadtest(option)
    assert done.code == 2
    assert listed in done.said
    assert "Traceback" not in done.said


def test_a_typo_in_an_ini_is_named(one_run: Callable[..., dict]) -> None:
    record = one_run(BASE + "enable-thraeds = true\n")
    assert (record["code"], record["status"]) == (1, "failed")
    assert "enable-thraeds" in record["error"]


def test_an_app_that_raises_at_import_is_named(one_run: Callable[..., dict]) -> None:
    record = one_run(app="import nothing_of_that_name\n")
    assert (record["code"], record["verdict"]) == (1, "invalid")
    assert "nothing_of_that_name" in record["error"]


def test_a_port_in_use_is_named(one_run: Callable[..., dict]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        record = one_run(BASE + f"http-socket = 127.0.0.1:{port}\n")
        assert record["code"] == 1
        assert str(port) in record["error"]
        assert "use" in record["error"]


def test_a_scenario_that_does_not_import_is_named(
    loadtest: Callable[..., Loadtest], tmp_path: Path, venv: Callable[[str], object]
) -> None:
    venv("py312-2.0.30.post1")
    scenario = tmp_path / "broken.py"
    scenario.write_text("import nothing_of_that_name\n")
    done = loadtest(f"--scenario={scenario}", "--stack=threads", "--version=py312-2.0.30.post1", "--trials=1")
    assert done.code == 1
    assert "nothing_of_that_name" in done.said
    assert left_behind(done.directory) == []


def test_a_python_that_is_not_there_is_not_tested_and_the_others_are(
    tmp_path: Path, venv: Callable[[str], object]
) -> None:
    venv("py312-2.0.30.post1")
    known = catalogue.load()
    plan, cells, scenario = make_plan(known, PlanOptions(stack="threads", version="py312-2.0.30.post1", trials=1))
    missing = replace(cells[0], version=Version("3.2", "pyuwsgi", "2.0.30.post1"))
    campaign = Campaign(plan, PlanOptions(), [missing, *cells], scenario, results=tmp_path / "results")
    campaign.prepare()
    assert "3.2" in campaign.not_tested[0]
    assert [campaign.run_id(*run) for run in campaign.runs] == ["threads@py312-2.0.30.post1-1"]
