"""Takes a closer look at processes that may be stuck, ten times a second: CPU time, and what each thread waits for.

Each look is a row `state`, from which `stacks.lifecycle.hangs` proves a hang. A look only reads /proc, so it does not
disturb the process. These processes are looked at:

- a worker that was forked and is not ready;
- a worker that said goodbye and has not ended;
- a master that does not reap a dead worker, or that does not react to a trigger;
- a worker that serves while each of its threads waits for a lock. Such a worker is found once a second: a worker that
  is well has a thread that waits for connections whenever it is idle.
"""

from __future__ import annotations

from collections.abc import Sequence

from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import OWN_LOCK_WAITS
from stacks.observe import proc
from stacks.observe.collectors import Base, Context

MASTER_LATE_S = 1.2  # the master's loop takes up to 1 s, so a master is late only after more than that
SERVING_EVERY = 10  # only in every tenth look the workers that serve are searched for locked ones


class Collector(Base):
    name = "closer"  # recorded as the source of its rows
    interval_s = 0.1  # four looks within the shortest time that proves a hang, hangs.GIL_BACKTRACE_S

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._look_count = 0
        self._locked: set[int] = set()  # workers that serve while each of their threads waits for a lock

    def sample(self) -> list[Event]:
        lifecycle = self.context.lifecycle
        pids = [*lifecycle.starting(), *lifecycle.leaving()]
        if max(lifecycle.unreaped_s(), lifecycle.pending_trigger_s()) > MASTER_LATE_S:
            pids.append(self.context.master_pid)
        serving = set(lifecycle.ready())
        self._locked &= serving
        pids += self._locked
        if self._look_count % SERVING_EVERY == 0:
            self._locked |= {pid for pid in serving if is_locked(proc.tasks(pid))}
        self._look_count += 1
        events = [event for pid in pids if (event := self._look(pid)) is not None]
        # A worker that moves again gets one more row: this row tells the lifecycle that it moves.
        self._locked -= {e.pid for e in events if e.pid in self._locked and not is_locked(e.data["tasks"])}
        return events

    def _look(self, pid: int) -> Event | None:
        stat, tasks = proc.stat(pid), proc.tasks(pid)
        if stat is None or not tasks:
            return None
        return self.event("state", pid, ticks=stat.ticks, switches=proc.voluntary_switches(pid), tasks=tasks)


def is_locked(tasks: Sequence[Sequence[str]] | None) -> bool:
    """Return True if every living thread waits for its own process, or is stopped by a debugger at this moment."""
    threads = [(state, wait) for state, wait in tasks or () if state != "Z"]
    return bool(threads) and all(wait in OWN_LOCK_WAITS or state == "t" for state, wait in threads)
