"""Builds lifecycle rows by hand for the tests of `stacks`. All times are seconds after BEGIN_NS."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.lifecycle.verdict import Judgement, judge

BEGIN_NS = 5_000_000_000_000  # the machine has been up for a while
MASTER = 900
GIL = ["__futex_abstimed_wait_common", "take_gil", "PyEval_RestoreThread", "uwsgi_python_master_fixup"]
GIL_RATE = 195  # wakes a second, as measured on an idle machine


def at(seconds: float) -> int:
    """Return the monotonic time (ns) at `seconds` after BEGIN_NS."""
    return BEGIN_NS + round(seconds * 1e9)


def row(t: float, kind: str, pid: int = 0, slot: int = 0, source: str = "log", **data: Any) -> Event:
    return Event(at(t), source, kind, pid, slot, data)


def generation(*pids: int, t: float = 0.0, ready: bool = True) -> list[Event]:
    """The rows of the master and of its first workers, one in each slot."""
    rows = [row(t, "master", MASTER)]
    rows += [row(t, "spawned", pid, slot) for slot, pid in enumerate(pids, start=1)]
    return rows + [row(t + 0.05, "ready", pid) for pid in pids if ready]


def leave(pid: int, t: float) -> list[Event]:
    """A worker says goodbye at t and ends 7 ms later."""
    return [row(t, "exit_begun", pid), row(t + 0.007, "exited", pid, source="exits")]


def respawn(slot: int, old: int, new: int, t: float, *, ready: bool = True) -> list[Event]:
    """`old` leaves at t, and `new` is forked half a second later."""
    rows = [*leave(old, t), row(t + 0.5, "reaped", old, slot), row(t + 0.5, "respawned", new, slot)]
    return [*rows, row(t + 0.52, "ready", new)] if ready else rows


def looks(
    pid: int,
    begin: float,
    end: float,
    *waits: str,
    wakes_per_s: float = 0.0,
    ticks_per_s: float = 0.0,
    state: str = "S",
    every: float = 0.1,
) -> list[Event]:
    """The `state` rows of `pid` from begin to end, `every` seconds one. Its threads wait for `waits`."""
    tasks = [[state, wait] for wait in waits]
    steps = round((end - begin) / every)
    return [
        row(
            begin + i * every,
            "state",
            pid,
            source="closer",
            ticks=int(i * every * ticks_per_s),
            switches=int(i * every * wakes_per_s),
            tasks=tasks,
        )
        for i in range(steps + 1)
    ]


def backtrace(pid: int, t: float, frames: list[str] | None = None) -> Event:
    """A backtrace row; without `frames` it shows a wait for the GIL."""
    return row(t, "backtrace", pid, source="backtrace", frames=GIL if frames is None else frames)


def hang(pid: int, t: float, seconds: float = 0.6) -> list[Event]:
    """The rows of a process that waits for the GIL, and the backtrace that shows it."""
    return [*looks(pid, t, t + seconds, "futex-timed", wakes_per_s=GIL_RATE), backtrace(pid, t + seconds)]


def healthy(respawns: int, slot: int = 1) -> list[Event]:
    """The rows of one slot that recycles once a second and becomes ready each time."""
    rows = generation(100)
    for i in range(respawns):
        rows += respawn(slot, 100 + i, 101 + i, 1.0 + i)
    return rows


def lifecycle(*parts: Event | Iterable[Event]) -> Lifecycle:
    """Build the lifecycle of rows and lists of rows, in the given order."""
    rows: list[Event] = []
    for part in parts:
        rows += [part] if isinstance(part, Event) else part
    return Lifecycle.of(rows)


def judged(*parts: Event | Iterable[Event], wanted: int = 1, finished: bool = True) -> Judgement:
    """Judge the lifecycle of rows and lists of rows."""
    return judge(lifecycle(*parts), wanted, finished=finished)
