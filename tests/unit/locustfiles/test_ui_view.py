"""The content of the Workers tab: the JSON of a stack, its counted seconds, its verdict, and the episodes as CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._seconds import SECOND_NS, Load
from workers_ui._stack import Stack
from workers_ui._view import COLUMNS, episodes_csv, state

from stacks.lifecycle.records import EVENTS_FILE
from tests.unit.locustfiles.ui_runs import RUNS, FakeStack, golden_history, recycled


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
def test_the_content_is_valid_json_with_every_slot(run: Path) -> None:
    content = state(FakeStack(golden_history(run), is_over=True), Load(), report=True)
    again = json.loads(json.dumps(content, allow_nan=False))
    assert len(again["slots"]) == len(golden_history(run).lifecycle.slots)
    assert {name for _, name, *_ in again["lanes"]} <= {"serving", "leaving", "starting", "hung", "crashed"}
    hung = json.loads(run.read_text())["verdict"] in ("hung_worker", "hung_exit")
    assert hung is any(name == "hung" for _, name, *_ in again["lanes"])
    assert again["counts"]["hung"] == 0 or again["counts"]["p95_s"] == "never"


def test_a_verdict_is_shown_only_after_the_rows_that_it_is_based_on_are_read(tmp_path: Path) -> None:
    row = b'{"t_ns":4500000000,"source":"observer","kind":"verdict"}\n'
    directory = tmp_path / "run"
    directory.mkdir()
    known = {"phase": "preparing", "expected": "hung_worker", "helps": ["The master holds it. Remedy: upgrade."]}
    message = {"directory": str(directory), "verdict": "hung_worker", "reason": "2 of 2", "evidence": None}

    class Serve:
        """Stands for the process `serve`: it writes the row, and then sends the verdict."""

        def __init__(self, *_args: object, **_kwargs: object) -> None:
            self.stdin = io.BytesIO()
            self.stdout = self.lines()

        def lines(self) -> Iterator[bytes]:
            yield json.dumps(known).encode()
            yield json.dumps({"phase": "loading", "directory": str(directory)}).encode()
            gevent.sleep(0)
            (directory / EVENTS_FILE).write_bytes(row)
            for phase in ("stopping", "written"):
                yield json.dumps(message | {"phase": phase}).encode()
                gevent.sleep(0)

        def wait(self) -> int:
            return 0

    stack = Stack({}, Serve)
    looks = []
    with gevent.Timeout(60):
        while not stack.is_over:
            gevent.sleep(0)
            looks.append((stack.verdict is not None, stack.history.end_ns is not None))
            assert bool(stack.helps) == (stack.verdict is not None)
    assert (True, False) not in looks
    assert looks[-1] == (True, True)
    assert stack.helps == known["helps"]
    assert stack.page is None
    page = tmp_path / "report.html"
    page.touch()
    assert stack.page == page
    stack.verdict["verdict"] = "hung_exit"  # what is known is about another verdict
    assert stack.helps == []


def test_seconds_are_added_up_over_the_processes_and_empty_seconds_stay() -> None:
    load = Load()
    load.take({"pid": 1, "in_flight": 3, "seconds": [[10, 5, 0], [12, 1, 2]]}, 12 * SECOND_NS)
    load.take({"pid": 2, "in_flight": 4, "seconds": [[10, 7, 1]]}, 12 * SECOND_NS)
    load.take({"pid": 1, "in_flight": 0, "seconds": []}, 13 * SECOND_NS)
    assert load.rows(10 * SECOND_NS, 0, 14 * SECOND_NS) == [
        (0, 12, 1, 0),
        (1, 0, 0, 0),
        (2, 1, 2, 7),
        (3, 0, 0, 4),
    ]
    # The load does not begin with a second of the clock.
    assert load.rows(10 * SECOND_NS + SECOND_NS // 4, 0, 11 * SECOND_NS) == [(-0.25, 12, 1, 0)]
    load.forget(12)
    assert sorted(load.seconds) == [12]


def test_the_csv_has_every_episode() -> None:
    rows = list(csv.DictReader(io.StringIO(episodes_csv(recycled()))))
    assert list(rows[0]) == list(COLUMNS)
    assert [(r["slot"], r["generation"], r["outcome"]) for r in rows] == [
        ("1", "0", "ready"),
        ("2", "0", "ready"),
        ("1", "1", "ready"),
        ("2", "1", "undecided"),
    ]
    assert (rows[2]["exit_begun_s"], rows[2]["ready_s"], rows[2]["respawn_s"]) == ("1.0", "1.9", "0.9")
