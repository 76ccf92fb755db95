"""Leaves no process behind: the guard above every run, and the sweep that it makes at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.observe import proc
from stacks.run import supervisor
from tests.patience import LIMIT_S, until

ROOT = Path(__file__).resolve().parents[3]

# Real processes, below a process of the test's own, which becomes the subreaper.
PROGRAM = """
import json, os, signal, subprocess, sys, time
from stacks.run import supervisor

TREE = '''
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
own = subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True).pid if len(sys.argv) > 1 else ""
os.write(1, f"{own} {os.getpid()}".encode() + bytes([10]))  # at once, because two write here
time.sleep(600)
'''

def main():
    signal.signal(signal.SIGTERM, {handler})
    tree = subprocess.Popen([sys.executable, "-c", TREE, TREE], stdout=subprocess.PIPE, text=True)
    pids = [int(word) for line in (tree.stdout.readline(), tree.stdout.readline()) for word in line.split()]
    print(json.dumps([os.getpid(), *sorted(set(pids))]), flush=True)
    {end}

sys.exit(supervisor.guarded(main))
"""


# In small steps: Python handles a signal that comes just before a long system call only after the call.
FOREVER = "while True: time.sleep(0.02)"


@pytest.fixture
def guard() -> Iterator[Callable[..., tuple[subprocess.Popen[str], list[int]]]]:
    """A function that starts a guard over a tree of processes that ignore INT and TERM.

    It returns the guard and the pids below it.
    """
    started: list[tuple[subprocess.Popen[str], list[int]]] = []

    def start(end: str, handler: str = "signal.SIG_DFL") -> tuple[subprocess.Popen[str], list[int]]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.replace("{end}", end).replace("{handler}", handler)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        started.append((process, json.loads(line) if line else []))
        assert line, process.communicate()
        return started[-1]

    yield start
    for process, pids in started:
        for pid in (process.pid, *pids):
            supervisor.kill(pid)
        process.communicate()


def have_ended(pids: list[int]) -> bool:
    return not any(proc.is_alive(pid) for pid in pids)


@pytest.mark.parametrize(("end", "code"), [("return 0", 0), ("return 3", 3), ("raise ValueError('oh')", 1)])
def test_the_guard_kills_what_main_leaves_and_returns_its_exit_code(guard: Callable, end: str, code: int) -> None:
    process, pids = guard(end)
    _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == code
    assert len(pids) == 3  # main, its child, and a child of that child in a session of its own
    assert have_ended(pids)
    assert ("a fault of the pack: ValueError" in errors and "oh, please send" in errors) is (code == 1)


def test_the_guard_kills_what_a_killed_main_leaves(guard: Callable) -> None:
    process, pids = guard(FOREVER)
    assert not have_ended(pids)
    os.kill(pids[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 1  # it was 247 without a word
    assert errors.startswith("the command was killed; ")
    assert have_ended(pids)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_to_the_guard_reaches_main_and_the_guard_kills_the_rest(guard: Callable, name: str) -> None:
    process, pids = guard(FOREVER)
    process.send_signal(signal.Signals[name])
    process.communicate(timeout=LIMIT_S)
    assert process.returncode != 0
    assert have_ended(pids)


def test_the_guard_waits_for_a_main_that_ignores_a_signal(guard: Callable) -> None:
    process, pids = guard("time.sleep(0.6); return 4", "signal.SIG_IGN")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == 4
    assert have_ended(pids)


def test_main_ends_when_the_guard_is_killed(guard: Callable) -> None:
    process, (main, *_) = guard(FOREVER)
    process.kill()
    process.wait(timeout=LIMIT_S)
    until(lambda: not proc.is_alive(main))


NESTED = """
import os, subprocess, sys, time
from pathlib import Path
from stacks.console import interrupts
from stacks.run import private_directory, supervisor

private, marks = Path(sys.argv[2]), Path(sys.argv[3])

def inner():
    try:
        (marks / "inner").write_text(str(os.getpid()))  # from here on the signal may come
        while True:
            time.sleep(0.02)
    except KeyboardInterrupt:
        interrupts.ignore()
        time.sleep(0.5)  # the clean-up of a run takes a while
        (marks / "cleaned-up").touch()
        return 1

def outer():
    process = subprocess.Popen([sys.executable, "-c", sys.argv[1], "", *sys.argv[2:]], start_new_session=True)
    (marks / "outer").write_text(str(os.getpid()))
    while process.poll() is None:
        time.sleep(0.02)
    return 0

if sys.argv[1]:
    sys.exit(supervisor.guarded(outer))
private.mkdir()
sys.exit(supervisor.guarded(inner, private))
"""


@pytest.mark.parametrize("who", ["command", "outer", "inner guard", "group"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_guard_below_cleans_up_before_anything_is_killed(tmp_path: Path, who: str, number: signal.Signals) -> None:
    """As a run below `check`: the run's private directory is removed, whichever process gets the signal."""
    command = [sys.executable, "-c", NESTED, NESTED, str(tmp_path / "pack-x"), str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    marks = {name: tmp_path / name for name in ("outer", "inner")}
    until(lambda: all(path.is_file() and path.read_text() for path in marks.values()))
    outer, inner = (int(path.read_text()) for path in marks.values())
    stat = proc.stat(inner)
    assert stat is not None
    pids = {"command": process.pid, "outer": outer, "inner guard": stat.ppid}
    if who == "group":
        os.killpg(process.pid, number)
    else:
        os.kill(pids[who], number)
    process.wait(LIMIT_S)
    until(lambda: have_ended([outer, inner]))
    assert (tmp_path / "cleaned-up").exists()
    assert not (tmp_path / "pack-x").exists()


def test_an_interrupt_that_main_does_not_catch_has_an_exit_code_of_its_own(guard: Callable) -> None:
    """From 128 on it ends `git bisect run`; 1 would call the commit bad."""
    process, _ = guard(FOREVER, "signal.getsignal(signal.SIGTERM)")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT_S)
    assert process.returncode == supervisor.EXIT_INTERRUPTED == 130


def test_main_does_not_run_if_the_parent_has_ended_already() -> None:
    code = "import sys; from stacks.run import supervisor; sys.exit(supervisor.guarded(lambda: 0, parent={}, failed=7))"
    for parent, expected in ((os.getpid(), 0), (os.getppid(), 7), (0, 0)):
        done = subprocess.run([sys.executable, "-c", code.format(parent)], cwd=ROOT, check=False, timeout=LIMIT_S)
        assert done.returncode == expected


STARTING = """
import pathlib, signal, sys, time
def end(number, frame):
    pathlib.Path("ended-in-order").touch()
    sys.exit()
signal.signal(signal.SIGTERM, end)
pathlib.Path("started").touch()
while True:
    time.sleep(0.02)
"""
ASK = """
import pathlib, subprocess, sys, time
from stacks.run import supervisor
process = subprocess.Popen([sys.executable, "-m", "stacks", "run"], cwd=sys.argv[1])
while not pathlib.Path(sys.argv[1], "started").exists():
    time.sleep(0.02)
assert supervisor.sweep() == []
"""


def test_a_run_that_has_no_guard_yet_is_asked_as_well(tmp_path: Path) -> None:
    """It may be about to make its private directory."""
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "__main__.py").write_text(STARTING)
    subprocess.run([sys.executable, "-c", ASK, str(tmp_path)], cwd=ROOT, check=True, timeout=LIMIT_S)
    assert (tmp_path / "ended-in-order").exists()


SWEEP = """
import os, subprocess, sys, time
from stacks.observe import proc
from stacks.run import supervisor
supervisor.become_subreaper()
code = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])"
subprocess.run([sys.executable, "-c", code])  # its child is an orphan now
assert len(proc.descendants(os.getpid())) == 1
left = supervisor.sweep()
assert (left, proc.descendants(os.getpid())) == ([], [])
"""


def test_a_sweep_kills_orphans_and_reaps_them() -> None:
    subprocess.run([sys.executable, "-c", SWEEP], cwd=ROOT, check=True, timeout=LIMIT_S)


def test_a_signal_to_a_process_that_has_ended_is_no_error() -> None:
    supervisor.kill(2**22 + 1, signal.SIGTERM)
