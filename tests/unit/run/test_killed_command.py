"""A command that was killed: its guard says so, and no run.json says `running` any more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.catalogue import ROOT
from stacks.lifecycle.records import RUN_FILE, SCHEMA, write_json
from stacks.observe.memory_kills import UNKNOWN, MemoryKills
from stacks.run.killed_command import close_runs, note_directory
from tests.patience import LIMIT_S

SENTENCE = "could not check: the check was killed"


def test_the_runs_of_a_killed_command_are_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results, private = tmp_path / "results", tmp_path / "private"
    for name, status in (("theirs", "running"), ("lazy-apps", "done")):
        (results / name).mkdir(parents=True)
        write_json(results / name / RUN_FILE, {"schema": SCHEMA, "status": status, "plan": {}, "paths": {}})
    half_written = results / "theirs" / f".{RUN_FILE}.90i2joi7"
    half_written.touch()
    (results / "first").mkdir()
    unnamed = results / "first" / f".{RUN_FILE}.12345678"
    unnamed.touch()
    private.mkdir()
    note_directory(private, results)
    close_runs(private, SENTENCE, MemoryKills(tmp_path, tmp_path / "missing"))
    assert f"{SENTENCE}; {UNKNOWN}." in capsys.readouterr().err
    assert json.loads((results / "theirs" / RUN_FILE).read_text())["status"] == "interrupted"
    assert not half_written.exists()
    assert not unnamed.exists()
    assert json.loads((results / "lazy-apps" / RUN_FILE).read_text())["status"] == "done"


def test_a_command_that_was_killed_at_once_has_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    close_runs(tmp_path, SENTENCE, MemoryKills(tmp_path, tmp_path / "missing"))
    assert SENTENCE in capsys.readouterr().err


KILLED = """
import os, signal, sys
from stacks.run import killed_command

def main(private):
    print(private)
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)

sys.exit(killed_command.guarded(main, sys.argv[1], 125))
"""


def test_a_killed_command_says_so_and_has_its_exit_code() -> None:
    """It was exit code 247 without a word."""
    command = [sys.executable, "-c", KILLED, SENTENCE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 125
    assert done.stderr.startswith(f"{SENTENCE}; ")
    assert done.stdout.strip()
    assert not Path(done.stdout.strip()).exists()
