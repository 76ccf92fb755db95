"""Signals become one KeyboardInterrupt, and none during the clean-up. In real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stacks.console import interrupts
from tests.patience import LIMIT_S

ROOT = Path(__file__).resolve().parents[3]

# Counts the interrupts, cleans up after the first one for as long as stdin is open, and prints the count.
PROGRAM = """
import signal, sys, time
from stacks.console import interrupts
{before}
interrupts.catch()
count = 0
def wait_for_signals():
    global count
    end = time.monotonic() + 600
    while time.monotonic() < end:
        try:
            print("ready", flush=True)
            {ready}
            while time.monotonic() < end:
                time.sleep(0.02)
        except KeyboardInterrupt:
            count += 1
            if count == {enough}:
                return
wait_for_signals()
{then}
print("again", flush=True)
sys.stdin.read()
print(count)
"""


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []

    def start(enough: int = 1, **parts: str) -> subprocess.Popen[str]:
        code = PROGRAM.replace("{enough}", str(enough))
        for name in ("before", "ready", "then"):
            code = code.replace(f"{{{name}}}", parts.get(name, ""))
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        started.append(subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, **pipes))
        assert started[-1].stdout is not None
        assert started[-1].stdout.readline() == "ready\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_comes_twice_at_once_raises_once(start: Callable, number: signal.Signals) -> None:
    """As the terminal and a guard send it."""
    process = start(before="interrupts.SAME_WISH_S = 60.0")
    process.send_signal(number)
    assert process.stdout.readline() == "again\n"
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=LIMIT_S)[0] == "1\n"
    assert process.returncode == 0


def test_a_later_signal_raises_again(start: Callable) -> None:
    """Python may have dropped the first exception."""
    process = start(enough=2)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(interrupts.SAME_WISH_S + 0.2)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "again\n"


def test_no_signal_raises_during_the_clean_up(start: Callable) -> None:
    process = start(then="interrupts.ignore(); time.sleep(1.1)")
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == "again\n"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process.send_signal(number)
    assert process.communicate(timeout=LIMIT_S)[0] == "1\n"
    assert process.returncode == 0


def test_a_signal_that_is_ignored_at_the_start_stays_ignored(start: Callable) -> None:
    """nohup(1) ignores SIGHUP for a campaign that outlives its terminal."""
    process = start(before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "again\n"
    assert process.communicate(timeout=LIMIT_S)[0] == "1\n"


def test_an_interrupt_that_python_drops_comes_again(start: Callable) -> None:
    """Python prints a traceback of an exception in `__del__`, and goes on."""
    dropped = """
class Sender:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def drop():
    Sender()
"""
    process = start(before=dropped, ready="drop()")
    assert process.stdout.readline() == "again\n"
    output, errors = process.communicate(timeout=LIMIT_S)
    assert (output, errors) == ("1\n", "")


SWALLOWING = """
import argparse, signal, sys
from stacks.commands import command_line
from stacks.console import interrupts

class Command:
    @staticmethod
    def main(options):
        try:
            if {has_signal}:
                signal.raise_signal(signal.SIGHUP)
        except KeyboardInterrupt:
            pass
        raise TypeError("expected a message argument")

interrupts.catch()
parser = argparse.ArgumentParser()
parser.set_defaults(command="mine")
command_line.parser = lambda names: parser
command_line.load = lambda name: Command
sys.exit(command_line.run([], []))
"""


@pytest.mark.parametrize(
    ("has_signal", "code", "said"), [(True, 130, "interrupted"), (False, 1, "a fault of the pack")]
)
def test_an_interrupt_that_an_import_turns_into_another_error_is_no_fault(
    has_signal: bool, code: int, said: str, tmp_path: Path
) -> None:
    """SIGHUP during the import of `ssl` was told as "a fault of the pack: TypeError (ssl.py, line 111)"."""
    program = SWALLOWING.replace("{has_signal}", str(has_signal))
    environment = os.environ | {"PACK_RESULTS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr[: len(said)]) == (code, said)
