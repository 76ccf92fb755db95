"""Measures how long a process has not moved, from its `state` rows: CPU time, voluntary switches, waits of its threads.

Such a row holds `ticks` (clock ticks of CPU time since the process began), `switches` (how often its threads have
begun to wait, added up) and `tasks` ([state, wait] for each thread; `stacks.observe.waits` lists the words of a wait).
`hangs` decides which of these stretches prove a hang.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stacks.lifecycle.records import Event

# Waits without a timeout that only another thread of the same process can end: for its lock, or for its end (join).
OWN_LOCK_WAITS = frozenset({"futex", "futex-join"})
# A worker that serves is deadlocked if no thread has begun a wait for this long: one request begins several.
DEADLOCK_S = 1.0

# A waiter on the GIL wakes every 5 ms, so 200 times a second at most; 195 times were measured on an idle machine.
GIL_WAKES_PER_S = (40.0, 260.0)
# A thread that waits for others of a free-threaded Python to stop wakes every millisecond (Python/pystate.c,
# stop_the_world): 825 to 892 times a second were measured, on an idle machine and beside four busy processes.
STOP_WAKES_PER_S = (GIL_WAKES_PER_S[1], 1100.0)
# CPU time that counts as none, in clock ticks of 10 ms: one tick, and 3 ticks a second (3 %) for the waking itself.
# 200 wakes a second used 0.1 to 0.6 % of an idle core, and more where threads fight for the cores.
TICK_ALLOWANCE = 1
TICKS_ALLOWED_PER_S = 3.0
# Switches that do not end a rest: the stop by a debugger counts as one or two.
SWITCHES_ALLOWED = 2
NEAR_S = 5.0  # two looks that are further apart do not tell what a process did between them


def living_threads(event: Event) -> list[tuple[str, str]]:
    """Return (state, wait) of each thread in a `state` row that is not a zombie."""
    return [(state, wait) for state, wait in event.data["tasks"] if state != "Z"]


def is_inconclusive(threads: list[tuple[str, str]]) -> bool:
    """Return True if the look says nothing: a debugger holds a thread, or a thread was awake between two waits.

    A thread that really works shows this by its CPU time in a later row.
    """
    return any(state in "tTR" or wait in ("running", "?") for state, wait in threads)


@dataclass(slots=True)
class LockWait:
    """A stretch of time in which every thread of a process waits for a lock and the process uses no CPU time."""

    first_ns: int
    first_ticks: int
    first_switches: int
    last_ns: int
    last_switches: int
    waits: list[str]  # of the living threads, sorted
    unmoved_ns: int  # since then no thread has begun a wait
    deadlock_ns: int | None = None  # from then on a deadlock is certain, even if a debugger stops a thread later

    @classmethod
    def begin(cls, event: Event, waits: list[str]) -> LockWait:
        """Begin a stretch with one `state` row."""
        ticks, switches = event.data["ticks"], event.data["switches"]
        return cls(event.t_ns, ticks, switches, event.t_ns, switches, waits, event.t_ns)

    def includes(self, event: Event, waits: list[str]) -> bool:
        """Return True if the process has not moved since the stretch began."""
        allowed = TICK_ALLOWANCE + TICKS_ALLOWED_PER_S * (event.t_ns - self.first_ns) / 1e9
        return bool(event.data["ticks"] - self.first_ticks <= allowed and waits == self.waits)

    def extend(self, event: Event) -> None:
        """Add a row that the stretch includes."""
        if event.data["switches"] != self.last_switches:
            self.unmoved_ns = event.t_ns
        self.last_ns, self.last_switches = event.t_ns, event.data["switches"]
        certain_ns = self.unmoved_ns + int(DEADLOCK_S * 1e9)
        if self.deadlock_ns is None and event.t_ns >= certain_ns and self.waits_for_own_locks:
            self.deadlock_ns = certain_ns

    @property
    def elapsed_s(self) -> float:
        """The length of the stretch."""
        return (self.last_ns - self.first_ns) / 1e9

    @property
    def wakes_per_s(self) -> float:
        """How often the threads have begun to wait, on average."""
        return (self.last_switches - self.first_switches) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def waits_for_own_locks(self) -> bool:
        """True if only another thread of the same process could end any of the waits."""
        return OWN_LOCK_WAITS.issuperset(self.waits)

    @property
    def has_gil_rate(self) -> bool:
        """True if the process has one thread and it wakes as often as a waiter on the GIL."""
        low, high = GIL_WAKES_PER_S
        return self.waits in (["futex-timed"], ["futex"]) and low <= self.wakes_per_s <= high

    @property
    def has_one_timed_wait(self) -> bool:
        """True if one thread waits with a timeout, and the others, if any, can be woken by it only."""
        others = [wait for wait in self.waits if wait != "futex-timed"]
        return len(others) == len(self.waits) - 1 and OWN_LOCK_WAITS.issuperset(others)

    @property
    def has_stop_rate(self) -> bool:
        """True if one thread wakes as often as a thread that waits for others of a free-threaded Python to stop."""
        low, high = STOP_WAKES_PER_S
        return self.has_one_timed_wait and low <= self.wakes_per_s <= high


@dataclass(slots=True)
class Rest:
    """A stretch of time in which a process neither runs nor begins a wait, no matter what its threads wait for."""

    first_ns: int
    ticks: int
    switches: int
    last_ns: int
    waits: frozenset[str]  # of its threads, in the newest row that is conclusive or shows a stop by a signal

    @classmethod
    def begin(cls, event: Event) -> Rest:
        """Begin a stretch with one `state` row."""
        return cls(event.t_ns, event.data["ticks"], event.data["switches"], event.t_ns, _waits(event))

    def includes(self, event: Event) -> bool:
        """Return True if the process has not moved since the stretch began."""
        data: dict[str, Any] = event.data
        return (
            data["switches"] - self.switches <= SWITCHES_ALLOWED
            and data["ticks"] - self.ticks <= TICK_ALLOWANCE
            and not any(state == "R" for state, _ in data["tasks"])
        )

    def extend(self, event: Event) -> None:
        """Add a row that the stretch includes."""
        self.last_ns = event.t_ns
        threads = living_threads(event)
        is_stopped = any(state == "T" for state, _ in threads)  # by a signal
        if is_stopped or not is_inconclusive(threads):
            self.waits = _waits(event)

    @property
    def elapsed_s(self) -> float:
        """The length of the stretch."""
        return (self.last_ns - self.first_ns) / 1e9


@dataclass(slots=True)
class Starvation:
    """How long a process was ready to run and got no CPU time, as on a machine with more work than CPUs."""

    seconds: float = 0.0
    _ready: tuple[int, int] | None = None  # time and CPU time of the newest look, if the process was ready to run

    def add(self, event: Event) -> None:
        """Take a `state` row in: the time between two looks counts if the process was ready to run in both."""
        t_ns, ticks = event.t_ns, event.data["ticks"]
        is_ready = any(state == "R" for state, _ in event.data["tasks"])
        if is_ready and self._ready is not None and ticks - self._ready[1] <= TICK_ALLOWANCE:
            between_s = (t_ns - self._ready[0]) / 1e9
            self.seconds += between_s if between_s <= NEAR_S else 0.0
        self._ready = (t_ns, ticks) if is_ready else None


def _waits(event: Event) -> frozenset[str]:
    return frozenset(wait for _, wait in event.data["tasks"])
