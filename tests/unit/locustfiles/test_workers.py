"""The Workers tab's own part: rows as they come -> counts, lanes, seconds and the value that the page draws."""

from __future__ import annotations

import csv
import io
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import gevent
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._form import choice, errors
from workers_ui._history import History, quantile
from workers_ui._lanes import lanes, spans, states
from workers_ui._report import before_end, inject, section
from workers_ui._seconds import SECOND_NS, Load
from workers_ui._stack import Stack
from workers_ui._view import COLUMNS, episodes_csv, state

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.rates import wilson
from stacks.lifecycle.records import EVENTS_FILE, read_events

RUNS = sorted((Path(__file__).resolve().parents[2] / "data" / "runs").glob("*/run.json"))
S = 1_000_000_000


def golden(run: Path, piece: int = 1 << 20) -> History:
    data = (run.parent / "events.jsonl").read_bytes()
    history = History()
    for at in range(0, len(data), piece):
        history.feed(data[at : at + piece])
        if at % (7 * piece) == 0:
            history.look()  # somebody watches while it comes
    return history


def history(*rows: tuple[float, str, dict[str, Any]]) -> History:
    made = History()
    for t_s, kind, more in rows:
        line = {"t_ns": int(t_s * S), "source": "log", "kind": kind, **more}
        made.feed(json.dumps(line).encode() + b"\n")
    return made


def recycled() -> History:
    """Slot 1 recycles once; slot 2 leaves and is not replaced."""
    return history(
        (1.0, "spawned", {"slot": 1, "pid": 11}),
        (1.0, "spawned", {"slot": 2, "pid": 12}),
        (1.1, "ready", {"pid": 11}),
        (1.1, "ready", {"pid": 12}),
        (2.0, "load_begin", {}),
        (3.0, "exit_begun", {"pid": 11}),
        (3.1, "exited", {"pid": 11}),
        (3.5, "respawned", {"slot": 1, "pid": 13}),
        (3.9, "ready", {"pid": 13}),
        (4.0, "exit_begun", {"pid": 12}),
        (4.1, "exited", {"pid": 12}),
    )


@dataclass
class Fake:
    """A stack as far as the view looks at it."""

    history: History
    is_over: bool = False
    phase: str = "loading"
    error: str = ""
    verdict: dict[str, Any] | None = None
    directory: str | None = "results/x"
    choice: dict[str, Any] = field(default_factory=lambda: {"stack": "threads", "version": "v"})


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
class TestGolden:
    def test_piece_by_piece_it_tells_the_same_episodes(self, run: Path) -> None:
        assert golden(run, 997).episodes() == Lifecycle.of(read_events(run.parent / "events.jsonl")).episodes()

    def test_it_counts_as_the_run_did(self, run: Path) -> None:
        said = json.loads(run.read_text())["counts"]
        counts = golden(run).counts()
        assert counts["respawns"] == said["respawns"]
        assert counts["hung"] == said["hung"] + said["hung_initial"]
        assert counts["interval"] == wilson(counts["hung"], counts["trials"])

    def test_the_spans_of_a_lane_follow_each_other(self, run: Path) -> None:
        whole = golden(run)
        now_ns = whole.lifecycle.now_ns
        for slot in whole.lifecycle.slots:
            found = spans(whole.lifecycle.slot_episodes(slot), now_ns)
            assert all(begin <= end <= now_ns for _, begin, end, _ in found)
            assert all(left[2] <= right[1] for left, right in pairwise(found))

    def test_what_is_drawn_is_json(self, run: Path) -> None:
        made = state(Fake(golden(run), is_over=True), Load(), report=True)
        again = json.loads(json.dumps(made, allow_nan=False))
        assert len(again["slots"]) == len(golden(run).lifecycle.slots)
        assert {word for _, word, *_ in again["lanes"]} <= {"serving", "leaving", "starting", "hung", "crashed"}
        hung = json.loads(run.read_text())["verdict"] in ("hung_worker", "hung_exit")
        assert hung is any(word == "hung" for _, word, *_ in again["lanes"])
        assert again["counts"]["hung"] == 0 or again["counts"]["p95_s"] == "never"


def test_half_a_line_waits_for_its_rest_and_a_damaged_one_is_passed_over() -> None:
    made = History()
    made.feed(b'{"t_ns":1,"source":"log","kind":"spawned","slot":1,"pid":5}\nnonsense\n{"t_ns":2,"sou')
    assert made.lifecycle.slots == [1]
    made.feed(b'rce":"log","kind":"ready","pid":5}\n')
    assert made.lifecycle.serving() == 1


def test_what_happens_after_the_verdict_is_the_stop() -> None:
    made = recycled()
    made.feed(b'{"t_ns":4500000000,"source":"observer","kind":"verdict"}\n')
    made.feed(b'{"t_ns":4600000000,"source":"log","kind":"respawned","slot":2,"pid":14}\n')
    made.feed(b'{"t_ns":4700000000,"source":"observer","kind":"stop"}\n')
    assert made.counts()["respawns"] == 1
    assert state(Fake(made, is_over=True), Load())["now_s"] == 2.5


def test_a_verdict_is_shown_once_the_rows_are_read_that_it_was_judged_from(tmp_path: Path) -> None:
    row = b'{"t_ns":4500000000,"source":"observer","kind":"verdict"}\n'
    said = {"directory": str(tmp_path), "verdict": "recovers", "reason": "2 of 2", "evidence": None}

    class Serve:
        """The process: it writes the row, and then says it."""

        def __init__(self, *_args: object, **_kwargs: object) -> None:
            self.stdin = io.BytesIO()
            self.stdout = self.lines()

        def lines(self) -> Iterator[bytes]:
            yield json.dumps({"phase": "loading", "directory": str(tmp_path)}).encode()
            gevent.sleep(0)
            (tmp_path / EVENTS_FILE).write_bytes(row)
            for phase in ("stopping", "written"):
                yield json.dumps(said | {"phase": phase}).encode()
                gevent.sleep(0)

        def wait(self) -> int:
            return 0

    stack = Stack({}, Serve)
    looks = []
    with gevent.Timeout(10):
        while not stack.is_over:
            gevent.sleep(0)
            looks.append((stack.verdict is not None, stack.history.end_ns is not None))
    assert (True, False) not in looks
    assert looks[-1] == (True, True)


def test_a_lane_shows_what_a_slot_was_doing() -> None:
    made = recycled()
    found, from_s = lanes(made, 5 * S, 100 * S, 1000)
    assert from_s == 0
    assert [row[:4] for row in found if row[0] == 1] == [
        (1, "serving", 0.0, 1.0),
        (1, "leaving", 1.0, 1.5),
        (1, "starting", 1.5, 1.9),
        (1, "serving", 1.9, 3.0),
    ]
    assert [row[:4] for row in found if row[0] == 2][-1] == (2, "leaving", 2.0, 3.0)
    assert [row[:3] for row in states(made, 5 * S)] == [(1, "serving", 1.1), (2, "leaving", 1.0)]


def test_a_window_shows_only_what_lies_in_it_and_says_where_it_begins() -> None:
    found, from_s = lanes(recycled(), 5 * S, 1 * S, 1000)
    assert from_s == 2
    assert all(begin >= from_s for _, _, begin, *_ in found)
    assert {row[0] for row in found} == {1, 2}


def test_too_many_spans_shorten_the_window_instead_of_thinning_it() -> None:
    found, from_s = lanes(recycled(), 5 * S, 100 * S, 3)
    assert len(found) == 3
    assert from_s > 0
    assert all(begin >= from_s for _, _, begin, *_ in found)


def test_a_worker_that_hung_until_it_was_killed_hangs_until_then() -> None:
    waits = {"tasks": [["S", "futex"]], "ticks": 1, "switches": 2}
    rows = [(2 + i / 10, "state", {"pid": 12, **waits}) for i in range(10)]
    made = history(
        (1.0, "spawned", {"slot": 1, "pid": 11}),
        (1.1, "ready", {"pid": 11}),
        (1.5, "exited", {"pid": 11}),
        (1.9, "respawned", {"slot": 1, "pid": 12}),
        *rows,
        (6.0, "exited", {"pid": 12, "signal": 9}),
        (6.5, "respawned", {"slot": 1, "pid": 13}),
        (6.7, "ready", {"pid": 13}),
    )
    found = [(word, begin / S, end / S) for word, begin, end, _ in spans(made.lifecycle.slot_episodes(1), 8 * S)]
    assert ("hung", 1.9, 6.0) in found
    assert found[-1] == ("serving", 6.7, 8.0)
    assert made.counts()["hung"] == 1
    assert made.counts()["p95_s"] == math.inf


def test_quantiles_are_values_that_were_seen() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0], 0.95) == 1.0
    assert quantile([1.0, 2.0, 3.0, math.inf], 0.5) == 2.0
    assert quantile([1.0, 2.0, 3.0, math.inf], 0.95) == math.inf


def test_seconds_are_summed_over_the_processes_and_empty_ones_stay() -> None:
    load = Load()
    load.take({"pid": 1, "in_flight": 3, "seconds": [[10, 5, 0], [12, 1, 2]]}, 12 * SECOND_NS)
    load.take({"pid": 2, "in_flight": 4, "seconds": [[10, 7, 1]]}, 12 * SECOND_NS)
    load.take({"pid": 1, "in_flight": 0, "seconds": []}, 13 * SECOND_NS)
    assert load.rows(10 * SECOND_NS, 0, 14 * SECOND_NS) == [(0, 12, 1, 0), (1, 0, 0, 0), (2, 1, 2, 7), (3, 0, 0, 4)]
    # The clock's seconds are no multiples of the load's.
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


KNOWN = {
    "stacks": {"threads": "threads on"},
    "versions": ["py312-2.0.26"],
    "limits": {"users": [1, 10_000], "workers": [1, 512], "max_requests": [1, 1_000_000], "threads": [1, 1024]},
}
FORM = {"stack": "threads", "version": "py312-2.0.26", "workers": "4", "max_requests": "10", "threads": "0"}
FORM |= {"user_count": "8", "spawn_rate": "8"}


def test_a_form_that_can_work_is_let_through() -> None:
    assert errors(FORM, KNOWN) == []
    assert errors(FORM | {"threads": "1024", "spawn_rate": "0.5"}, KNOWN) == []


@pytest.mark.parametrize(
    ("field_", "value"),
    [
        ("workers", "0"),
        ("workers", "80000"),
        ("workers", "1e3"),
        ("workers", ""),
        ("max_requests", "-1"),
        ("max_requests", "99999999999999999999"),
        ("threads", "4.5"),
        ("user_count", "100000000"),
        ("user_count", "nan"),
        ("spawn_rate", "inf"),
        ("spawn_rate", "0"),
        ("spawn_rate", "many"),
        ("stack", "../../etc"),
        ("version", "2.0.99"),
    ],
)
def test_what_is_absurd_is_refused_with_what_may_stand_there(field_: str, value: str) -> None:
    (found,) = errors(FORM | {field_: value}, KNOWN)
    assert repr(value) in found


def test_all_mistakes_are_said_at_once() -> None:
    assert len(errors(dict.fromkeys(FORM, "?"), KNOWN)) == len(FORM)


def test_the_choice_has_the_words_of_serve() -> None:
    class Options:
        stack, version, workers, max_requests, threads = "threads", "v", 4, 10, 0

    assert choice(Options) == {"stack": "threads", "version": "v", "workers": 4, "max_requests": 10, "threads": 0}


def test_the_section_stands_before_the_last_end_of_the_body() -> None:
    page = "<body><script>'</body>'</script></body></html>"
    assert before_end(page, "!") == "<body><script>'</body>'</script>!</body></html>"
    assert before_end("no end", "!") == "no end!"


def test_what_a_process_is_called_cannot_end_the_script_of_a_report() -> None:
    made = section("<body></body>", {"error": "</script><b>"})
    assert "</script><b>" not in made
    data = made.split('id="uwsgi-workers-data">')[1].split("</script>")[0]
    assert json.loads(data) == {"error": "</script><b>"}


def test_the_page_asks_nobody_else_for_anything() -> None:
    made = inject("<body></body>") + section("<body></body>", {})
    assert "http" not in made.replace("http:\\/\\/127\\.0\\.0\\.1", "")
