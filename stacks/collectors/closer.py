"""A closer look through /proc at processes that may be stuck: CPU time, threads, what each waits for.

Only a worker that was forked and is not ready, one that said goodbye and is still there, and a
master that does not reap are looked at, so a healthy stack is left alone.
"""

from __future__ import annotations

from stacks import proc
from stacks.collectors import Base
from stacks.records import Event

UNREAPED_S = 1.2  # the master's own loop takes up to 1 s


class Collector(Base):
    name = "closer"
    interval_s = 0.1  # four looks within the shortest confirmation, stillness.PROVEN_S

    def sample(self) -> list[Event]:
        lifecycle = self.context.lifecycle
        pids = [*lifecycle.starting(), *lifecycle.leaving()]
        if lifecycle.unreaped_s() > UNREAPED_S:
            pids.append(self.context.master_pid)
        return [event for pid in pids if (event := self._look(pid)) is not None]

    def _look(self, pid: int) -> Event | None:
        stat, tasks = proc.stat(pid), proc.tasks(pid)
        if stat is None or not tasks:
            return None
        return self.event("state", pid, ticks=stat.ticks, switches=proc.voluntary_switches(pid), tasks=tasks)
