"""Takes a closer look at processes that may be stuck, ten times a second: CPU time, and what each thread waits for.

Each look is a row `state`, from which `stacks.lifecycle.hangs` proves a hang. A process that is proven to hang gets
one look a second. A look only reads /proc, so it does not disturb the process. These processes are looked at:

- a worker that was forked and is not ready;
- a worker that said goodbye and has not ended;
- a master that does not reap a dead worker, that does not react to a trigger, or that outlives its last worker;
- a worker that serves while each of its threads waits for a lock. Such a worker is found once a second: a worker that
  is well has a thread that waits for connections whenever it is idle. In a free-threaded Python the wait of one thread
  may have a timeout, because the thread may wait for the others to stop, for a millisecond at a time.
"""

from __future__ import annotations

from collections.abc import Sequence

from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import OWN_LOCK_WAITS, is_inconclusive
from stacks.observe import proc
from stacks.observe.collectors import Base, Context

MASTER_LATE_S = 1.2  # the master's loop takes up to 1 s, so a master is late only after more than that
PROVEN_EVERY = 10  # only in every tenth look there is a look at a process that is proven to hang: does it move again?
SERVING_EVERY = 10  # only in every tenth look the workers that serve are searched for locked ones


class Collector(Base):
    name = "closer"  # recorded as the source of its rows
    interval_s = 0.1  # four looks within the shortest time that proves a hang, hangs.GIL_BACKTRACE_S

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._look_count = 0
        self._locked: set[int] = set()  # workers that serve while each of their threads waits for a lock
        self._awake: set[int] = set()  # workers that serve and were met between two waits, so that the next look tells

    def sample(self) -> list[Event]:
        lifecycle = self.context.lifecycle
        pids = [*lifecycle.starting(), *lifecycle.leaving()]
        if max(lifecycle.unreaped_s(), lifecycle.pending_trigger_s()) > MASTER_LATE_S:
            pids.append(self.context.master_pid)
        pids += [pid for pid in lifecycle.masters.ending() if pid not in pids]
        serving = set(lifecycle.ready())
        self._locked &= serving
        pids += self._locked
        self._search(serving if self._look_count % SERVING_EVERY == 0 else self._awake & serving)
        self._look_count += 1
        events = [event for pid in pids if self._is_due(pid) and (event := self._look(pid)) is not None]
        # A worker that moves again gets one more row: this row tells the lifecycle that it moves.
        self._locked -= {e.pid for e in events if e.pid in self._locked and self._moves(e)}
        return events

    def _is_due(self, pid: int) -> bool:
        """Return False if nothing can have changed that matters: the process is proven to hang, and was looked at."""
        if pid == self.context.master_pid or self._look_count % PROVEN_EVERY == pid % PROVEN_EVERY:
            return True
        hangs = self.context.lifecycle.hangs
        return (hangs.deadlock(pid) if pid in self._locked else hangs.proof(pid)) is None

    def _search(self, serving: set[int]) -> None:
        """Find the locked ones among workers that serve."""
        tasks = {pid: proc.tasks(pid) for pid in serving}
        self._awake = {pid for pid in serving if self._says_nothing(tasks[pid])}
        self._locked |= {pid for pid in serving if is_locked(tasks[pid], self._timed_waits)}

    @property
    def _timed_waits(self) -> int:
        """How many threads of a locked worker may wait with a timeout."""
        return int(self.context.lifecycle.hangs.is_free_threaded)

    def _moves(self, event: Event) -> bool:
        tasks = event.data["tasks"]
        return not self._says_nothing(tasks) and not is_locked(tasks, self._timed_waits)

    def _says_nothing(self, tasks: Sequence[Sequence[str]] | None) -> bool:
        # A thread that wakes every millisecond is often met between two waits, which does not say that it moves.
        return bool(self._timed_waits) and is_inconclusive([(state, wait) for state, wait in tasks or ()])

    def _look(self, pid: int) -> Event | None:
        stat, tasks = proc.stat(pid), proc.tasks(pid)
        if stat is None or not tasks:
            return None
        return self.event("state", pid, ticks=stat.ticks, switches=proc.voluntary_switches(pid), tasks=tasks)


def is_locked(tasks: Sequence[Sequence[str]] | None, timed_waits: int = 0) -> bool:
    """Return True if every living thread waits for its own process, or is stopped by a debugger at this moment.

    So many threads as `timed_waits` may wait for a lock of the process with a timeout.
    """
    threads = [(state, wait) for state, wait in tasks or () if state != "Z"]
    others = [wait for state, wait in threads if wait not in OWN_LOCK_WAITS and state != "t"]
    return bool(threads) and len(others) <= timed_waits and all(wait == "futex-timed" for wait in others)
