"""Compares respawns/s and answered requests/s with and without the observer, in pairs."""

from __future__ import annotations

import tempfile
from pathlib import Path

from stacks.run import supervisor
from tests.benchmarks.bench_result import Number, ratio
from tests.benchmarks.observer import slice_of

WHAT = "respawns/s and answered requests/s with the observer, beside the same without it"


def measure(*, quick: bool) -> list[Number]:
    """Take both sides alternately; each pair begins with the other one."""
    supervisor.become_subreaper()
    pairs = []
    for number in range(2 if quick else 8):
        rates = {}
        for is_observed in ((True, False), (False, True))[number % 2]:
            with tempfile.TemporaryDirectory() as directory:
                rates[is_observed] = slice_of(is_observed, Path(directory))
        pairs.append((rates[True], rates[False]))
    return [
        ratio(f"{name}, observed / not", [(a[name], b[name]) for a, b in pairs], at_least=0.98, at_most=1.02)
        for name in ("respawns_per_s", "answered_per_s")
    ]
