"""Reports every fork and exit of the master's children from the kernel's process events (netlink proc connector).

The kernel stamps the events itself, with CLOCK_MONOTONIC (drivers/connector/cn_proc.c, ktime_get_ns). Before Linux 6.6
they need CAP_NET_ADMIN. Without permission, the log and the pidfds report the same a few milliseconds later.
A filter keeps the events of the other processes of the host away.
"""

from __future__ import annotations

import socket

from stacks.lifecycle.records import Event
from stacks.observe import ends, proc, process_events
from stacks.observe.collectors import Base, Context
from stacks.observe.process_events import EXIT, FORK


class Collector(Base):
    name = "kernel"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._socket: socket.socket | None = None
        self._children: set[int] = set()  # pids of the master's children

    def open(self) -> str:
        try:
            self._socket = process_events.subscribe()
            process_events.limit_to(self._socket, [self.context.master_pid])
        except OSError as error:
            return f"kernel process events are not permitted here ({error.strerror}); the log and pidfds are used"
        self.context.watch(self._socket.fileno(), self)
        return ""

    def on_event(self, event: Event) -> None:
        if event.kind in ("spawned", "respawned"):
            self._children.add(event.pid)
        elif event.kind == "master" and self._socket is not None:
            process_events.limit_to(self._socket, {self.context.master_pid, event.pid})

    def read(self, _fd: int) -> list[Event]:
        events: list[Event] = []
        for received in process_events.receive(self._socket) if self._socket is not None else ():
            if isinstance(received, OSError):
                events.append(self.event("lost", reason=received.strerror))
                continue
            what, t_ns, fields = received
            if what == FORK and fields[1] == self.context.master_pid and fields[2] == fields[3]:
                self._children.add(fields[3])
                events.append(Event(t_ns, self.name, "forked", fields[3]))
            elif what == EXIT and fields[1] in self._children and not proc.is_alive(fields[1]):
                self._children.discard(fields[1])
                cause: dict[str, object] = dict(ends.row_data(fields[2] & 0xFFFF))
                events.append(Event(t_ns, self.name, "exited", fields[1], data=cause))
        return events

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
