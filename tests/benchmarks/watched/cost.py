"""CPU time and memory of `make watch` and of the observer of attached runs before it, in slices that take turns."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from typing import Any

from tests.benchmarks.bench_result import Number, median, ratio
from tests.benchmarks.watched.stack import (
    KernelForks,
    Stack,
    before,
    changes,
    cpu_s,
    hammer,
    pss_mb,
    rss_mb,
    stack,
    wait_until_watching,
    watch,
)

SLICE_S = float(os.environ.get("SLICE", "10"))
SLICES = int(os.environ.get("SLICES", "3"))
START_S = 3.0  # a watcher needs a second for its imports and its first looks
MEMORY_MB = 40.0
RATE = 20.0  # respawns a second
# A master replaces workers that have ended in the next turn of its loop, once a second. So 16 workers respawn 16 times
# a second at most, and more are needed for 20.
RECYCLE = {"workers": 32, "max_requests": 5}
CLIENTS, PACE_S = 48, 0.43  # 112 requests a second are 22 respawns a second
SAMPLE_S = 10.0


class Usage:
    """What one process used in one slice."""

    def __init__(self, context: Any, master_pid: int, seconds: float) -> None:
        with context as process, KernelForks(master_pid) as forks:
            time.sleep(START_S)
            cpu, began, forked = cpu_s(process.pid), time.monotonic(), len(forks.pids)
            time.sleep(seconds)
            window_s = time.monotonic() - began
            self.percent = (cpu_s(process.pid) - cpu) / window_s * 100
            self.memory_mb = rss_mb(process.pid)
            self.respawns_per_s = (len(forks.pids) - forked) / window_s


def slices(served: Stack) -> list[tuple[Usage, Usage]]:
    """Return the usage of the watch, and of the observer before it, in slices that take turns."""
    pairs = []
    for number in range(SLICES):
        sides = {}
        for is_new in (True, False) if number % 2 else (False, True):
            sides[is_new] = Usage(watch(served.pid) if is_new else before(served), served.pid, SLICE_S)
        pairs.append((sides[True], sides[False]))
    return pairs


def compare(pairs: list[tuple[Usage, Usage]], at_most: float) -> list[Number]:
    """Return CPU and memory of the watch with their limits, and the ratio to the observer before it."""
    return [
        median("CPU of the watch", "% of a core", [new.percent for new, _ in pairs], at_most=at_most),
        median("CPU of the observer before", "% of a core", [old.percent for _, old in pairs]),
        ratio("CPU, watch / before", [(new.percent, old.percent) for new, old in pairs]),
        median("memory of the watch", "MB", [new.memory_mb for new, _ in pairs], at_most=MEMORY_MB),
        median("memory of the observer before", "MB", [old.memory_mb for _, old in pairs]),
    ]


def rest16() -> list[Number]:
    """CPU and memory with 16 workers at rest"""
    with stack(16) as served:
        return compare(slices(served), 0.5)


def rest128() -> list[Number]:
    """CPU and memory with 128 workers at rest"""
    with stack(128) as served:
        return compare(slices(served), 2.0)


def recycle() -> list[Number]:
    """CPU and memory with 32 workers at 20 respawns a second"""
    seconds = 2 * SLICES * (SLICE_S + START_S + 3)
    with stack(**RECYCLE) as served, hammer(served, CLIENTS, seconds, PACE_S):
        time.sleep(2)
        pairs = slices(served)
    new = [one for one, _ in pairs]
    return [
        median("respawns a second", "1/s", [usage.respawns_per_s for pair in pairs for usage in pair], at_least=RATE),
        *compare(pairs, 2.0),
        median("CPU time for each respawn", "ms", [one.percent * 10 / one.respawns_per_s for one in new]),
    ]


def flat() -> list[Number]:
    """memory, counts and alarms over SECONDS of recycling (default 3600)"""
    seconds = float(os.environ.get("SECONDS", "3600"))
    sizes, shares, cpu = [], [], []
    with (
        stack(**RECYCLE) as served,
        hammer(served, CLIENTS, seconds + 20, PACE_S),
        tempfile.TemporaryFile("w+") as output,
    ):
        with watch(served.pid, stdout=output) as process:
            wait_until_watching(output)
            with KernelForks(served.pid) as forks:
                began = time.monotonic()
                while time.monotonic() < began + seconds:
                    time.sleep(SAMPLE_S)
                    sizes.append(rss_mb(process.pid))
                    shares.append(pss_mb(process.pid))
                    cpu.append(cpu_s(process.pid))
                    if len(sizes) % 30 == 0:
                        print(f"{len(sizes) * SAMPLE_S:.0f} s: {sizes[-1]:.2f} MB, {len(forks.pids)} forks", flush=True)
            window_s = time.monotonic() - began
            time.sleep(2)
        output.seek(0)
        rows = changes(output.read())
    sixth = max(1, len(sizes) // 6)
    first, last = statistics.median(sizes[1 : 1 + sixth]), statistics.median(sizes[-sixth:])
    seen = {row["pid"] for row in rows if row["kind"] == "worker_forked"}
    hung = [row for row in rows if row["kind"] in ("worker_hung", "master_hung")]
    return [
        median("length", "s", [window_s]),
        median("respawns", "respawns", [float(len(forks.pids))]),
        median("respawns a second", "1/s", [len(forks.pids) / window_s], at_least=RATE),
        median(
            "respawns that the kernel counted and the watch did not",
            "respawns",
            [float(len(set(forks.pids) - seen))],
            at_most=0.0,
        ),
        median("false alarms", "alarms", [float(len(hung))], at_most=0.0),
        median("CPU of the watch", "% of a core", [(cpu[-1] - cpu[0]) / (SAMPLE_S * max(1, len(cpu) - 1)) * 100]),
        median("memory", "MB", sizes, at_most=MEMORY_MB),
        median("memory, its share of shared pages only (PSS)", "MB", shares),
        median("growth from the first sixth to the last", "MB", [last - first], at_most=1.0),
    ]
