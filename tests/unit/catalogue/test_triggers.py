"""Triggers: what they say, when they are asked, of whom, and the row that each leaves before it does anything."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stacks.catalogue.triggers import FIFO, PAUSE_S, TOUCH_STEP_S, Trigger, Triggers, parse

MASTER = 900


@dataclass
class Stack:
    """As much of a lifecycle as a trigger looks at."""

    up: list[int] = field(default_factory=lambda: [11, 12])
    rising: list[int] = field(default_factory=list)
    open_ones: int = 0

    def ready(self) -> list[int]:
        return self.up

    def starting(self) -> list[int]:
        return self.rising

    def undecided(self) -> int:
        return self.open_ones


@dataclass
class Bench:
    """Triggers whose clock and signals are the test's."""

    text: str
    directory: Path
    stack: Stack = field(default_factory=Stack)
    now: float = 100.0
    did: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.triggers = Triggers(
            parse(self.text),
            self.directory,
            MASTER,
            self.stack,
            lambda kind, **data: self.did.append((kind, data["action"], data["asked_pid"])),
            lambda: self.now,
            lambda pid, number: self.did.append((pid, number)),
        )

    def step(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.triggers.step()

    def ask(self) -> None:
        """Until it has asked once more."""
        left = self.triggers.left
        self.step()
        self.step(PAUSE_S)
        assert self.triggers.left == left - 1


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("signal HUP", Trigger("signal HUP", 1, False)),
        ("fifo r, 3 times", Trigger("fifo r", 3, False)),
        ("touch reload, 1 time", Trigger("touch reload", 1, False)),
        ("kill SEGV worker, 6 times", Trigger("kill SEGV worker", 6, False)),
        ("signal HUP, while one starts", Trigger("signal HUP", 1, True)),
        ("signal TERM, after 2 s", Trigger("signal TERM", 1, False, 2.0)),
        ("fifo r, 2 times, after 3 s", Trigger("fifo r", 2, False, 3.0)),
    ],
)
def test_what_a_stack_may_say(text: str, trigger: Trigger) -> None:
    assert parse(text) == trigger
    assert parse(str(trigger)) == trigger


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HUP",
        "signal",
        "fifo reload",
        "touch ../x/y",
        "kill KILL",
        "signal HUP 3 times",
        "signal HUP, after a while",
    ],
)
def test_anything_else_is_refused_with_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match="`fifo COMMAND`"):
        parse(text)


@pytest.mark.parametrize("text", ["signal WHAT", "kill WHAT worker"])
def test_so_is_a_signal_that_does_not_exist(text: str) -> None:
    with pytest.raises(ValueError, match="no signal WHAT"):
        parse(text)


def test_it_asks_as_often_as_it_says_and_each_time_of_a_stack_that_has_been_ready_for_a_while(tmp_path: Path) -> None:
    bench = Bench("signal HUP, 2 times", tmp_path)
    bench.step()
    bench.step(PAUSE_S / 2)
    bench.stack.open_ones = 1
    bench.step(PAUSE_S)
    bench.stack.open_ones = 0
    bench.step()
    bench.step(PAUSE_S / 2)
    assert bench.did == []
    bench.step(PAUSE_S / 2)
    bench.step()
    assert bench.did == [("asked", "signal HUP", MASTER), (MASTER, signal.SIGHUP)]
    bench.ask()
    bench.step(10 * PAUSE_S)
    assert len(bench.did) == 4


def test_it_waits_as_long_as_its_stack_says(tmp_path: Path) -> None:
    bench = Bench("signal TERM, after 2 s", tmp_path)
    bench.step()
    bench.step(1.9)
    assert bench.did == []
    bench.step(0.1)
    assert bench.did == [("asked", "signal TERM", MASTER), (MASTER, signal.SIGTERM)]


def test_a_stack_without_workers_is_not_ready(tmp_path: Path) -> None:
    bench = Bench("signal HUP", tmp_path, Stack(up=[]))
    bench.step()
    bench.step(10 * PAUSE_S)
    assert bench.did == []


def test_while_one_starts(tmp_path: Path) -> None:
    bench = Bench("signal HUP, while one starts", tmp_path, Stack(open_ones=1))
    bench.step(10 * PAUSE_S)
    assert bench.did == []
    bench.stack.rising = [13]
    bench.step()
    assert bench.did[0][0] == "asked"


def test_workers_are_killed_in_turn_and_one_that_has_gone_is_no_error(tmp_path: Path) -> None:
    bench = Bench("kill SEGV worker, 3 times", tmp_path)
    for _ in range(3):
        bench.ask()
    killed = [pid for pid, *rest in bench.did if pid != "asked"]
    assert killed in ([11, 12, 11], [12, 11, 12])
    assert [pid for kind, _, pid in (row for row in bench.did if row[0] == "asked")] == killed

    def gone(_pid: int, _number: int) -> None:
        raise ProcessLookupError

    triggers = Triggers(parse("kill KILL worker"), tmp_path, MASTER, Stack(), lambda *_, **__: None, lambda: 0.0, gone)
    triggers._ask()


def test_a_touched_file_gets_a_later_second_each_time(tmp_path: Path) -> None:
    (tmp_path / "reload").touch()
    before = (tmp_path / "reload").stat().st_mtime
    bench = Bench("touch reload, 2 times", tmp_path)
    seen = []
    for _ in range(2):
        bench.ask()
        seen.append((tmp_path / "reload").stat().st_mtime)
    assert seen[1] - seen[0] == pytest.approx(TOUCH_STEP_S)
    assert seen[0] > before + 1


def test_a_command_goes_to_the_fifo_and_a_fifo_without_a_reader_is_no_error(tmp_path: Path) -> None:
    bench = Bench("fifo r, 2 times", tmp_path)
    bench.ask()
    os.mkfifo(tmp_path / FIFO)
    reader = os.open(tmp_path / FIFO, os.O_RDONLY | os.O_NONBLOCK)
    try:
        bench.ask()
        assert os.read(reader, 16) == b"r"
    finally:
        os.close(reader)
