"""A browser that prints to PDF ends with its processes and its profile when the command gets a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from executables import executable

from stacks.catalogue import ROOT
from stacks.observe import proc
from tests.patience import LIMIT_S, until

# A browser has processes of its own, which write to its profile until they end.
BROWSER = """#!/bin/sh
for word; do case "$word" in --user-data-dir=*) profile="${word#*=}";; esac; done
sleep 600 & echo $! > "$profile/pid"
mv "$profile/pid" "$profile/started"
wait
"""
# A signal that comes while the browser starts: {number} is sent before subprocess returns.
EARLY = """
import os, subprocess, time
from pathlib import Path
start = subprocess.Popen.__init__
def interrupted(self, *arguments, **options):
    start(self, *arguments, **options)
    while not list(Path(os.environ["TMPDIR"]).glob("*/started")):
        time.sleep(0.02)
    Path(sys.argv[2]).write_text(next(Path(os.environ["TMPDIR"]).glob("*/started")).read_text())
    os.kill(os.getpid(), {number})
subprocess.Popen.__init__ = interrupted
"""
PROGRAM = """
import sys
from pathlib import Path
from analysis.reports.pdf import print_pdf
from stacks.console import interrupts
interrupts.catch()
try:
    print_pdf(Path("page.html"), Path(sys.argv[1]))
except KeyboardInterrupt:
    sys.exit(7)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Let the browser be BROWSER, and its profile a folder below TMPDIR, which is empty."""
    executable(tmp_path / "chromium", BROWSER)
    (tmp_path / "tmp").mkdir()
    usual = {name: value for name, value in os.environ.items() if name != "PACK_NO_PDF"}
    return usual | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path / "tmp")}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_browser_and_removes_its_profile(
    number: signal.Signals, tmp_path: Path, environment: dict[str, str]
) -> None:
    temporary = tmp_path / "tmp"
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "to.pdf")]
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        end_s = time.monotonic() + LIMIT_S
        while not (started := list(temporary.glob("*/started"))):
            assert time.monotonic() < end_s
            assert process.poll() is None
            time.sleep(0.02)
        child = int(started[0].read_text())
        process.send_signal(number)
        assert process.wait(LIMIT_S) == 7
    assert list(temporary.iterdir()) == []
    until(lambda: not proc.is_alive(child))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_of_the_browser_ends_it_too(
    number: signal.Signals, tmp_path: Path, environment: dict[str, str]
) -> None:
    child = tmp_path / "child"
    program = PROGRAM.replace("interrupts.catch()\n", "interrupts.catch()\n" + EARLY.format(number=int(number)))
    command = [sys.executable, "-c", program, str(tmp_path / "to.pdf"), str(child)]
    assert subprocess.run(command, cwd=ROOT, env=environment, timeout=LIMIT_S, check=False).returncode == 7
    assert list((tmp_path / "tmp").iterdir()) == []
    until(lambda: not proc.is_alive(int(child.read_text())))
