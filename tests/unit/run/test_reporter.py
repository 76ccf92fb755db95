"""The lines that a run prints for its campaign."""

from __future__ import annotations

import json

import pytest

from stacks.lifecycle.verdict import Judgement
from stacks.run.reporter import Reporter


def test_a_line_has_the_phase_the_time_the_port_and_the_counts(capsys: pytest.CaptureFixture[str]) -> None:
    times_s = iter([100.0, 101.5, 104.0])
    reporter = Reporter(lambda: next(times_s))
    reporter.print_line("starting")
    reporter.port = 8000
    reporter.exclude(2.0)
    reporter.print_line("loading", Judgement("hung_worker", "why", 3, 1, 2, "take_gil"))
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"phase": "starting", "elapsed_s": 1.5, "port": 0}
    assert second == {
        "phase": "loading",
        "elapsed_s": 2.0,  # without the time that does not count
        "port": 8000,
        "respawns": 3,
        "hung": 3,  # those of the first generation included
        "verdict": "hung_worker",
        "reason": "why",
        "evidence": "take_gil",
    }
