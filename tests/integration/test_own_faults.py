"""An error inside a process of the pack is told as a fault of the pack, with a file to send, wherever it happens."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stacks.catalogue import ROOT, venvs
from tests.benchmarks import fault_commands
from tests.patience import LIMIT_S

from .conftest import left_behind

BROKEN = ROOT / "tests" / "unit" / "broken_code"
FAULT = re.compile(r"a fault of the pack.*please send (\S+)")

# Whose error it is: the command, and a function that this process of it calls.
PLACES = {
    "observer": ("judge", "stacks.observe.collectors.log:parse"),
    "run": ("judge", "stacks.run.settling:settle"),
    "locust, its start": ("judge", "recording._part_file:begin"),
    "locust, a row": ("judge", "recording._rows:request_cells"),
    "locust, its end": ("judge", "recording._part_file:end"),
    "campaign": ("loadtest", "stacks.campaign.lanes:Lanes.next_turns"),
    "page maker": ("summary", "analysis.reports.campaign_page:render"),
    "check": ("check", "stacks.check.diagnosis:likely_defect"),
    "watcher": ("watch", "stacks.watch.fleet:Fleet.step"),
    "observer of many hosts": ("hosts", "stacks.hosts.observing:Observing._ship_events"),
    "coordinator": ("hosts", "stacks.hosts.coordinator:Coordinator.step"),
    "load agent": ("hosts", "stacks.hosts.spool:Spool.ship"),
}
QUICK = ("locust, a row", "observer", "page maker")  # the others: OWN_FAULTS=all


def places() -> list[str]:
    return [name for name in PLACES if name in QUICK or os.environ.get("OWN_FAULTS") == "all"]


@pytest.mark.parametrize("where", places())
def test_an_error_of_the_pack_is_told_as_such(where: str, tmp_path: Path, venv: Callable[[str], venvs.Venv]) -> None:
    name, function = PLACES[where]
    for folder in ("tmp", "results"):
        (tmp_path / folder).mkdir(exist_ok=True)
    variables = fault_commands.environment(tmp_path, "OWN_FAULTS_MARK")
    variables |= {"PYTHONPATH": str(BROKEN), "BREAK_FUNCTION": function}
    with fault_commands.prepared(name, tmp_path, venv("py312-2.0.30.post1").uwsgi) as arguments:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    files = [path for path in (tmp_path / "results").rglob("run.json") if "golden" not in str(path)]
    records = [json.loads(path.read_text()) for path in files]
    said = done.stdout + done.stderr + "".join(f"{record['error']}\n" for record in records)
    assert done.returncode in (1, 125), said
    assert "Traceback" not in said
    match = FAULT.search(said)
    assert match is not None, said
    assert "broken by a test" in Path(match[1].rstrip(".)")).read_text(), said
    # The recording of a watcher is judged by the rows until its end, whatever has ended it.
    expected = ("done",) if name == "watch" else ("failed", "incomplete")
    assert all(record["status"] in expected for record in records), said
    assert left_behind(tmp_path) == []
