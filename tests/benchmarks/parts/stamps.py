"""Compares what the log and the pidfds tell about respawns with the kernel's process events of the same run.

The pack takes a fork from the kernel's events where the kernel sends them: outside of containers, to root, and since
Linux 6.6 to everybody. Elsewhere it has the log only. perf, where it is installed, is a witness of both.
"""

from __future__ import annotations

import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from stacks.lifecycle.records import Event
from tests.benchmarks.bench_result import Number, Skipped, median
from tests.benchmarks.one_run import loadtest
from tests.benchmarks.traced_forks import traced_forks

WHAT = "respawns captured, and the errors of the time stamps of ends and forks, beside the kernel's process events"
VERSION = "py312-2.0.30.post1"
LIMITED = 16  # workers


def first_ns(events: list[Event], source: str, *kinds: str) -> dict[int, int]:
    """Return pid -> time of its first row of these kinds."""
    found: dict[int, int] = {}
    for event in events:
        if event.source == source and event.kind in kinds:
            found.setdefault(event.pid, event.t_ns)
    return found


def median_error_ms(stamps: dict[int, int], truth: dict[int, int]) -> float:
    """Return how far the stamps are from the true ones, as the median over the pids that both have."""
    return statistics.median(abs(stamps[pid] - truth[pid]) / 1e6 for pid in stamps.keys() & truth.keys())


def measure(*, quick: bool) -> list[Number]:
    """Make runs with 16, 64 and 256 workers; each worker respawns about once a second.

    The limits of the errors are for 16 workers. More workers end and begin at the same moment, and two cores need
    longer to run them all, and the observer among them.
    """
    captured, exit_ms, fork_ms, kernel_ms = [], defaultdict(list), defaultdict(list), []
    for workers in (16,) if quick else (16, 64, 256, 16, 64, 256):
        load = ["--workers", str(workers), "--users", str(2 * workers), "--duration", "4"]
        with tempfile.TemporaryDirectory() as results, traced_forks() as traced:
            run, events = loadtest(Path(results), "threads", VERSION, *load)
        if run["collectors"].get("kernel") != "on":
            raise Skipped(f"the kernel's process events are not there: {run['collectors'].get('kernel')}")
        forks, ends = first_ns(events, "kernel", "forked"), first_ns(events, "kernel", "exited")
        told = first_ns(events, "log", "respawned", "spawned")
        ended = first_ns(events, "exits", "exited")
        if workers == LIMITED and traced.keys() & forks.keys():
            kernel_ms.append(median_error_ms(forks, traced))
        stop_ns = next((event.t_ns for event in events if event.kind == "stop"), events[-1].t_ns)
        before_stop = {pid for pid, t_ns in forks.items() if t_ns < stop_ns}
        captured.append(100 * len(before_stop & set(told)) / len(before_stop))
        exit_ms[workers].append(median_error_ms(ended, ends))
        fork_ms[workers].append(median_error_ms(told, forks))
    numbers = [median("forks of the kernel that the log told", "%", captured, at_least=100.0)]
    for workers in exit_ms:
        exit_limit, fork_limit = ({"at_most": ms} if workers == LIMITED else {} for ms in (0.2, 1.0))
        words = f"p50 of a run with {workers} workers"
        numbers.append(median(f"error of an end by pidfd, {words}", "ms", exit_ms[workers], **exit_limit))
        numbers.append(median(f"error of a fork by the log, {words}", "ms", fork_ms[workers], **fork_limit))
    if kernel_ms:
        words = f"p50 of a run with {LIMITED} workers"
        numbers.append(median(f"error of a fork by the kernel's events, {words}", "ms", kernel_ms, at_most=1.0))
    return numbers
