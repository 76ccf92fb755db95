"""A dozen cells of the catalogue for real: every kind of trigger, every verdict that has one, and what stays behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks.catalogue.triggers import parse
from stacks.lifecycle.reading import read_events
from stacks.lifecycle.records import EVENTS_FILE, INI_FILE

if TYPE_CHECKING:
    from .conftest import Loadtest

# What runs together is one campaign: its cells are interleaved and overlap where they may.
CELLS = {
    "py312-2.0.30.post1": {
        "reload": "recovers",
        "workers-reload": "recovers",
        "kill": "recovers",
        "lock-at-fork": "hung_request",
        "reload-venv": "dead_master",
        "import-fails": "dead_master",
        "waiting-thread": "hung_exit",
        "cheap": "recovers",
        "no-master": "dead_master",
        "graceful-stop": "hung_exit",
        "refork": "hung_master",
        "lifetime-idle": "hung_exit",
    },
    "py312-2.0.26": {
        "chain-reload": "hung_worker",
        "cheaper": "hung_worker",
        "slow-reload": "hung_exit",
        "refork": "recovers",
    },
    "py312-2.0.27.post1": {"reload": "hung_master"},
    "py312-2.0.22": {"threads": "dead_master"},
}


@pytest.mark.parametrize("version", CELLS)
def test_cells_say_what_the_catalogue_says(
    version: str, venv: Callable[[str], object], loadtest: Callable[..., Loadtest]
) -> None:
    venv(version)
    done = loadtest("--stack", ",".join(CELLS[version]), "--version", version, "--trials", "1")
    said = {run["stack"]: run["verdict"] for run in done.runs}
    assert said == CELLS[version], done.said
    assert {run["stack"]: run["expected"] for run in done.runs} == said
    assert done.code == 0, done.said
    for run in done.runs:
        directory = done.directory / run["run_id"]
        check_what_was_asked(directory, run["plan"]["trigger"])
        for private in re.findall(r"/\S*/pack-\w+", (directory / INI_FILE).read_text()):
            assert not Path(private).exists()
    reasons = {run["stack"]: run["reason"] for run in done.runs}
    if "kill" in reasons:
        assert "requests were cut off" in reasons["kill"]  # their worker had 32 users at 0.1 s a request
    if said.get("refork") == "recovers":
        assert "; the master before ended " in reasons["refork"]
    if "graceful-stop" in reasons:
        assert "; the stop took " in reasons["graceful-stop"]


def check_what_was_asked(directory: Path, trigger: str | None) -> None:
    """Each time is a row, as often as planned unless the stack was beyond hope before, and a killed worker ends."""
    rows = list(read_events(directory / EVENTS_FILE))
    asked = [row for row in rows if row.kind == "asked"]
    if trigger is None:
        assert asked == []
        return
    planned = parse(trigger)
    assert {row.data["action"] for row in asked} == {planned.action}
    assert 1 <= len(asked) <= planned.times
    exited = {row.pid for row in rows if row.kind == "exited"}
    if planned.action.startswith("kill"):
        assert len(asked) == planned.times
        assert {row.data["asked_pid"] for row in asked} <= exited
