"""The question whether the index has a wheel: when uv reads the index, and when uv's cache is enough."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from uv_messages import NO_WHEEL, OFFLINE, REFUSED

from stacks.catalogue import uv_pip
from stacks.catalogue.bounded_command import CommandRunner
from stacks.catalogue.venvs import VenvError
from stacks.catalogue.wheels import has_wheel


@pytest.fixture(autouse=True)
def no_index_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uv_pip, "_index_read", set())


def fake_uv(*answers: tuple[int, str]) -> tuple[list[list[str]], CommandRunner]:
    """Return a uv that gives these answers (exit code, stderr) in turn, and the list of the commands that it gets."""
    commands: list[list[str]] = []

    def run(command: Sequence[str | Path], timeout_s: float, keep_open: Sequence[int] = ()) -> object:
        code, stderr = answers[len(commands)]
        commands.append([str(word) for word in command])
        return subprocess.CompletedProcess(list(command), code, "", stderr)

    return commands, run  # type: ignore[return-value]


def test_the_index_is_read_once_and_then_uvs_cache_of_it() -> None:
    commands, run = fake_uv((0, ""), (0, ""), (1, NO_WHEEL))
    assert [has_wheel(python, "pyuwsgi", "2.0.26", run) for python in ("3.11", "3.12", "3.13")] == [True, True, False]
    assert ["--offline" in command for command in commands] == [False, True, True]


def test_uv_gets_a_python_and_looks_for_none() -> None:
    """Without one, uv executed every Python on PATH for each question: 0.7 s of CPU instead of 0.02 s with pyenv."""
    commands, run = fake_uv((0, ""))
    assert has_wheel("3.15", "pyuwsgi", "2.0.26", run)
    options = dict(itertools.pairwise(commands[0]))
    assert (options["--python"], options["--python-version"]) == (sys.executable, "3.15")


def test_the_index_is_read_again_if_the_cache_is_not_enough() -> None:
    commands, run = fake_uv((0, ""), (1, OFFLINE), (0, ""))
    assert has_wheel("3.12", "pyuwsgi", "2.0.26", run)
    assert has_wheel("3.12", "pyuwsgi", "2.0.27.post1", run)
    assert ["--offline" in command for command in commands] == [False, True, False]


def test_an_index_that_cannot_be_reached_is_an_error_and_is_asked_again() -> None:
    commands, run = fake_uv((1, REFUSED), (0, ""))
    with pytest.raises(VenvError, match="the package index cannot be reached"):
        has_wheel("3.12", "pyuwsgi", "2.0.26", run)
    assert has_wheel("3.12", "pyuwsgi", "2.0.26", run)
    assert ["--offline" in command for command in commands] == [False, False]


def test_a_package_that_is_built_needs_no_wheel() -> None:
    assert has_wheel("3.12", "uwsgi", "2.0.26", fake_uv()[1])
