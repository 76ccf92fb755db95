"""A check that was killed: its guard says so, and no run.json says `running` any more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.catalogue import ROOT
from stacks.check.killed_check import close_runs, note_directory
from stacks.lifecycle.records import RUN_FILE, SCHEMA, write_json
from stacks.observe.memory_kills import UNKNOWN, MemoryKills
from tests.patience import LIMIT_S


def test_the_runs_of_a_killed_check_are_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, private = tmp_path / "check", tmp_path / "private"
    for name, status in (("theirs", "running"), ("lazy-apps", "done")):
        (results / name).mkdir(parents=True)
        write_json(results / name / RUN_FILE, {"schema": SCHEMA, "status": status, "plan": {}, "paths": {}})
    half_written = results / "theirs" / f".{RUN_FILE}.90i2joi7"
    half_written.touch()
    private.mkdir()
    note_directory(private, results)
    close_runs(private, MemoryKills(tmp_path, tmp_path / "missing"))
    assert f"could not check: the check was killed; {UNKNOWN}." in capsys.readouterr().err
    assert json.loads((results / "theirs" / RUN_FILE).read_text())["status"] == "interrupted"
    assert not half_written.exists()
    assert json.loads((results / "lazy-apps" / RUN_FILE).read_text())["status"] == "done"


def test_a_check_that_was_killed_at_once_has_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    close_runs(tmp_path, MemoryKills(tmp_path, tmp_path / "missing"))
    assert "the check was killed" in capsys.readouterr().err


KILLED = """
import os, signal, sys
from pathlib import Path
from stacks.check import killed_check
private = Path(sys.argv[1])
sys.exit(killed_check.guarded(lambda: os.kill(os.getpid(), signal.SIGKILL), private))
"""


def test_a_killed_check_could_not_measure(tmp_path: Path) -> None:
    """It was exit code 247 without a word."""
    private = tmp_path / "private"
    private.mkdir()
    command = [sys.executable, "-c", KILLED, str(private)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("could not check: the check was killed; ")
    assert not private.exists()
