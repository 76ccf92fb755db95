"""The load of the web UI: which words a run has received through the pipe, and what the end of the pipe means."""

from __future__ import annotations

import os
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from stacks.run.errors import Interrupted
from stacks.run.external_load import ExternalLoad


@pytest.fixture
def pipe() -> Iterator[tuple[ExternalLoad, int]]:
    read_end, write_end = os.pipe()
    yield ExternalLoad(7, read_end, limit_s=1.0), write_end
    for fd in (read_end, write_end):
        try:
            os.close(fd)
        except OSError:
            pass


def test_a_word_counts_once_its_line_is_complete_and_it_stays_received(pipe: tuple[ExternalLoad, int]) -> None:
    load, write_end = pipe
    assert not load.has_received("go")
    os.write(write_end, b"go 12 ")
    assert not load.has_received("go")
    os.write(write_end, b"34\nstop\n")
    assert load.has_received("go")
    assert load.has_received("stop")
    assert load.sender_pids == [12, 34]
    assert load.exit_code is None
    os.write(write_end, b"done\n")
    assert load.exit_code == 0
    assert not load.has_ended


def test_the_end_of_the_pipe_stands_for_every_word(pipe: tuple[ExternalLoad, int]) -> None:
    load, write_end = pipe
    os.close(write_end)
    assert load.has_received("go")
    assert load.has_ended
    assert load.exit_code == 0


def test_after_cancel_the_run_does_not_wait_for_the_load(pipe: tuple[ExternalLoad, int]) -> None:
    load, _ = pipe
    load.send("stop")
    assert load.exit_code is None
    load.send("cancel")
    assert load.exit_code == 0


def test_the_load_begins_with_go_and_the_pids_of_its_senders(pipe: tuple[ExternalLoad, int]) -> None:
    load, write_end = pipe
    assert not load.may_begin()
    os.write(write_end, b"go 12\n")
    assert load.may_begin()
    assert load.begin() == [12]


def test_the_load_does_not_begin_when_its_sender_has_ended(pipe: tuple[ExternalLoad, int]) -> None:
    load, write_end = pipe
    os.close(write_end)
    assert load.may_begin()
    with pytest.raises(Interrupted):
        load.begin()


@pytest.mark.parametrize(
    ("text", "exit_code", "is_over"), [(b"", None, False), (b"stop\n", None, True), (b"", 1, True)]
)
def test_the_load_is_over_when_the_user_stops_it_or_uwsgi_ends(
    pipe: tuple[ExternalLoad, int], text: bytes, exit_code: int | None, is_over: bool
) -> None:
    load, write_end = pipe
    os.write(write_end, text)
    live = SimpleNamespace(observer=SimpleNamespace(exit_code=exit_code))
    assert load.is_over(live, has_triggers_left=True) is is_over  # type: ignore[arg-type]
    assert load.window_s(10**9, 4 * 10**9) == 3.0
