"""Watches the children of a uWSGI master whose log cannot be read, and says which worker slot each child fills.

It stands outside `collectors/`, because the observer's own uWSGI has a log, which names the slots exactly.

A new child fills the lowest slot that is empty. A worker counts as ready when it is first seen to wait for a connection
or to hold one, 0.1 s late at most, or when it ends with a status that says that it has served.
"""

from __future__ import annotations

from stacks.lifecycle.records import Event
from stacks.observe import proc
from stacks.observe.collectors import Base, Context

# The wait of a thread of an idle worker: epoll or accept on its socket, or the lock between workers (thunder-lock).
WAITS = ("do_epoll_wait", "ep_poll", "inet_csk_accept", "futex-shared")
# Exit statuses of workers that were not forced to end: cheaped, reloaded, or at their max-requests (uwsgi.h).
ENDED_WELL = (0, 15, 17, 30)


class Collector(Base):
    """Reports each new child with its slot, and each child that is ready."""

    name = "children"
    interval_s = 0.1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._slots: dict[int, int] = {}  # slot -> pid
        self._ended: set[int] = set()  # those pids in _slots whose process has ended
        self._rows: list[Event] = []  # made from other sources' rows; the next `sample` returns them
        self._has_begun = False  # the first look is over

    def on_event(self, event: Event) -> None:
        """Learn from the kernel of workers that come and end between two looks, which a small max-requests causes."""
        if event.kind == "forked":
            if event.pid not in self._slots.values():  # a look may have found the child before this row was read
                self._fill(event.pid, event.t_ns)
        elif event.kind == "exited" and event.pid in self._slots.values():
            self._ended.add(event.pid)
            if _exit_status(event) in ENDED_WELL:  # it has served, however short its life was
                self._rows.append(Event(event.t_ns, self.name, "ready", event.pid))

    def _fill(self, pid: int, t_ns: int) -> None:
        slot = 1
        while slot in self._slots and self._slots[slot] not in self._ended:
            slot += 1
        self._ended.discard(self._slots.get(slot, 0))
        self._slots[slot] = pid
        kind = "respawned" if self._has_begun else "spawned"
        self._rows.append(Event(t_ns, self.name, kind, pid, slot))

    def sample(self) -> list[Event]:
        context = self.context
        if not self._has_begun:
            self._rows.append(self.event("master", context.master_pid))
        living = [pid for pid in proc.children_of(context.master_pid) if proc.is_alive(pid)]
        self._ended |= set(self._slots.values()) - set(living)
        for pid in sorted(set(living) - set(self._slots.values())):
            self._fill(pid, context.clock())
        self._has_begun = True
        rows, self._rows = self._rows, []
        return rows + [self.event("ready", pid) for pid in context.lifecycle.starting() if self._serves(pid)]

    def _serves(self, pid: int) -> bool:
        waits = [wait for _, wait in proc.tasks(pid) or ()]
        return any(wait in WAITS for wait in waits) or proc.holds_connection(pid, self.context.port)


def _exit_status(event: Event) -> int | None:
    """Return the exit status from the kernel's row or from the zombie; None if a signal ended the process."""
    if "signal" in event.data:
        return None
    if "exit_status" in event.data:
        return int(event.data["exit_status"])
    status = proc.exit_status(event.pid)
    return None if status is None or status & 0x7F else status >> 8
