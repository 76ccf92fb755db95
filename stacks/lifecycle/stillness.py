"""How a deadlock is told from slowness: a process in which nobody is left who could wake anybody.

A slow import burns CPU or waits for a device, a timer or a socket; a deadlocked process uses no
CPU and each of its threads waits on a futex. What makes that a proof is who could end the wait:

- every thread waits on a private futex without a timeout: only another thread of the same
  process could wake it, and there is none that runs;
- the only thread waits for the GIL: its owner does not exist in this process.

Everything else may be patience, and gets a minute of it. A worker that serves is held to more: between two
looks none of its threads may have begun a wait, or it might have been busy and caught twice at the wrong moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from stacks.lifecycle.records import Event

# How long the stillness must have lasted, by what else is known. Half a second is a hundred of
# the GIL's 5 ms waits (DEFAULT_INTERVAL, Python/ceval_gil.c), so chance is no explanation.
PROVEN_S = 0.3  # a backtrace shows the GIL wait
SAME_S = 0.5  # untimed private futexes, or like a worker of this run whose backtrace shows it
PATTERN_S = 1.5  # no backtrace to be had; one thread that wakes at the GIL's own rate
PATIENCE_S = 60.0  # an import may wait for a lock that another process holds
DEADLOCK_S = 1.0  # in a worker that serves: not one wait begun, where a request begins several
LOOP_S = 5.0  # a master whose loop turns once a second (core/master.c) has missed five turns
LOOP_WAITS = 2  # waits that it may begin meanwhile: a debugger's stop counts as one or two

# A waiter on the GIL wakes every 5 ms, 200 times a second at most; 195 was measured idle.
GIL_WAKES_PER_S = (40.0, 260.0)
# Clock ticks that count as none: one tick of 10 ms, and of the waking itself 3 % of the time
# (200 wakes a second were measured at 0.1 to 0.6 % idle, and more where threads fight for the cores).
TICK_ALLOWANCE = 1
TICK_SHARE = 3.0  # ticks a second, of 100

# Waits that only another thread of the same process could end.
FOREVER = frozenset({"futex", "futex-join"})
GIL_FRAMES = frozenset({"take_gil", "PyEval_RestoreThread", "_PyThreadState_Attach", "PyEval_AcquireThread"})
# What the C library, CPython's locks and its calling of functions add around the frames that say something.
_NOISE = (
    *("__", "??", "do_", "futex", "pthread", "sem_", "lll_", "PyCOND", "PyThread_", "_PySemaphore", "acquire_timed"),
    *("lock_", "method_vectorcall", "cfunction_", "_PyObject_", "PyObject_", "_PyEval_", "PyEval_Eval", "_PyFunction"),
)
EVIDENCE_FRAMES = 4


@dataclass(frozen=True, slots=True)
class Proof:
    """Why a process is held to be stuck, and from which moment on that was certain."""

    since_ns: int
    text: str
    at_exit: bool = False  # a thread waits for the end of another, as uWSGI's do when their worker leaves


@dataclass(slots=True)
class _Watch:
    first_ns: int
    first_ticks: int
    first_switches: int
    last_ns: int
    last_switches: int
    waits: list[str]
    unmoved_ns: int  # since when no thread has begun a wait
    deadlock_ns: int | None = None  # proven; a debugger that comes later does not undo it

    @property
    def elapsed_s(self) -> float:
        return (self.last_ns - self.first_ns) / 1e9

    @property
    def wakes_per_s(self) -> float:
        return (self.last_switches - self.first_switches) / self.elapsed_s if self.elapsed_s > 0 else 0.0


@dataclass(slots=True)
class _Rest:
    """Since when a process has neither run nor begun a wait, whatever it waits for."""

    first_ns: int
    ticks: int
    switches: int
    last_ns: int


@dataclass(slots=True)
class Stillness:
    """Per process: since when nothing has moved in it, and what its backtrace shows."""

    _watches: dict[int, _Watch] = field(default_factory=dict)
    _rests: dict[int, _Rest] = field(default_factory=dict)
    _frames: dict[int, list[str]] = field(default_factory=dict)

    def forget(self, pid: int) -> None:
        """A new process has this pid: what was known of the old one is void."""
        self.moved(pid)
        self._frames.pop(pid, None)

    def moved(self, pid: int) -> None:
        """It did something: whatever stood still before is over."""
        self._watches.pop(pid, None)
        self._rests.pop(pid, None)

    def sample(self, event: Event) -> None:
        """A `state` row: ticks (clock ticks), switches (voluntary), tasks ([state, wait] a thread)."""
        pid, data = event.pid, event.data
        self._rest(event)
        alive = [(state, wait) for state, wait in data["tasks"] if state != "Z"]
        if any(state in "tTR" or wait in ("running", "?") for state, wait in alive):
            # Held by a debugger, or caught awake between two waits: says nothing, CPU time will.
            return
        watch = self._watches.get(pid)
        waits = sorted(wait for _, wait in alive)
        still = bool(alive) and all(wait.startswith("futex") for _, wait in alive)
        if watch is not None and still:
            allowed = TICK_ALLOWANCE + TICK_SHARE * (event.t_ns - watch.first_ns) / 1e9
            still = data["ticks"] - watch.first_ticks <= allowed and waits == watch.waits
        if not still:
            self._watches.pop(pid, None)
        elif watch is None:
            self._watches[pid] = _Watch(
                event.t_ns, data["ticks"], data["switches"], event.t_ns, data["switches"], waits, event.t_ns
            )
        else:
            if data["switches"] != watch.last_switches:
                watch.unmoved_ns = event.t_ns
            watch.last_ns, watch.last_switches = event.t_ns, data["switches"]
            certain_ns = watch.unmoved_ns + int(DEADLOCK_S * 1e9)
            if watch.deadlock_ns is None and event.t_ns >= certain_ns and FOREVER.issuperset(waits):
                watch.deadlock_ns = certain_ns

    def _rest(self, event: Event) -> None:
        rest, data = self._rests.get(event.pid), event.data
        if (
            rest is not None
            and data["switches"] - rest.switches <= LOOP_WAITS
            and data["ticks"] - rest.ticks <= TICK_ALLOWANCE
            and not any(state == "R" for state, _ in data["tasks"])
        ):
            rest.last_ns = event.t_ns
        else:
            self._rests[event.pid] = _Rest(event.t_ns, data["ticks"], data["switches"], event.t_ns)

    def rested_s(self, pid: int) -> float:
        """How long `pid` has neither run nor begun a wait, whatever it waits for."""
        rest = self._rests.get(pid)
        return (rest.last_ns - rest.first_ns) / 1e9 if rest is not None else 0.0

    def deadlock(self, pid: int) -> Proof | None:
        """Why `pid`, which serves, will not answer any more, or None."""
        watch = self._watches.get(pid)
        if watch is None or watch.deadlock_ns is None:
            return None
        text = "every thread waits for ever on a lock of this process"
        return Proof(watch.deadlock_ns, text, at_exit="futex-join" in watch.waits)

    def backtrace(self, event: Event) -> None:
        """A `backtrace` row: frames (function names, innermost first) of the only or main thread."""
        if event.data.get("frames"):
            self._frames[event.pid] = list(event.data["frames"])

    def has_frames(self, pid: int) -> bool:
        """Whether its backtrace is known."""
        return pid in self._frames

    def is_still(self, pid: int, seconds: float) -> bool:
        """Whether nothing has moved in `pid` for so long."""
        watch = self._watches.get(pid)
        return watch is not None and watch.elapsed_s >= seconds

    def suspects(self, pids: Iterable[int]) -> list[int]:
        """Those of `pids` whose backtrace is worth taking: still, and not proven without it."""
        return [p for p in pids if self.is_still(p, PROVEN_S) and p not in self._frames and not self._is_like_proven(p)]

    def _waits_for_gil(self, pid: int) -> bool:
        return bool(GIL_FRAMES.intersection(self._frames.get(pid, ())))

    def _has_gil_rate(self, watch: _Watch) -> bool:
        low, high = GIL_WAKES_PER_S
        return watch.waits in (["futex-timed"], ["futex"]) and low <= watch.wakes_per_s <= high

    def _is_like_proven(self, pid: int) -> bool:
        watch = self._watches.get(pid)
        return watch is not None and self._has_gil_rate(watch) and any(map(self._waits_for_gil, self._frames))

    def proof(self, pid: int) -> Proof | None:
        """Why `pid` is stuck, or None while it may only be slow."""
        watch = self._watches.get(pid)
        if watch is None:
            return None
        if len(watch.waits) == 1 and self._waits_for_gil(pid):
            need_s, text = PROVEN_S, "its only thread waits for the GIL, whose owner was left behind at the fork"
        elif self._is_like_proven(pid):
            need_s, text = SAME_S, "its only thread wakes at the GIL's rate, like the worker in the backtrace"
        elif FOREVER.issuperset(watch.waits):
            need_s, text = SAME_S, "every thread waits for ever on a lock of this process"
        elif self._has_gil_rate(watch):
            need_s, text = PATTERN_S, f"its only thread wakes {watch.wakes_per_s:.0f} times a second, as GIL waits do"
        else:
            need_s, text = PATIENCE_S, f"no CPU used and nothing but lock waits for {PATIENCE_S:.0f} s"
        if watch.elapsed_s < need_s:
            return None
        return Proof(watch.first_ns + int(need_s * 1e9), text)

    def evidence(self, pids: Iterable[int | None]) -> str | None:
        """One line for the first of `pids` that has a backtrace, else what its waits look like."""
        known = [pid for pid in pids if pid is not None]
        for pid in known:
            if pid in self._frames:
                return " <- ".join(telling_frames(self._frames[pid]))
        for pid in known:
            watch = self._watches.get(pid)
            if watch is not None:
                return (
                    f"{len(watch.waits)} thread(s) in {', '.join(sorted(set(watch.waits)))}, no CPU time in "
                    f"{watch.elapsed_s:.1f} s, {watch.wakes_per_s:.0f} wakes/s (no backtrace: no gdb, or not permitted)"
                )
        return None


def telling_frames(frames: list[Any]) -> list[str]:
    """The first frames that say what is waited for, without the C library's own."""
    telling = [name for name in frames if not name.startswith(_NOISE)]
    return telling[:EVIDENCE_FRAMES]
