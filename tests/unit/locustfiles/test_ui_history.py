"""The history of a run that is under way: rows in pieces give the same episodes and counts as the whole file."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "locustfiles"))
from workers_ui._history import History, quantile
from workers_ui._seconds import Load
from workers_ui._view import state

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.rates import wilson
from stacks.lifecycle.reading import read_events
from tests.unit.locustfiles.ui_runs import RUNS, FakeStack, golden_history, recycled


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.parent.name)
class TestGoldenRun:
    def test_rows_in_pieces_give_the_same_episodes(self, run: Path) -> None:
        assert golden_history(run, 997).episodes() == Lifecycle.of(read_events(run.parent / "events.jsonl")).episodes()

    def test_the_counts_are_those_of_the_run(self, run: Path) -> None:
        recorded = json.loads(run.read_text())["counts"]
        counts = golden_history(run).counts()
        assert counts["respawns"] == recorded["respawns"]
        assert counts["hung"] == recorded["hung"] + recorded["hung_initial"]
        assert counts["interval"] == wilson(counts["hung"], counts["trials"])


def test_an_incomplete_line_waits_for_its_rest_and_a_damaged_line_is_skipped() -> None:
    history = History()
    history.feed(b'{"t_ns":1,"source":"log","kind":"spawned","slot":1,"pid":5}\nnonsense\n{"t_ns":2,"sou')
    assert history.lifecycle.slots == [1]
    history.feed(b'rce":"log","kind":"ready","pid":5}\n')
    assert history.lifecycle.serving() == 1


def test_rows_after_the_verdict_show_the_stop_and_change_nothing() -> None:
    history = recycled()
    history.feed(b'{"t_ns":4500000000,"source":"observer","kind":"verdict"}\n')
    history.feed(b'{"t_ns":4600000000,"source":"log","kind":"respawned","slot":2,"pid":14}\n')
    history.feed(b'{"t_ns":4700000000,"source":"observer","kind":"stop"}\n')
    assert history.counts()["respawns"] == 1
    assert state(FakeStack(history, is_over=True), Load())["now_s"] == 2.5


def test_a_quantile_is_one_of_the_values() -> None:
    assert quantile([], 0.5) is None
    assert quantile([1.0], 0.95) == 1.0
    assert quantile([1.0, 2.0, 3.0, math.inf], 0.5) == 2.0
    assert quantile([1.0, 2.0, 3.0, math.inf], 0.95) == math.inf
