"""Nothing is left behind: the ladder of signals, the sweep, and the guard above every run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from contexts import until

from stacks.observe import proc
from stacks.run import supervisor
from stacks.run.supervisor import KILL_LIMIT_S, LADDER, PATIENT_LADDER, Stop, stop

ROOT = Path(__file__).resolve().parents[3]
MASTER = 900


class Stack:
    """A master and its workers that end some seconds after the first signal they obey; time passes only by waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, obeys: dict[str, float], size: int = 3) -> None:
        self.now = 100.0
        self.left = list(range(MASTER, MASTER + size))
        self.sent: list[tuple[int, str]] = []
        self.obeys = obeys
        self.ends = float("inf")
        monkeypatch.setattr(supervisor, "kill", self.kill)

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        name = signal.Signals(number).name[3:]
        self.sent.append((pid, name))
        if name == "KILL" and "KILL" not in self.obeys:
            self.left.remove(pid)
        elif name in self.obeys:
            self.ends = min(self.ends, self.now + self.obeys[name])

    def pids(self) -> list[int]:
        if self.now >= self.ends:
            self.left = []
        return list(self.left)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def stop(self, ladder: tuple[tuple[str, float], ...] = LADDER) -> Stop:
        return stop(self.pids, MASTER, ladder, self.wait, lambda: self.now)

    @property
    def signals(self) -> list[str]:
        return list(dict.fromkeys(name for _, name in self.sent))


def test_a_healthy_stack_ends_by_the_first_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"INT": 0.9})
    assert stack.stop() == Stop("INT", pytest.approx(0.9, abs=0.03), (("INT", pytest.approx(0.9, abs=0.03)),))
    assert stack.sent == [(MASTER, "INT")]


def test_one_that_only_obeys_the_second_is_asked_twice_and_only_the_master_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"TERM": 0.4})
    done = stack.stop()
    assert done.signal == "TERM"
    assert done.seconds == pytest.approx(2.4, abs=0.05)
    assert [name for name, _ in done.tried] == ["INT", "TERM"]
    assert stack.sent == [(MASTER, "INT"), (MASTER, "TERM")]


def test_a_hung_one_is_killed_worker_by_worker_after_the_whole_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"INT": 62.0})
    done = stack.stop()
    assert done.signal == "KILL"
    assert done.seconds == pytest.approx(sum(grace_s for _, grace_s in LADDER), abs=0.1)
    assert stack.sent[2:] == [(MASTER, "KILL"), (MASTER + 1, "KILL"), (MASTER + 2, "KILL")]
    assert stack.left == []


def test_patience_measures_how_long_one_signal_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Stack(monkeypatch, {"INT": 62.0}).stop(PATIENT_LADDER)
    assert done.signal == "INT"
    assert done.seconds == pytest.approx(62.0, abs=0.1)


def test_one_that_has_ended_already_is_sent_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {}, size=0)
    assert stack.stop() == Stop("", 0.0, ())
    assert stack.sent == []


def test_what_does_not_even_obey_kill_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"KILL": 1e9})
    done = stack.stop()
    assert done.signal == "KILL"
    assert stack.now < 100 + 3 + KILL_LIMIT_S + 1
    assert len(stack.left) == 3


# -- real processes, in a process of their own, which becomes the subreaper ------------------------------------------

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


# In small steps, because a signal that comes just before a long system call is only handled after it.
FOREVER = "while True: time.sleep(0.02)"


@pytest.fixture
def guard() -> Iterator[Callable[..., tuple[subprocess.Popen[str], list[int]]]]:
    """Starts a guard over a tree of processes that ignore INT and TERM; hands out the guard and the pids below it."""
    started: list[tuple[subprocess.Popen[str], list[int]]] = []

    def start(end: str, handler: str = "signal.SIG_DFL") -> tuple[subprocess.Popen[str], list[int]]:
        made = subprocess.Popen(
            [sys.executable, "-c", PROGRAM.replace("{end}", end).replace("{handler}", handler)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert made.stdout is not None
        line = made.stdout.readline()
        started.append((made, json.loads(line) if line else []))
        assert line, made.communicate()
        return started[-1]

    yield start
    for made, pids in started:
        for pid in (made.pid, *pids):
            supervisor.kill(pid)
        made.communicate()


def all_gone(pids: list[int]) -> bool:
    return not any(proc.is_alive(pid) for pid in pids)


@pytest.mark.parametrize(("end", "code"), [("return 0", 0), ("return 3", 3), ("raise ValueError('oh')", 1)])
def test_whatever_main_leaves_is_gone_and_its_exit_code_is_handed_on(guard: Callable, end: str, code: int) -> None:
    made, pids = guard(end)
    _, errors = made.communicate(timeout=20)
    assert made.returncode == code
    assert len(pids) == 3  # main itself, its child, and that one's child in a session of its own
    assert all_gone(pids)
    assert ("ValueError: oh" in errors) is (code == 1)


def test_also_when_main_is_killed(guard: Callable) -> None:
    made, pids = guard(FOREVER)
    assert not all_gone(pids)
    os.kill(pids[0], signal.SIGKILL)
    made.communicate(timeout=20)
    assert made.returncode != 0
    assert all_gone(pids)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_to_the_guard_reaches_main_and_the_rest_is_cleared_up(guard: Callable, name: str) -> None:
    made, pids = guard(FOREVER)
    made.send_signal(signal.Signals[name])
    made.communicate(timeout=20)
    assert made.returncode != 0
    assert all_gone(pids)


def test_main_may_take_its_time_after_a_signal_it_ignores(guard: Callable) -> None:
    made, pids = guard("time.sleep(0.6); return 4", "signal.SIG_IGN")
    made.send_signal(signal.SIGTERM)
    made.communicate(timeout=20)
    assert made.returncode == 4
    assert all_gone(pids)


def test_a_killed_guard_takes_main_with_it(guard: Callable) -> None:
    made, (main, *_) = guard(FOREVER)
    made.kill()
    made.wait(timeout=20)
    until(lambda: not proc.is_alive(main))


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


def test_a_sweep_finds_orphans_and_reaps_them() -> None:
    subprocess.run([sys.executable, "-c", SWEEP], cwd=ROOT, check=True, timeout=20)


def test_a_signal_to_what_has_gone_is_no_error() -> None:
    supervisor.kill(2**22 + 1, signal.SIGTERM)
