"""What `make watch` does to the uWSGI that it watches: to its throughput, and to its requests and signals."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from stacks.watch.watch import Watch
from tests.benchmarks.bench_result import Number, median, ratio
from tests.benchmarks.watched.stack import hammer, stack, watch

WINDOW_S = 4
PAIRS = int(os.environ.get("PAIRS", "12"))
ATTACHMENTS = 100


def pairs() -> list[Number]:
    """throughput watched and unwatched, in pairs that take turns"""
    rates = []
    with stack(8, 2000) as served, hammer(served, 16, 60 + PAIRS * 2 * (WINDOW_S + 4), is_read=True) as load:
        for index in range(PAIRS):
            sides = {}
            for is_watched in (True, False) if index % 2 else (False, True):
                with ExitStack() as scope:
                    if is_watched:
                        scope.enter_context(watch(served.pid))
                    _answered(load, 2)  # the watcher starts, or the machine comes to rest
                    sides[is_watched] = _answered(load, WINDOW_S)
            rates.append((sides[True], sides[False]))
    return [ratio("throughput, watched / unwatched", rates, at_least=0.99)]


def _answered(load: subprocess.Popen[str], seconds: int) -> float:
    """Return the answers per second in the next `seconds`: the load prints a line once a second."""
    first = _line_after(load, time.monotonic())
    last = _line_after(load, first["t_s"] + seconds - 0.5)
    return float(last["answered"] - first["answered"]) / float(last["t_s"] - first["t_s"])


def _line_after(load: subprocess.Popen[str], t_s: float) -> dict[str, float]:
    """Return the first line of the load that is not older than `t_s` (CLOCK_MONOTONIC)."""
    assert load.stdout is not None
    for line in load.stdout:
        counts: dict[str, float] = json.loads(line)
        if counts["t_s"] >= t_s:
            return counts
    raise SystemExit("the load ended too early")


def attach() -> list[Number]:
    """100 times attached and detached while it serves: requests that failed, and debuggers"""
    tracers = 0
    with stack(8, 100) as served, hammer(served, 8, 40, 0.01, is_read=True) as load:
        time.sleep(1)
        for _ in range(ATTACHMENTS):
            with Watch.open(served.pid) as one:
                one.step(0.05)
                tracers += "\nTracerPid:\t0\n" not in Path(f"/proc/{served.pid}/status").read_text()
        assert load.stdout is not None
        last = [json.loads(line) for line in load.stdout][-1]
    return [
        median("attachments", "times", [float(ATTACHMENTS)], at_least=100.0),
        median("requests that failed", "requests", [float(last["failed"])], at_most=0.0),
        median("requests that were answered", "requests", [float(last["answered"])], at_least=1000.0),
        median("times that a debugger held the master", "times", [float(tracers)], at_most=0.0),
    ]
