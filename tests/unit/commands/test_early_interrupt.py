"""A signal that ends a run while it still starts: run.json says that the run was interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest

from stacks.commands import command_line, exit_codes
from stacks.console import interrupts
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RUN_FILE
from stacks.run import run, run_directory

PLAN = {"users": 1, "duration_s": 2.0, "workers": 1, "respawns": 1, "start_limit_s": 1.0, "limit_s": 1.0}


def test_a_run_that_is_interrupted_before_its_observer_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_directory.write_plan(tmp_path, PLAN, {"scenario": "x.py"})

    def interrupt(_directory: Path, _parent: int) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "main", interrupt)
    monkeypatch.setattr(interrupts, "ignore", lambda: None)
    assert command_line.run(["run"], ["run", str(tmp_path)]) == exit_codes.INTERRUPTED
    record = read_json(tmp_path / RUN_FILE)
    assert (record["status"], record["error"]) == ("interrupted", "interrupted before its verdict")
