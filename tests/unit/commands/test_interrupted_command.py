"""A command that is interrupted before its runs, while it makes environments for example, leaves no process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from contexts import until

from stacks.commands import exit_codes
from stacks.observe import proc

ROOT = Path(__file__).resolve().parents[3]
# `list`, but it installs something, and that takes long.
PROGRAM = """
import runpy, sys
from stacks.catalogue.bounded_command import run_bounded
from stacks.commands import list as command

CHILD = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
path = sys.argv[1]
command.main = lambda options: run_bounded([sys.executable, "-c", CHILD, path], 600)
sys.argv = ["stacks", "list"]
runpy.run_module("stacks", run_name="__main__")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_ends_what_it_has_started_and_says_so(tmp_path: Path, number: signal.Signals) -> None:
    file = tmp_path / "pid"
    command = [sys.executable, "-c", PROGRAM, str(file)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until(lambda: file.is_file() and file.read_text())
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (exit_codes.INTERRUPTED, "interrupted\n")
    until(lambda: not proc.is_alive(int(file.read_text())))
