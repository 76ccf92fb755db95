"""Times events -> episodes -> verdict: rows of a run with 16 workers that recycle, in 1e5 and in 1e6 rows."""

from __future__ import annotations

import time

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import judge
from tests.benchmarks.bench_result import Number, median

WHAT = "events -> episodes -> verdict"
SLOTS = 16
ROWS_EACH = 5  # of one recycle


def rows(count: int) -> list[Event]:
    """Return about `count` rows: each worker leaves, ends, is reaped, has a successor, and that one is ready."""
    events = [Event(0, "log", "master", 1)]
    pids = {slot: 100 + slot for slot in range(1, SLOTS + 1)}
    events += [Event(1, "log", "spawned", pid, slot) for slot, pid in pids.items()]
    events += [Event(2, "log", "ready", pid) for pid in pids.values()]
    next_pid, t_ns = 1000, 10
    for number in range(count // ROWS_EACH):
        slot = number % SLOTS + 1
        old, new = pids[slot], next_pid
        next_pid, t_ns, pids[slot] = next_pid + 1, t_ns + 10_000_000, new
        events.append(Event(t_ns, "log", "exit_begun", old))
        events.append(Event(t_ns + 1_000_000, "exits", "exited", old, data={"exit_status": 30}))
        events.append(Event(t_ns + 2_000_000, "log", "reaped", old, slot))
        events.append(Event(t_ns + 2_000_000, "log", "respawned", new, slot))
        events.append(Event(t_ns + 5_000_000, "log", "ready", new))
    return events


def seconds_of(events: list[Event]) -> float:
    """Return the CPU seconds from the rows to the verdict."""
    began_s = time.process_time()
    lifecycle = Lifecycle.of(events)
    lifecycle.episodes()
    judgement = judge(lifecycle, 20, finished=True)
    seconds = time.process_time() - began_s
    if judgement.verdict != "recovers":
        raise AssertionError(judgement)
    return seconds


def measure(*, quick: bool) -> list[Number]:
    """Time both sizes alternately."""
    small_count, big_count, times = (20_000, 200_000, 3) if quick else (100_000, 1_000_000, 3)
    small, big = rows(small_count), rows(big_count)
    seconds = [(seconds_of(small), seconds_of(big)) for _ in range(times)]
    for_a_million = [big_s * 1_000_000 / big_count for _, big_s in seconds]
    small_s, big_s = (min(column) for column in zip(*seconds, strict=True))  # the times that were disturbed least
    growth = [big_s / small_s / (big_count / small_count)]
    return [
        median("CPU seconds for 1e6 rows", "s", for_a_million, at_most=5.0),
        median("growth beyond linear, from a tenth of the rows", "ratio", growth, at_most=2.0 if quick else 1.3),
    ]
