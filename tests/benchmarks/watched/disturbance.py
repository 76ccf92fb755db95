"""What `make watch` does to the uWSGI that it watches: to its throughput, and to its requests and signals."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from bisect import bisect
from contextlib import ExitStack
from pathlib import Path

from stacks.watch.fleet import Fleet, Source
from stacks.watch.watch import Watch
from tests.benchmarks.bench_result import Number, median, ratio
from tests.benchmarks.watched.stack import hammer, stack

WINDOW_S = 2.0
PAIRS = int(os.environ.get("PAIRS", "50"))
SETTLE_S = 0.3  # after each attachment and detachment
ATTACHMENTS = 100


def pairs() -> list[Number]:
    """throughput watched and unwatched, in pairs that take turns"""
    seconds = 5 + PAIRS * 2 * (WINDOW_S + SETTLE_S + 0.2)
    rates = []
    with stack(8, 2000) as served, hammer(served, 16, seconds, is_read=True) as process:
        load = Load(process)
        time.sleep(2)
        for index in range(PAIRS):
            windows = {}
            for is_watched in (True, False) if index % 2 else (False, True):
                with ExitStack() as scope:
                    fleet = scope.enter_context(Fleet(Source(pid=served.pid))) if is_watched else None
                    _spend(SETTLE_S, fleet)
                    windows[is_watched] = time.monotonic(), _spend(WINDOW_S, fleet)
            time.sleep(0.25)  # until the load has told of this pair
            rates.append((load.answers_per_s(*windows[True]), load.answers_per_s(*windows[False])))
    return [
        ratio("throughput, watched / unwatched", rates, at_least=0.99),
        median("answers a second, unwatched", "1/s", [unwatched for _, unwatched in rates]),
    ]


def _spend(seconds: float, fleet: Fleet | None) -> float:
    """Watch, or do nothing, for so long. Return the time at the end."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        if fleet is None:
            time.sleep(left_s)
        else:
            fleet.step(left_s)
    return time.monotonic()


class Load:
    """Reads what a load has counted, and tells how many answers there were between two moments."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._counts: list[tuple[float, float]] = []
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            counts = json.loads(line)
            self._counts.append((counts["t_s"], counts["answered"]))

    def answers_per_s(self, begin_s: float, end_s: float) -> float:
        """Return the rate between two moments of CLOCK_MONOTONIC, interpolated between the lines of the load."""
        return (self._answered(end_s) - self._answered(begin_s)) / (end_s - begin_s)

    def _answered(self, t_s: float) -> float:
        index = bisect(self._counts, (t_s, 0.0))
        (begin_s, before), (end_s, after) = self._counts[index - 1], self._counts[min(index, len(self._counts) - 1)]
        return before + (after - before) * (t_s - begin_s) / (end_s - begin_s) if end_s > begin_s else after


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
