"""A closer look through /proc at processes that may be stuck: CPU time, threads, what each waits for.

A worker that was forked and is not ready, one that said goodbye and is still there, and a master that does
not reap or ignores what it was asked are looked at closely. At a worker that serves only once a second: an idle
one has a thread that waits for connections, so one of which every thread waits for a lock is looked at closely, too.
"""

from __future__ import annotations

from collections.abc import Sequence

from stacks.lifecycle.records import Event
from stacks.lifecycle.stillness import FOREVER
from stacks.observe import proc
from stacks.observe.collectors import Base, Context

UNREAPED_S = 1.2  # the master's own loop takes up to 1 s
SERVING_EVERY = 10  # looks


class Collector(Base):
    name = "closer"
    interval_s = 0.1  # four looks within the shortest confirmation, stillness.PROVEN_S

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._count = 0
        self._suspects: set[int] = set()  # they serve, and every thread waits for a lock

    def sample(self) -> list[Event]:
        lifecycle = self.context.lifecycle
        pids = [*lifecycle.starting(), *lifecycle.leaving()]
        if max(lifecycle.unreaped_s(), lifecycle.ignored_s()) > UNREAPED_S:
            pids.append(self.context.master_pid)
        serving = set(lifecycle.ready())
        self._suspects &= serving
        pids += self._suspects
        if self._count % SERVING_EVERY == 0:
            self._suspects |= {pid for pid in serving if is_locked(proc.tasks(pid))}
        self._count += 1
        events = [event for pid in pids if (event := self._look(pid)) is not None]
        # The row that shows it moving is the last one, and tells the lifecycle so.
        self._suspects -= {e.pid for e in events if e.pid in self._suspects and not is_locked(e.data["tasks"])}
        return events

    def _look(self, pid: int) -> Event | None:
        stat, tasks = proc.stat(pid), proc.tasks(pid)
        if stat is None or not tasks:
            return None
        return self.event("state", pid, ticks=stat.ticks, switches=proc.voluntary_switches(pid), tasks=tasks)


def is_locked(tasks: Sequence[Sequence[str]] | None) -> bool:
    """Whether every living thread waits for a lock of its process, or is held by a debugger meanwhile."""
    waits = [(state, wait) for state, wait in tasks or () if state != "Z"]
    return bool(waits) and all(wait in FOREVER or state == "t" for state, wait in waits)
