"""--on-hang: the command gets the facts in its environment, and no fact becomes a part of it."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from instance_views import hang_of, instance, worker

from stacks.catalogue.usage_error import UsageError
from stacks.watch import hang_command
from stacks.watch.hang_command import HangCommand, command_words
from stacks.watch.view import HUNG, MASTER_HUNG, READY, Change
from tests.patience import LIMIT_S

HOSTILE = "$(touch stolen); `touch stolen` | touch stolen\n' \" \\ é \x1b[31m %s {}"


def writer(path: Path) -> str:
    """A command that adds its HANG_ variables to a file, each in one line."""
    facts = "{name: value for name, value in os.environ.items() if name.startswith('HANG_')}"
    code = f"import os; open({str(path)!r}, 'a').write(repr({facts}) + '\\n')"
    return f"{shlex.quote(sys.executable)} -c {shlex.quote(code)}"


def run_until(command: HangCommand, condition: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end
        command.take([], lambda _change: None)
        time.sleep(0.01)


def test_the_facts_are_in_the_environment_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said: list[str] = []
    hung = worker(3, 33, HUNG)
    view = instance(worker(1, 11), hung, name=HOSTILE)
    command = HangCommand(command_words(writer(tmp_path / "facts")), said.append)
    change = hang_of(hung, evidence=HOSTILE + "\0")
    command.take([Change(1, READY, 100, 11), change, Change(1, MASTER_HUNG, 100, text=HOSTILE)], lambda _change: view)
    run_until(command, lambda: (tmp_path / "facts").exists() and (tmp_path / "facts").read_text().count("\n") == 2)
    command.close()
    facts = sorted((tmp_path / "facts").read_text().splitlines())
    of_worker = eval(facts[1])  # noqa: S307 - the test has written it
    assert of_worker["HANG_EVIDENCE"] == HOSTILE
    assert of_worker["HANG_CONFIG"] == HOSTILE
    wanted = {"PID": "33", "SLOT": "3", "MASTER_PID": "100", "KIND": "worker_hung", "WHERE": "at_fork", "HUNG": "1"}
    assert {f"HANG_{name}": value for name, value in wanted.items()}.items() <= of_worker.items()
    assert eval(facts[0])["HANG_KIND"] == "master_hung"  # noqa: S307
    assert [path.name for path in tmp_path.iterdir()] == ["facts"]
    assert said == []


@pytest.mark.parametrize("text", ["", "   ", "no-such-program-of-anybody", "echo 'open", "touch a; touch b"])
def test_a_command_that_cannot_be_started_is_a_usage_error(text: str) -> None:
    if text.startswith("touch"):  # no shell: `touch` gets `a;` as a file name
        assert command_words(text) == ["touch", "a;", "touch", "b"]
        return
    with pytest.raises(UsageError, match="--on-hang"):
        command_words(text)


def test_a_few_run_at_once_and_the_others_wait(tmp_path: Path) -> None:
    running = tmp_path / "running"
    running.mkdir()
    code = (
        "import os, time, pathlib\nd = pathlib.Path(os.environ['D'])\np = d / str(os.getpid())\np.touch()\n"
        "while not (d.parent / 'go').exists(): time.sleep(0.01)\n"
        "p.unlink()\n(d.parent / 'done').open('a').write('x')"
    )
    os.environ["D"] = str(running)
    command = HangCommand([sys.executable, "-c", code], lambda _text: None)
    hangs = [hang_of(worker(slot, 10 + slot, HUNG)) for slot in range(1, 8)]
    command.take(hangs, lambda _change: None)
    most = 0
    done = tmp_path / "done"

    def is_done() -> bool:
        nonlocal most
        most = max(most, len(list(running.iterdir())))
        if most == hang_command.MOST_AT_ONCE:
            (tmp_path / "go").touch()
        return done.exists() and len(done.read_text()) == 7

    run_until(command, is_done)
    command.close()
    del os.environ["D"]
    assert most == hang_command.MOST_AT_ONCE


def test_a_command_that_fails_or_does_not_end_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    command = HangCommand([sys.executable, "-c", "raise SystemExit(7)"], said.append)
    command.take([hang_of(worker(1, 11, HUNG))], lambda _change: None)
    run_until(command, lambda: said)
    assert said == [f"--on-hang: {sys.executable} ended with exit code 7."]

    monkeypatch.setattr(hang_command, "LIMIT_S", 0.2)
    slow = HangCommand([sys.executable, "-c", "import time; time.sleep(60)"], said.append)
    slow.take([hang_of(worker(1, 11, HUNG))], lambda _change: None)
    run_until(slow, lambda: len(said) == 2)
    assert "did not end" in said[1]
    slow.close()
