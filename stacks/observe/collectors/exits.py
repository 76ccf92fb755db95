"""Reports the end of workers and masters by pidfd: when a process becomes a zombie, and not when it is reaped.

This needs no privilege. A process that ended before its pidfd could be opened gets a row as well, marked `late`. The
row of a worker says how the worker ended, if the master has not reaped it yet.
"""

from __future__ import annotations

import os

from stacks.lifecycle.records import Event
from stacks.observe import ends, proc
from stacks.observe.collectors import Base, Context


class Collector(Base):
    name = "exits"
    interval_s = 0.05  # `sample` only hands over the late rows

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._pids: dict[int, int] = {}  # pidfd -> pid
        self._late: list[Event] = []
        self._masters = {context.master_pid}

    def open(self) -> str:
        self._add(self.context.master_pid)
        return ""

    def _add(self, pid: int) -> None:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._late.append(self.event(self._kind(pid), pid, late=True))
            return
        except OSError as error:  # no file descriptor is left, or the kernel is older than 5.3
            self._late.append(self.event("unseen", pid, reason=str(error)))
            return
        self._pids[fd] = pid
        self.context.watch(fd, self)

    def _kind(self, pid: int) -> str:
        return "master_exited" if pid in self._masters else "exited"

    def on_event(self, event: Event) -> None:
        if event.kind == "master":
            self._masters.add(event.pid)
        if event.kind in ("spawned", "respawned", "master") and event.pid not in self._pids.values():
            self._add(event.pid)

    def read(self, fd: int) -> list[Event]:
        pid = self._pids.pop(fd)
        kind = self._kind(pid)
        event = self.event(kind, pid)
        if kind == "exited":
            event.data.update(ends.row_data(proc.exit_status(pid)))
        self.context.unwatch(fd)
        os.close(fd)
        return [event]

    def sample(self) -> list[Event]:
        late, self._late = self._late, []
        return late

    def close(self) -> None:
        for fd in self._pids:
            os.close(fd)
        self._pids.clear()
