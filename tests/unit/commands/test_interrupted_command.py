"""A command that is interrupted before its runs, while it makes environments for example, leaves no process."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.commands import exit_codes
from stacks.observe import proc
from tests.patience import LIMIT_S, until

ROOT = Path(__file__).resolve().parents[3]
# `list`, but it installs something, and that takes long. With a second argument, it signals itself while `Popen` still
# waits for the word that the child has started.
PROGRAM = """
import os, runpy, signal, sys, time
from stacks.catalogue.bounded_command import run_bounded
from stacks.commands import list as command

CHILD = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(600)"
path, *during_the_start = sys.argv[1:]
read = os.read

def read_and_signal(fd, size):
    os.read = read
    data = read(fd, size)
    while not (os.path.exists(path) and os.path.getsize(path)):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)
    return data

def main(options):
    if during_the_start:
        os.read = read_and_signal
    return run_bounded([sys.executable, "-c", CHILD, path], 600)

command.main = main
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
    _, errors = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, errors) == (exit_codes.INTERRUPTED, "interrupted\n")
    until(lambda: not proc.is_alive(int(file.read_text())))


def test_a_signal_during_the_start_ends_it_too(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    command = [sys.executable, "-c", PROGRAM, str(file), "during the start"]
    done = subprocess.run(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, timeout=LIMIT_S, check=False)
    assert (done.returncode, done.stderr) == (exit_codes.INTERRUPTED, "interrupted\n")
    until(lambda: not proc.is_alive(int(file.read_text())))
