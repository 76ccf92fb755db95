"""A load from outside: which words of a pipe a run has heard, and what the end of it means."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from stacks.run.outside_load import Outside


@pytest.fixture
def pipe() -> Iterator[tuple[Outside, int]]:
    ours, theirs = os.pipe()
    yield Outside(7, ours), theirs
    for fd in (ours, theirs):
        try:
            os.close(fd)
        except OSError:
            pass


def test_words_are_heard_when_their_line_is_whole_and_are_not_forgotten(pipe: tuple[Outside, int]) -> None:
    outside, theirs = pipe
    assert not outside.heard("go")
    os.write(theirs, b"go 12 ")
    assert not outside.heard("go")
    os.write(theirs, b"34\nstop\n")
    assert outside.heard("go")
    assert outside.heard("stop")
    assert outside.pids == [12, 34]
    assert outside.exit_code is None
    os.write(theirs, b"done\n")
    assert outside.exit_code == 0
    assert not outside.gone


def test_whoever_sent_the_load_and_has_gone_has_said_all(pipe: tuple[Outside, int]) -> None:
    outside, theirs = pipe
    os.close(theirs)
    assert outside.heard("go")
    assert outside.gone
    assert outside.exit_code == 0


def test_after_a_cancel_nobody_is_waited_for(pipe: tuple[Outside, int]) -> None:
    outside, _ = pipe
    outside.say("stop")
    assert outside.exit_code is None
    outside.say("cancel")
    assert outside.exit_code == 0
