"""Proves from `state` and `backtrace` rows that a process hangs, and tells such a process from a slow one.

A slow import uses CPU time or waits for a device, a timer or a socket. A deadlocked process uses no CPU time, and
each of its threads waits on a futex. Three such waits are a proof, because nothing can end them:

- Every thread waits on a private futex without a timeout. Only another thread of the same process could wake it, and
  no thread runs.
- The only thread, or each of the threads, waits for the GIL. The thread that owns the GIL does not exist in this
  process.
- In a free-threaded Python one thread waits for the others to stop (`stop_the_world`), and no thread runs. The thread
  that has not stopped does not exist in this process.

Any other lock wait may end by itself, so it counts as a hang only after a minute (PATIENCE_S). For a worker that serves
the rule is stricter: no thread may have begun a wait between two looks. Otherwise the worker may be busy, and the
looks may have met it in a short wait each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from stacks.lifecycle.backtraces import stops_the_world, waits_for_gil, waits_for_lock
from stacks.lifecycle.native_words import native_words, waits_in_words
from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import (
    DEADLOCK_S,
    GIL_WAKES_PER_S,
    LockWait,
    Rest,
    Starvation,
    is_inconclusive,
    living_threads,
)
from stacks.lifecycle.stuck_words import stuck_words
from stacks.lifecycle.thread_looks import ThreadLook

# How long a lock wait must last until it is a proof. Half a second is a hundred of the GIL's 5 ms waits
# (DEFAULT_INTERVAL, Python/ceval_gil.c), so it is no coincidence.
GIL_BACKTRACE_S = 0.3  # the backtrace shows the wait for the GIL
SAME_AS_PROVEN_S = 0.5  # no backtrace, but the waits are those of a worker whose backtrace shows the wait for the GIL
OWN_LOCKS_S = 0.5  # every thread waits without a timeout for another thread of this process
GIL_RATE_S = 1.5  # no backtrace at all, and the only thread wakes as often as a waiter on the GIL
# No backtrace at all, and the only thread of a free-threaded Python wakes as often as one that waits for others to
# stop: twice GIL_RATE_S, because a loop of an app that waits for 1 ms at a time looks alike.
STOP_RATE_S = 3.0
PATIENCE_S = 60.0  # any other lock wait: an import may wait for a lock that another process holds


@dataclass(frozen=True, slots=True)
class Proof:
    """The reason why a process is known to hang, and the moment from which this was certain."""

    since_ns: int
    text: str
    is_stop: bool = False  # a thread waits for another one to stop, which does not exist
    at_exit: bool = False  # a thread waits for the end of another one, as uWSGI's threads do when their worker leaves


@dataclass(slots=True)
class Hangs:
    """What is known about the hang of each process, by pid."""

    _lock_waits: dict[int, LockWait] = field(default_factory=dict)
    _rests: dict[int, Rest] = field(default_factory=dict)
    _starvations: dict[int, Starvation] = field(default_factory=dict)
    _frames: dict[int, list[str]] = field(default_factory=dict)
    _packages: dict[int, dict[str, str]] = field(default_factory=dict)  # of native frames, by their names
    _gil_waiters: dict[int, int] = field(default_factory=dict)  # how many threads wait for the GIL in the backtrace
    _looks: dict[int, ThreadLook] = field(default_factory=dict)  # at the threads of each process
    _frames_ns: dict[int, int] = field(default_factory=dict)  # when the frames were known
    is_free_threaded: bool = False  # uWSGI's log says that this Python can run without the GIL
    _has_proven_stop: bool = False  # the backtrace of a process proves that it waits for a thread that cannot stop

    def add_state(self, event: Event) -> None:
        """Take a `state` row in (`stillness` describes its values)."""
        pid = event.pid
        self._starvations.setdefault(pid, Starvation()).add(event)
        rest = self._rests.get(pid)
        if rest is not None and rest.includes(event):
            rest.extend(event)
        else:
            self._rests[pid] = Rest.begin(event)
        threads = living_threads(event)
        if is_inconclusive(threads):
            return
        waits = sorted(wait for _, wait in threads)
        lock_wait = self._lock_waits.get(pid)
        is_locked = bool(waits) and all(wait.startswith("futex") for wait in waits)
        if not is_locked or (lock_wait is not None and not lock_wait.includes(event, waits)):
            self._lock_waits.pop(pid, None)
        elif lock_wait is None:
            self._lock_waits[pid] = LockWait.begin(event, waits)
        else:
            lock_wait.extend(event)
            self._has_proven_stop |= lock_wait.elapsed_s >= GIL_BACKTRACE_S and self._is_in_stop(pid, lock_wait)

    def add_backtrace(self, event: Event) -> None:
        """Take a `backtrace` row in: `frames` are those of one thread, innermost first, or empty if it failed."""
        if event.data.get("frames"):
            self._frames[event.pid] = list(event.data["frames"])
            self._packages[event.pid] = dict(event.data.get("packages", {}))
            self._frames_ns[event.pid] = event.t_ns
            self._gil_waiters[event.pid] = event.data.get("gil_waiters", 0)

    def mark_free_threaded(self, _event: Event) -> None:
        """Take a `free_threaded` row in: this Python is built to run without the GIL."""
        self.is_free_threaded = True

    def add_look(self, look: ThreadLook) -> None:
        """Take a look at the threads of a process in. It names what a proven hang waits for, and proves none."""
        if not look.reason or look.is_stuck:
            self._looks[look.pid] = look

    def forget(self, pid: int) -> None:
        """Drop everything about `pid`, because a new process has this pid now."""
        self.end_stillness(pid)
        self._starvations.pop(pid, None)
        self._looks.pop(pid, None)
        self._frames.pop(pid, None)
        self._packages.pop(pid, None)
        self._frames_ns.pop(pid, None)
        self._gil_waiters.pop(pid, None)

    def end_stillness(self, pid: int) -> None:
        """Note that `pid` did something, so that its lock wait and its rest are over."""
        self._lock_waits.pop(pid, None)
        self._rests.pop(pid, None)

    def proof(self, pid: int) -> Proof | None:
        """Return the proof that `pid`, which should start or end, hangs; None if it may be slow.

        For a worker that serves, `deadlock` is the question to ask.
        """
        lock_wait = self._lock_waits.get(pid)
        if lock_wait is None:
            return None
        stop = self._stop(pid, lock_wait)
        if stop is not None:
            need_s, text = stop
        elif len(lock_wait.waits) == 1 and waits_for_gil(self._frames.get(pid, ())):
            need_s, text = GIL_BACKTRACE_S, "its only thread waits for the GIL, whose owner was left behind at the fork"
        elif 1 < len(lock_wait.waits) == self._gil_waiters.get(pid) and not self.is_free_threaded:
            need_s, text = GIL_BACKTRACE_S, "each of its threads waits for the GIL, which none of them has"
        elif self._is_like_proven(lock_wait):
            need_s, text = SAME_AS_PROVEN_S, "its only thread wakes at the GIL's rate, like the worker in the backtrace"
        elif lock_wait.waits_for_own_locks:
            need_s, text = OWN_LOCKS_S, "every thread waits for ever on a lock of this process"
        elif lock_wait.has_gil_rate:
            need_s = GIL_RATE_S
            text = f"its only thread wakes {lock_wait.wakes_per_s:.0f} times a second, as GIL waits do"
        else:
            need_s, text = PATIENCE_S, f"no CPU used and nothing but lock waits for {PATIENCE_S:.0f} s"
        if lock_wait.elapsed_s < need_s:
            return None
        return Proof(lock_wait.first_ns + int(need_s * 1e9), text, is_stop=stop is not None)

    def deadlock(self, pid: int) -> Proof | None:
        """Return the proof that the serving worker `pid` will not answer any more, or None."""
        lock_wait = self._lock_waits.get(pid)
        if lock_wait is None:
            return None
        stop = self._stop(pid, lock_wait)
        # A request may wait for 1 ms at a time for something else, so the rate alone is no proof here.
        if stop is not None and stop[0] < DEADLOCK_S <= lock_wait.elapsed_s:
            return Proof(lock_wait.first_ns + int(DEADLOCK_S * 1e9), stop[1], is_stop=True)
        if lock_wait.deadlock_ns is None:
            return None
        text = "every thread waits for ever on a lock of this process"
        return Proof(lock_wait.deadlock_ns, text, at_exit="futex-join" in lock_wait.waits)

    def is_still(self, pid: int, seconds: float) -> bool:
        """Return True if `pid` has waited for locks, and used no CPU time, for at least so many seconds."""
        lock_wait = self._lock_waits.get(pid)
        return lock_wait is not None and lock_wait.elapsed_s >= seconds

    def rest_s(self, pid: int) -> float:
        """Return for how many seconds `pid` has neither run nor begun a wait; its threads may wait for anything."""
        rest = self._rests.get(pid)
        return rest.elapsed_s if rest is not None else 0.0

    def starved_s(self, pid: int) -> float:
        """Return for how many seconds `pid` was ready to run, and got no CPU time, as far as looks at it tell."""
        starvation = self._starvations.get(pid)
        return starvation.seconds if starvation is not None else 0.0

    def waits_for_events(self, pid: int) -> bool:
        """Return True if a thread of `pid`, which rests, waits for events, as an idle process does."""
        rest = self._rests.get(pid)
        return rest is not None and any("epoll" in wait or wait == "ep_poll" for wait in rest.waits)

    def has_backtrace(self, pid: int) -> bool:
        """Return True if the backtrace of `pid` is known."""
        return pid in self._frames

    def still(self, pids: Iterable[int]) -> list[int]:
        """Return those of `pids` that have stood still for so long that a look at their threads is worth its time."""
        return [pid for pid in pids if self.is_still(pid, GIL_BACKTRACE_S)]

    def suspects(self, pids: Iterable[int]) -> list[int]:
        """Return those of `pids` that stand still and have no proof yet, so that a backtrace is worth its time."""
        return [
            pid
            for pid in self.still(pids)
            if pid not in self._frames and not self._is_like_proven(self._lock_waits[pid])
        ]

    def stopping(self, pids: Iterable[int]) -> list[int]:
        """Return those of `pids` that seem to wait for others to stop, so that a backtrace is worth its time."""
        suspects = self.suspects(pids) if self.is_free_threaded else []
        return [pid for pid in suspects if self.is_still(pid, OWN_LOCKS_S) and self._lock_waits[pid].has_stop_rate]

    def _is_like_proven(self, lock_wait: LockWait) -> bool:
        if lock_wait.has_stop_rate and self._has_proven_stop:
            return True
        return lock_wait.has_gil_rate and any(map(waits_for_gil, self._frames.values()))

    def _is_in_stop(self, pid: int, lock_wait: LockWait) -> bool:
        """Return True if the backtrace shows that `pid` waits for others to stop, in this wait and still.

        Others stop within milliseconds. So the backtrace counts only for the wait in which it was taken, and only while
        the thread wakes again and again.
        """
        is_in_wait = self._frames_ns.get(pid, 0) >= lock_wait.first_ns and stops_the_world(self._frames.get(pid, ()))
        return is_in_wait and lock_wait.has_one_timed_wait and lock_wait.wakes_per_s >= GIL_WAKES_PER_S[0]

    def _stop(self, pid: int, lock_wait: LockWait) -> tuple[float, str] | None:
        """Return how long `pid` must wait until it is proven to wait for a thread that cannot stop, with the text.

        Return None if it does not wait for others to stop, as far as is known.
        """
        if self._is_in_stop(pid, lock_wait):
            text = "it waits for a thread to stop that was left behind at the fork, and no thread of it runs"
            return GIL_BACKTRACE_S, text
        if lock_wait.has_stop_rate and self._has_proven_stop:
            return SAME_AS_PROVEN_S, "it wakes every millisecond, like the worker in the backtrace"
        if waits_for_gil(self._frames.get(pid, ())) or self._is_like_proven(lock_wait):
            return None
        is_single = len(lock_wait.waits) == 1
        if self.is_free_threaded and is_single and (lock_wait.has_stop_rate or lock_wait.has_gil_rate):
            # On a machine that is short of CPU time it wakes less often, so this may be a wait for the GIL as well.
            rate = f"{lock_wait.wakes_per_s:.0f} times a second"
            need_s = GIL_RATE_S if lock_wait.has_gil_rate else STOP_RATE_S
            return need_s, f"its only thread wakes {rate}, as one does that waits for others to stop"
        return None

    def evidence(self, pids: Iterable[int | None]) -> str | None:
        """Return one line about the first of `pids` of which the most is known; None if nothing is.

        The Python threads come first, because they name a line of the app: of the first process that has a look. Then
        comes the backtrace of the first process that has one, otherwise the waits of the first that stands still.
        """
        processes = [pid for pid in pids if pid is not None]
        words = next(filter(None, map(self._python_words, processes)), "")
        traced = [native_words(self._frames[pid], self._packages[pid]) for pid in processes if pid in self._frames]
        waits = [waits_in_words(self._lock_waits[pid]) for pid in processes if pid in self._lock_waits]
        native = next(iter(traced + waits), "")
        return "; ".join(filter(None, (words, native))) if words or traced or waits else None

    def _python_words(self, pid: int) -> str:
        """Return what the look at the Python threads of a stuck worker says; '' without one.

        py-spy does not know a Python that runs without the GIL, so its words about an owner would be wrong there.
        """
        look = self._looks.get(pid)
        if look is None or not look.is_stuck or self.is_free_threaded:
            return ""
        lock_wait = self._lock_waits.get(pid)
        frames = self._frames.get(pid, ())
        is_gil = waits_for_gil(frames) or (lock_wait is not None and lock_wait.has_gil_rate)
        return stuck_words(look, self._looks.get(look.parent), is_gil or (False if waits_for_lock(frames) else None))
