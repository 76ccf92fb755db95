"""The ladder of signals that stops a uWSGI: which signal works, how long it takes, and what is killed."""

from __future__ import annotations

import signal

import pytest

from stacks.run import supervisor
from stacks.run.stop_signals import LADDER, PATIENT_LADDER, Stop, stop

MASTER = 900


class Stack:
    """A master and its workers, without processes. Their time passes only by `wait`.

    `obeys` says which signals end them, and how many seconds later. SIGKILL ends a process at once if `obeys` does not
    name it.
    """

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


def test_a_healthy_stack_ends_after_the_first_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"INT": 0.9})
    assert stack.stop() == Stop("INT", pytest.approx(0.9, abs=0.03), (("INT", pytest.approx(0.9, abs=0.03)),))
    assert stack.sent == [(MASTER, "INT")]


def test_a_stack_that_obeys_only_the_second_signal_gets_two_and_only_the_master_gets_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = Stack(monkeypatch, {"TERM": 0.4})
    done = stack.stop()
    assert done.signal == "TERM"
    assert done.seconds == pytest.approx(2.4, abs=0.05)
    assert [name for name, _ in done.tried] == ["INT", "TERM"]
    assert stack.sent == [(MASTER, "INT"), (MASTER, "TERM")]


def test_a_hung_stack_is_killed_process_by_process_after_the_whole_ladder(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"INT": 62.0})
    done = stack.stop()
    assert done.signal == "KILL"
    assert done.seconds == pytest.approx(sum(grace_s for _, grace_s in LADDER), abs=0.1)
    assert stack.sent[2:] == [(MASTER, "KILL"), (MASTER + 1, "KILL"), (MASTER + 2, "KILL")]
    assert stack.left == []


def test_the_patient_ladder_measures_how_long_one_signal_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    done = Stack(monkeypatch, {"INT": 62.0}).stop(PATIENT_LADDER)
    assert done.signal == "INT"
    assert done.seconds == pytest.approx(62.0, abs=0.1)


def test_a_stack_that_has_ended_gets_no_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {}, size=0)
    assert stack.stop() == Stop("", 0.0, ())
    assert stack.sent == []


def test_a_stack_that_survives_kill_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"KILL": 1e9})
    done = stack.stop()
    assert done.signal == "KILL"
    assert stack.now < 100 + 3 + supervisor.KILL_LIMIT_S + 1
    assert len(stack.left) == 3


def test_what_the_ladder_has_not_ended_can_be_looked_at_before_it_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {})
    looks: list[list[int]] = []

    def look(pids: list[int]) -> None:
        looks.append(pids)
        stack.now += 2.0

    done = stop(stack.pids, MASTER, (("INT", 10.0),), stack.wait, lambda: stack.now, look)
    assert looks == [[MASTER, MASTER + 1, MASTER + 2]]
    assert done.seconds == pytest.approx(10.0, abs=0.1)  # without the 2 s of the look
    assert done.signal == "KILL"


def test_a_stack_that_ends_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = Stack(monkeypatch, {"INT": 0.9})
    stop(stack.pids, MASTER, LADDER, stack.wait, lambda: stack.now, lambda _: pytest.fail("it has ended"))
