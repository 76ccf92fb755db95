"""What a check prints on a terminal: colours that NO_COLOR and a pipe switch off, and an early first answer."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from check_builders import HEALTHY, HUNG

from stacks.check.terminal import first_answer, print_lines
from stacks.check.ways.progress import Progress

LINES = [
    "pyuwsgi 2.0.26 on Python 3.12, 2 worker(s): the workers DO NOT come back (hung_worker)",
    "Comes back: [bold]reload[/bold]",
    "    lazy-apps = true",
    "Limit FAIL: lost requests: 3, at most 0 " + "x" * 200,
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return Terminal()


def test_a_terminal_gets_the_same_text_in_colour(terminal: Terminal) -> None:
    print_lines(LINES, terminal)
    said = terminal.getvalue()
    assert re.sub(r"\x1b\[[\d;]*m", "", said) == "\n".join(LINES) + "\n"
    assert "\x1b[1;31mDO NOT come back\x1b[0m" in said
    assert "\x1b[1;31mFAIL\x1b[0m" in said


def test_no_color_is_honoured(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    print_lines(LINES, terminal)
    assert terminal.getvalue() == "\n".join(LINES) + "\n"


def test_a_pipe_gets_plain_text() -> None:
    stream = io.StringIO()
    print_lines(LINES, stream)
    assert stream.getvalue() == "\n".join(LINES) + "\n"


def test_the_first_answer_names_the_verdict_and_what_is_still_to_come() -> None:
    assert first_answer(HUNG, 7).startswith("check: at max-requests the workers DO NOT come back (hung_worker: ")
    assert first_answer(HUNG, 7).endswith("; 7 more way(s) to take")
    assert first_answer(HUNG, 7, 200.0).endswith("; 7 more way(s) to take, in about 3 min")
    assert "the workers come back (recovers: " in first_answer(replace(HEALTHY, reason="all back"), 1)


def test_the_progress_says_how_many_ways_are_done_of_how_many(terminal: Terminal) -> None:
    progress = Progress(terminal)

    def last() -> str:
        return terminal.getvalue().rpartition("\x1b[K")[2].partition("s  ")[2]

    progress.expect(["hup", "touch-reload", "worker-kill", "int", "idle"])
    progress("a", "worker-kill")
    progress("b", "hup")
    assert last() == "0 of 5 ways done, now worker-kill, hup"
    progress("a", "worker-kill", 2, 73)  # a second time, with DEEP=1
    assert last() == "0 of 5 ways done, now worker-kill 2/73, hup"
    progress("a", "touch-reload")
    progress("c", "idle")
    assert last() == "1 of 5 ways done, now hup, touch-reload, idle"
    progress("b", "")
    progress("a", "")
    assert last() == "3 of 5 ways done, now idle"
    progress.finish(["int"])  # its run ended before it was taken
    assert last() == "4 of 5 ways done, now idle"
    progress("c", "")
    progress.clear()
    assert last() == ""


def test_without_a_terminal_no_progress_is_written() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.expect(["hup"])
    progress("a", "hup")
    progress.clear()
    assert stream.getvalue() == ""
