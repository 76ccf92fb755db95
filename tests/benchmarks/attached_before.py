"""The observer of attached runs as it was before it was told by events, kept to be compared with (issue "make watch").

    python -m tests.benchmarks.attached_before PID PORT

It looks at every process ten times a second. Measured then, on 2 cores and with the reads of /proc of that time:
16 workers at rest 6.7 % of a core, 128 at rest 15.8 %, 16 workers at 20 respawns/s 5.9 %, 68 MB with what its run
imports. The reads of /proc have become cheaper since, so it needs less here than it needed then.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from stacks.lifecycle.records import Event
from stacks.observe import proc, tcp_table
from stacks.observe.attached import AttachedObserver
from stacks.observe.collectors import Base, Context, closer, exits, kernel, usage
from stacks.observe.observer import ENDED

WAITS = ("do_epoll_wait", "ep_poll", "inet_csk_accept", "futex-shared")
ENDED_WELL = (0, 15, 17, 30)


class Children(Base):
    """Reports each new child with its slot, and each child that is ready."""

    name = "children"
    interval_s = 0.1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._slots: dict[int, int] = {}
        self._ended: set[int] = set()
        self._rows: list[Event] = []
        self._has_begun = False

    def on_event(self, event: Event) -> None:
        if event.kind == "forked":
            if event.pid not in self._slots.values():
                self._fill(event.pid, event.t_ns)
        elif event.kind == "exited" and event.pid in self._slots.values():
            self._ended.add(event.pid)
            if event.data.get("exit_status") in ENDED_WELL:
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
        return any(wait in WAITS for wait in waits) or holds_connection(pid, self.context.port)


def holds_connection(pid: int, port: int) -> bool:
    """Return True if `pid` holds an open connection that it accepted on this TCP port."""
    try:
        links = [str(entry.readlink()) for entry in (proc.PROC / str(pid) / "fd").iterdir()]
    except OSError:
        return False
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    return any(fields[9] in inodes for fields in tcp_table.sockets_of(port) if fields[3] != tcp_table.LISTEN)


class Before(AttachedObserver):
    """Observes the master `pid` by looking ten times a second."""

    def _collector_classes(self) -> list[type[Base]]:
        return [Children, closer.Collector, exits.Collector, kernel.Collector, usage.Collector]

    def _poll(self) -> int | None:
        return None if proc.is_alive(self._master_pid) else ENDED

    def _is_replaced(self) -> bool:
        return False


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        observer = Before(Path(directory), int(sys.argv[1]), int(sys.argv[2]))
        while observer.exit_code is None:
            observer.step()


if __name__ == "__main__":
    main()
