"""Compares respawns/s while something reads the stats socket of uWSGI with the same while nothing reads it.

Each connection to the stats socket wakes the master, which then reaps at once instead of once a second.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from stacks.run import supervisor
from tests.benchmarks.bench_result import Number, ratio
from tests.benchmarks.observer import slice_of

WHAT = "respawns/s while the stats socket is read every so often, beside the same while nothing reads it"
POLLS_S = (1.0, 0.1, 0.02)
WORKERS, WINDOW_S = 2, 5.0  # more workers would use both cores, and the polls could not speed them up


def respawns_per_s(poll_s: float | None) -> float:
    """Return respawns/s of one window of load."""
    with tempfile.TemporaryDirectory() as directory:
        return slice_of(False, Path(directory), workers=WORKERS, window_s=WINDOW_S, poll_s=poll_s)["respawns_per_s"]


def measure(*, quick: bool) -> list[Number]:
    """Take the window without polls between those with polls. No limit: the numbers are uWSGI's."""
    supervisor.become_subreaper()
    pairs: dict[float, list[tuple[float, float]]] = {poll_s: [] for poll_s in POLLS_S}
    for _ in range(1 if quick else 2):
        for poll_s in POLLS_S:
            pairs[poll_s].append((respawns_per_s(poll_s), respawns_per_s(None)))
    return [ratio(f"respawns/s, read every {poll_s:g} s / not read", pairs[poll_s]) for poll_s in POLLS_S]
