"""What `make watch` does to the uWSGI that it watches: to its throughput, and to its requests and signals."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from bisect import bisect
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from stacks.watch.fleet import Fleet, Source
from stacks.watch.watch import Watch
from tests.benchmarks.bench_result import Number, median, ratio
from tests.benchmarks.watched.stack import cpu_of_all_s, hammer, stack

WINDOW_S = 1.0
PAIRS = int(os.environ.get("PAIRS", "60"))
SETTLE_S = 0.2  # after each attachment and detachment
ATTACHMENTS = 100


@dataclass(frozen=True)
class Window:
    """A slice of the time: when, and the CPU time of the stack, its load and its watcher meanwhile."""

    begin_s: float
    end_s: float
    cpu_s: float

    @property
    def length_s(self) -> float:
        return self.end_s - self.begin_s


def pairs() -> list[Number]:
    """throughput watched and unwatched, in PAIRS pairs of slices that take turns (default 60, 2.4 s each)"""
    seconds = 5 + PAIRS * 2 * (WINDOW_S + SETTLE_S + 0.1)
    windows: list[tuple[Window, Window]] = []
    with stack(8, 2000) as served, hammer(served, 16, seconds, is_read=True) as process:
        load = Load(process)
        time.sleep(2)
        for index in range(PAIRS):
            sides = {}
            for is_watched in (True, False) if index % 2 else (False, True):
                with ExitStack() as scope:
                    fleet = scope.enter_context(Fleet(Source(pid=served.pid))) if is_watched else None
                    _spend(SETTLE_S, fleet)
                    sides[is_watched] = _window((process.pid, os.getpid()), served.pid, fleet)
            windows.append((sides[True], sides[False]))
        time.sleep(0.5)  # until the load has told of the last pair
    rates = [(load.answers(one) / one.length_s, load.answers(two) / two.length_s) for one, two in windows]
    per_cpu_s = [(load.answers(one) / one.cpu_s, load.answers(two) / two.cpu_s) for one, two in windows]
    return [
        ratio("throughput, watched / unwatched", rates, at_least=0.99),
        ratio("answers for each second of CPU time of all, watched / unwatched", per_cpu_s, at_least=0.99),
        median("answers a second, unwatched", "1/s", [unwatched for _, unwatched in rates]),
    ]


def _window(pids: tuple[int, ...], master_pid: int, fleet: Fleet | None) -> Window:
    cpu_s, begin_s = cpu_of_all_s(pids, master_pid), time.monotonic()
    _spend(WINDOW_S, fleet)
    return Window(begin_s, time.monotonic(), cpu_of_all_s(pids, master_pid) - cpu_s)


def _spend(seconds: float, fleet: Fleet | None) -> None:
    """Watch, or do nothing, for so long."""
    end_s = time.monotonic() + seconds
    while (left_s := end_s - time.monotonic()) > 0:
        if fleet is None:
            time.sleep(left_s)
        else:
            fleet.step(left_s)


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

    def answers(self, window: Window) -> float:
        """Return the answers in a window, interpolated between the lines of the load."""
        return self._answered(window.end_s) - self._answered(window.begin_s)

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
