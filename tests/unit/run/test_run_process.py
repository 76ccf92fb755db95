"""A run as its campaign sees it: the lines that it prints, and when the next run may start and begin its load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_processes import Starter, starter

from tests.patience import until


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    with starter(tmp_path) as start:
        yield start


def test_lines_are_read_whether_they_come_whole_or_in_pieces(start: Starter) -> None:
    print_stdin = "import sys\nfor line in sys.stdin:\n    sys.stdout.write(line.rstrip('\\n').replace('|', '\\n'))"
    run = start(print_stdin)
    assert (run.phase, run.respawns, run.load_is_over) == ("starting", 0, False)
    run.read_lines()  # there is no line yet, and the call does not wait for one
    assert run.process.stdin is not None

    def print_until(text: str, phase: str) -> None:
        run.process.stdin.write(f"{text}\n".encode())
        until(lambda: run.read_lines() or run.phase == phase)

    print_until(json.dumps({"phase": "loading", "respawns": 7, "hung": 2}) + "|", "loading")
    assert (run.respawns, run.hung) == (7, 2)
    run.process.stdin.write(b'{"phase": "settl\n')
    until(lambda: run.read_lines() or run._partial_line)
    assert run.phase == "loading"
    print_until('ing"}|', "settling")
    assert (run.respawns, run.hung) == (7, 2)  # a line without counts leaves them as they were
    assert (run.load_is_over, run.has_verdict) == (True, False)
    print_until('{"phase": "a"}|{"phase": "stopping", "respawns": 9, "hung": 2}|', "stopping")
    assert run.respawns == 9
    assert run.has_verdict
    assert not run.has_ended


def test_a_process_that_has_ended_blocks_no_other_run_whatever_its_last_phase(start: Starter) -> None:
    run = start('print(\'{"phase": "loading"}\')')
    until(lambda: run.has_ended)
    run.read_lines()
    run.read_lines()
    assert (run.phase, run.load_is_over, run.has_verdict) == ("loading", True, True)


def test_giving_the_turn_to_a_process_that_has_ended_is_no_error(start: Starter) -> None:
    run = start("")
    until(lambda: run.has_ended)
    run.give_turn()
    assert not run.has_turn
