"""The trigger runner: when it acts, on which process, and the row that it writes before each action."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stacks.catalogue.triggers import PAUSE_S, parse
from stacks.run.trigger_runner import FIFO, TOUCH_STEP_S, TriggerRunner

MASTER = 900


@dataclass
class Workers:
    """The part of a lifecycle that the runner reads."""

    ready_pids: list[int] = field(default_factory=lambda: [11, 12])
    starting_pids: list[int] = field(default_factory=list)
    undecided_count: int = 0

    def ready(self) -> list[int]:
        return self.ready_pids

    def starting(self) -> list[int]:
        return self.starting_pids

    def undecided(self) -> int:
        return self.undecided_count


@dataclass
class Bench:
    """A trigger runner with the test's clock and signals. `actions` are its rows and signals, in order."""

    text: str
    directory: Path
    workers: Workers = field(default_factory=Workers)
    now: float = 100.0
    actions: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.runner = TriggerRunner(
            parse(self.text),
            self.directory,
            MASTER,
            self.workers,
            lambda kind, **data: self.actions.append((kind, data["action"], data["asked_pid"])),
            lambda: self.now,
            lambda pid, number: self.actions.append((pid, number)),
        )

    def step(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.runner.step()

    def act(self) -> None:
        """Let the runner act exactly once."""
        left = self.runner.left
        self.step()
        self.step(PAUSE_S)
        assert self.runner.left == left - 1


def test_it_acts_as_often_as_the_trigger_says_and_only_after_a_pause_with_every_worker_ready(tmp_path: Path) -> None:
    bench = Bench("signal HUP, 2 times", tmp_path)
    bench.step()
    bench.step(PAUSE_S / 2)
    bench.workers.undecided_count = 1
    bench.step(PAUSE_S)
    bench.workers.undecided_count = 0
    bench.step()
    bench.step(PAUSE_S / 2)
    assert bench.actions == []
    bench.step(PAUSE_S / 2)
    bench.step()
    assert bench.actions == [("asked", "signal HUP", MASTER), (MASTER, signal.SIGHUP)]
    bench.act()
    bench.step(10 * PAUSE_S)
    assert len(bench.actions) == 4


def test_the_trigger_sets_the_pause(tmp_path: Path) -> None:
    bench = Bench("signal TERM, after 2 s", tmp_path)
    bench.step()
    bench.step(1.9)
    assert bench.actions == []
    bench.step(0.1)
    assert bench.actions == [("asked", "signal TERM", MASTER), (MASTER, signal.SIGTERM)]


def test_it_does_not_act_without_workers(tmp_path: Path) -> None:
    bench = Bench("signal HUP", tmp_path, Workers(ready_pids=[]))
    bench.step()
    bench.step(10 * PAUSE_S)
    assert bench.actions == []


def test_while_one_starts_acts_as_soon_as_a_worker_starts(tmp_path: Path) -> None:
    bench = Bench("signal HUP, while one starts", tmp_path, Workers(undecided_count=1))
    bench.step(10 * PAUSE_S)
    assert bench.actions == []
    bench.workers.starting_pids = [13]
    bench.step()
    assert bench.actions[0][0] == "asked"


def test_workers_are_killed_in_turn_and_a_worker_that_has_ended_is_no_error(tmp_path: Path) -> None:
    bench = Bench("kill SEGV worker, 3 times", tmp_path)
    for _ in range(3):
        bench.act()
    killed = [pid for pid, *rest in bench.actions if pid != "asked"]
    assert killed in ([11, 12, 11], [12, 11, 12])
    assert [pid for kind, _, pid in (row for row in bench.actions if row[0] == "asked")] == killed

    def no_such_process(_pid: int, _number: int) -> None:
        raise ProcessLookupError

    runner = TriggerRunner(
        parse("kill KILL worker"), tmp_path, MASTER, Workers(), lambda *_, **__: None, lambda: 0.0, no_such_process
    )
    runner._act()


def test_a_touched_file_gets_a_later_second_each_time(tmp_path: Path) -> None:
    (tmp_path / "reload").touch()
    before = (tmp_path / "reload").stat().st_mtime
    bench = Bench("touch reload, 2 times", tmp_path)
    times = []
    for _ in range(2):
        bench.act()
        times.append((tmp_path / "reload").stat().st_mtime)
    assert times[1] - times[0] == pytest.approx(TOUCH_STEP_S)
    assert times[0] > before + 1


def test_a_command_goes_to_the_fifo_and_a_fifo_without_a_reader_is_no_error(tmp_path: Path) -> None:
    bench = Bench("fifo r, 2 times", tmp_path)
    bench.act()
    os.mkfifo(tmp_path / FIFO)
    reader = os.open(tmp_path / FIFO, os.O_RDONLY | os.O_NONBLOCK)
    try:
        bench.act()
        assert os.read(reader, 16) == b"r"
    finally:
        os.close(reader)
