"""An observer of a uWSGI that somebody else runs: it only looks, through /proc, pidfds and the kernel's events.

There is no log of it to read, so a worker counts as ready when it is first seen to wait for a connection or to hold
one, a tenth of a second late at most, and when it begins to exit is not known. Nothing of it is ever signalled, and
no debugger stops it: the proof of a hang is its waits alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from stacks.lifecycle.records import Event
from stacks.observe import proc
from stacks.observe.collectors import Base, Context, closer, exits, kernel, usage
from stacks.observe.observer import ENDED, Observer

# What an idle worker's thread sleeps in: epoll or accept of its socket, or the lock between workers (thunder-lock).
WAITS = ("do_epoll_wait", "ep_poll", "inet_csk_accept", "futex-shared")
# How a worker ends that was not made to: it was cheaped, reloads, or has reached its max-requests (uwsgi.h).
ENDED_WELL = (0, 15, 17, 30)


class Children(Base):
    """The master's children: who is new fills the slot that is empty, the lowest first."""

    name = "children"
    interval_s = 0.1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._slots: dict[int, int] = {}  # slot -> pid
        self._gone: set[int] = set()  # of these
        self._rows: list[Event] = []  # of what others saw, for the next look
        self._begun = False

    def saw(self, event: Event) -> None:
        """The kernel tells of workers that come and go between two looks, as with a small max-requests."""
        if event.kind == "forked":
            if event.pid not in self._slots.values():  # a look may have found it before the kernel's word was read
                self._fill(event.pid, event.t_ns)
        elif event.kind == "exited" and event.pid in self._slots.values():
            self._gone.add(event.pid)
            if _status(event) in ENDED_WELL:  # so it has served, however quickly
                self._rows.append(Event(event.t_ns, self.name, "ready", event.pid))

    def _fill(self, pid: int, t_ns: int) -> None:
        slot = 1
        while slot in self._slots and self._slots[slot] not in self._gone:
            slot += 1
        self._gone.discard(self._slots.get(slot, 0))
        self._slots[slot] = pid
        kind = "respawned" if self._begun else "spawned"
        self._rows.append(Event(t_ns, self.name, kind, pid, slot))

    def sample(self) -> list[Event]:
        context = self.context
        if not self._begun:
            self._rows.append(self.event("master", context.master_pid))
        living = [pid for pid in proc.children_of(context.master_pid) if proc.is_alive(pid)]
        self._gone |= set(self._slots.values()) - set(living)
        for pid in sorted(set(living) - set(self._slots.values())):
            self._fill(pid, context.clock())
        self._begun = True
        rows, self._rows = self._rows, []
        return rows + [self.event("ready", pid) for pid in context.lifecycle.starting() if self._serves(pid)]

    def _serves(self, pid: int) -> bool:
        waits = [wait for _, wait in proc.tasks(pid) or ()]
        return any(wait in WAITS for wait in waits) or proc.holds_connection(pid, self.context.port)


def _status(event: Event) -> int | None:
    """The exit status that the kernel told with the exit, or that the zombie still has; None for a signal."""
    if "signal" in event.data:
        return None
    if "exit_status" in event.data:
        return int(event.data["exit_status"])
    status = proc.exit_status(event.pid)
    return None if status is None or status & 0x7F else status >> 8


class Attached(Observer):
    """Watches the master `pid`, or nobody (0): then only the load is recorded."""

    def __init__(self, directory: Path, pid: int, port: int) -> None:
        self._master = pid
        super().__init__(directory, [], {}, port)

    def _launch(
        self, command: list[str], environment: dict[str, str], cwd: Path | None, piped: bool
    ) -> tuple[int, int]:
        self.emit("attached", pid=self._master)
        return self._master, os.open(os.devnull, os.O_RDONLY)

    def _kinds(self) -> list[type[Base]]:
        watching: list[type[Base]] = [Children, closer.Collector, exits.Collector, kernel.Collector]
        return [*(watching if self._master else ()), usage.Collector]

    def _poll(self) -> int | None:
        return None if not self._master or proc.is_alive(self._master) else ENDED

    def _ended(self) -> dict[str, object]:
        return {}

    def pids(self) -> list[int]:
        """None of ours."""
        return []

    def close(self) -> None:
        os.close(self.context.log_fd)
        super().close()
