"""Times events -> episodes -> verdict: rows of a run with 16 workers that recycle, in 1e5, 1e6 and 1e7 rows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import judge
from tests.benchmarks.bench_result import Number, median

WHAT = "events -> episodes -> verdict"
SLOTS = 16
ROWS_EACH = 5  # of one recycle


def rows(count: int) -> Iterator[Event]:
    """Yield about `count` rows: each worker leaves, ends, is reaped, has a successor, and that one is ready."""
    yield Event(0, "log", "master", 1)
    pids = {slot: 100 + slot for slot in range(1, SLOTS + 1)}
    yield from (Event(1, "log", "spawned", pid, slot) for slot, pid in pids.items())
    yield from (Event(2, "log", "ready", pid) for pid in pids.values())
    next_pid, t_ns = 1000, 10
    for number in range(count // ROWS_EACH):
        slot = number % SLOTS + 1
        old, new = pids[slot], next_pid
        next_pid, t_ns, pids[slot] = next_pid + 1, t_ns + 10_000_000, new
        yield Event(t_ns, "log", "exit_begun", old)
        yield Event(t_ns + 1_000_000, "exits", "exited", old, data={"exit_status": 30})
        yield Event(t_ns + 2_000_000, "log", "reaped", old, slot)
        yield Event(t_ns + 2_000_000, "log", "respawned", new, slot)
        yield Event(t_ns + 5_000_000, "log", "ready", new)


def seconds_of(count: int) -> float:
    """Return the CPU seconds from so many rows to the verdict, without those that make the rows."""
    began_s = time.process_time()
    deque(rows(count), maxlen=0)
    made_s = time.process_time()
    lifecycle = Lifecycle.of(rows(count))
    lifecycle.episodes()
    judgement = judge(lifecycle, 20, finished=True)
    seconds = time.process_time() - made_s - (made_s - began_s)
    if judgement.verdict != "recovers":
        raise AssertionError(judgement)
    return seconds


def compare(small: int, big: int) -> tuple[float, float]:
    """Return the CPU seconds of `big` rows, and their ratio to the same number of rows in runs of `small` rows.

    Half of the small runs come before the big one and half after it. Both take as long, so a CPU whose speed drifts
    disturbs both alike.
    """
    each = big // small // 2
    before_s = sum(seconds_of(small) for _ in range(each))
    big_s = seconds_of(big)
    after_s = sum(seconds_of(small) for _ in range(each))
    return big_s, big_s / (before_s + after_s)


def measure(*, quick: bool) -> list[Number]:
    """Compare each size with a tenth of it: the smaller ones three times, the largest one once."""
    small, big, times = (20_000, 200_000, 3) if quick else (100_000, 1_000_000, 3)
    seconds, growth = zip(*(compare(small, big) for _ in range(times)), strict=True)
    most = 2.0 if quick else 1.3
    numbers = [
        median("CPU seconds for 1e6 rows", "s", [one_s * 1_000_000 / big for one_s in seconds], at_most=5.0),
        median("growth beyond linear, from a tenth of the rows", "ratio", growth, at_most=most),
    ]
    if not quick:
        _, ratio = compare(big, 10 * big)
        numbers.append(median("growth beyond linear, from 1e6 to 1e7 rows", "ratio", [ratio], at_most=most))
    return numbers
