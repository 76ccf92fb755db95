"""Follows one running uWSGI master that somebody else started, and makes lifecycle rows of what its workers do.

The kernel tells of forks, executions and ends (`process_events`), or of ends only (pidfds) where it does not permit
more. Between two events the follower looks once a second, at one file for each worker, and more closely only at
processes that start, leave or may be stuck. Nothing is sent to uWSGI: no signal, no connection, no debugger.

`take` gets each row: those of `attached` runs (`attached`, `master`, `spawned`, `respawned`, `forked`, `ready`,
`exit_begun`, `exited`, `cheaped`, `state`, `heartbeat`, `master_exited`, `ended`). It has to feed `lifecycle`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe import ends, proc, process_events
from stacks.observe.child import Child
from stacks.observe.closer_looks import CloserLooks
from stacks.observe.event_sources import EventSources
from stacks.observe.instance_sockets import InstanceSockets

TICK_S = 1.0  # between two looks at everything
SCAN_S = 0.1  # between two looks for new children, while one is due and the kernel does not tell
RESYNC_TICKS = 30  # so many ticks after each other also look for children that no event told of
VACANT_S = 10.0  # a master that is well forks a successor within this time (master_hang.UNREAPED_S)


class Follower:
    """Waits for events of one master and its children. The owner calls `step` again and again."""

    def __init__(
        self,
        master_pid: int,
        lifecycle: Lifecycle,
        take: Callable[[Event], None],
        clock: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.lifecycle, self.clock = lifecycle, clock
        self._take = take
        self.master = Child(master_pid, clock(), 0.0)
        self.children: dict[int, Child] = {}  # that live, workers or not
        self.vacant: dict[int, Child] = {}  # slot -> the worker that ended there and has no successor
        self.unavailable: dict[str, str] = {}  # source -> why it cannot be used
        self.reloads = 0  # how often the master has executed itself
        self.lost = 0  # how often the kernel has dropped events
        self.is_over = False
        self.rows = 0  # how many there were; without new ones, nothing has changed
        self._sources = EventSources()
        self._tick_s = self._scan_s = self.now_s
        self._ticks = 0
        self._has_begun = False
        self.looks = CloserLooks(self)
        self.sockets = InstanceSockets(master_pid, self.unavailable)

    # -- begin and end --------------------------------------------------------------------------

    def open(self) -> None:
        """Attach to the master. Raises OSError if it has ended meanwhile."""
        self._sources.add(self.master)
        reason = self._sources.subscribe(self.master.pid)
        if reason:
            self.unavailable["forks"] = reason
        if not proc.can_read_waits(self.master.pid):
            self.unavailable["waits"] = f"{proc.PROC}/{self.master.pid}/syscall"
        self.emit("observer", "attached", self.master.pid)
        self.emit("children", "master", self.master.pid)
        self._scan()
        self.looks.begin()
        self._has_begun = True
        self._tick_s = self.now_s  # the first look at everything comes at once

    def close(self) -> None:
        """Stop to follow. The master does not notice."""
        self._sources.close()
        for child in (self.master, *self.children.values()):
            child.close()
        self.sockets.close()

    @property
    def now_s(self) -> float:
        return self.clock() / 1e9

    def now_ns(self) -> int:
        return self.clock()

    def emit(
        self,
        source: str,
        kind: str,
        pid: int = 0,
        slot: int = 0,
        t_ns: int = 0,
        data: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Hand a row over."""
        self.rows += 1
        self._take(Event(t_ns or self.clock(), source, kind, pid, slot, dict(data)))

    # -- the loop -------------------------------------------------------------------------------

    @property
    def has_looked(self) -> bool:
        """True after the first look at everything."""
        return self._ticks > 0

    def fileno(self) -> int:
        return self._sources.fileno()

    @property
    def next_due_s(self) -> float:
        """Seconds until `step` wants to look, whether there are events or not."""
        due_s = min(self._tick_s, self.looks.next_s, self._scan_s if self._must_scan else self._tick_s)
        return max(0.0, due_s - self.now_s)

    def step(self, limit_s: float) -> None:
        """Wait for an event or a look that is due, for `limit_s` at most, and take it in."""
        for child in self._sources.wait(max(0.0, min(limit_s, self.next_due_s))):
            self._ended(child)
        self._read_events()
        if self.is_over:
            return
        now_s = self.now_s
        if self._must_scan and now_s >= self._scan_s:
            self._scan_s = now_s + SCAN_S
            self._scan()
        self.looks.look(now_s)
        if now_s >= self._tick_s:
            self._tick_s = now_s + TICK_S
            self._tick()

    @property
    def _must_scan(self) -> bool:
        """True if a successor is due and the kernel does not tell of forks."""
        if self._sources.tell_forks or not self.vacant:
            return False
        return self.clock() - max(child.exited_ns for child in self.vacant.values()) < VACANT_S * 1e9

    def _tick(self) -> None:
        self._ticks += 1
        self.emit("observer", "heartbeat")
        if not self._sources.tell_forks or self._ticks % RESYNC_TICKS == 0:
            self._scan()
        self.looks.tick()
        for pid in self.looks.successors():
            self._replace(pid)

    # -- events ---------------------------------------------------------------------------------

    def _read_events(self) -> None:
        for event in self._sources.receive():
            if isinstance(event, OSError):
                self.lost += 1
                self._scan()
                continue
            what, t_ns, fields = event
            if what == process_events.FORK and fields[1] == self.master.pid:
                self._forked(fields[3], t_ns)
            elif what == process_events.EXIT and fields[1] in self.children:
                self._exited(self.children[fields[1]], fields[2], t_ns)
            elif what == process_events.EXEC and fields[1] == self.master.pid:
                self.executed(t_ns)

    def _ended(self, child: Child) -> None:
        """Take in that the pidfd of a process says that it has ended."""
        if child is self.master:
            self._sources.drop(child)
            self._end(child.pid)
        elif self.children.get(child.pid) is child:
            self._gone(child, ends.status_of(child.pid, child.pidfd), self.clock())

    def _forked(self, pid: int, t_ns: int) -> Child:
        child = self.children.get(pid)
        if child is None:  # otherwise a scan was faster
            if self.looks.naming.are_outdated():  # no event told of it
                self.executed(t_ns)
            child = self.children[pid] = Child(pid, t_ns, 0.0)
            self.looks.begin_with(child)
            if self._has_begun:
                self.emit("kernel", "forked", pid, t_ns=t_ns)
        return child

    def _exited(self, child: Child, status: int, t_ns: int) -> None:
        if not proc.is_alive(child.pid):
            self._gone(child, status, t_ns)
        elif child.pidfd < 0:  # only its main thread has ended
            self.looks.leaves(child, t_ns)
            try:
                self._sources.add(child)
            except OSError:
                self._gone(child, status, t_ns)

    def _gone(self, child: Child, status: int | None, t_ns: int) -> None:
        """Take the end of a child in."""
        child.exited_ns, child.status = t_ns, status
        self.looks.naming.name_ended(child)
        del self.children[child.pid]
        self.looks.forget(child)
        child.close()
        self._sources.drop(child)
        if not child.slot:
            return
        source = "kernel" if self._sources.tell_forks else "exits"
        self.emit(source, "exited", child.pid, t_ns=t_ns, data=ends.row_data(status))
        if not child.is_ready and ends.has_served(status):
            self.emit("children", "ready", child.pid, t_ns=t_ns)
        self.vacant[child.slot] = child
        self._scan_s = min(self._scan_s, self.now_s + SCAN_S / 4)

    def _scan(self) -> None:
        """Look for children that no event told of, and for known ones that are gone."""
        pids = proc.children_of(self.master.pid)
        for pid in pids:
            stat = proc.stat(pid) if pid not in self.children else None
            if stat is None or (not self._has_begun and stat.state in "ZX"):
                continue
            child = self._forked(pid, proc.started_ns(stat, self.clock()))
            if stat.state in "ZX" and stat.threads <= 1:
                self._gone(child, proc.exit_status(pid), self.clock())
            elif not self._sources.tell_forks:
                try:
                    self._sources.add(child)
                except OSError:  # it has just ended; the next look finds that out
                    continue
        for pid in self.children.keys() - pids:
            if not proc.is_alive(pid):
                self._gone(self.children[pid], ends.status_of(pid, self.children[pid].pidfd), self.clock())

    # -- masters --------------------------------------------------------------------------------

    def executed(self, t_ns: int) -> None:
        """Take in that the master has executed itself again (a reload): it makes new sockets and new workers."""
        self.reloads += 1
        self.emit("children", "master", self.master.pid, t_ns=t_ns)
        self.looks.begin_anew()

    def _end(self, pid: int) -> None:
        self.emit("exits", "master_exited", pid)
        successors = self.looks.successors()
        if successors:
            self._replace(successors[0])
            return
        for child in list(self.children.values()):
            if not proc.is_alive(child.pid):
                self._gone(child, ends.status_of(child.pid, child.pidfd), self.clock())
        self.emit("observer", "ended")
        self.is_over = True

    def _replace(self, pid: int) -> None:
        """Follow the master `pid` from now on, which the present one has forked (`f` to the master fifo)."""
        if pid == self.master.pid:
            return
        former, self.master = self.master, Child(pid, self.clock(), 0.0)
        former.close()
        for child in self.children.values():
            self.looks.forget(child)
            child.close()
        self.children.clear()
        self.vacant.clear()
        self._sources.follow(pid)
        self._sources.add(self.master)
        self.emit("children", "master", pid)
        self.sockets.close()
        self.sockets = InstanceSockets(pid, self.unavailable)
        self.looks.begin_anew()
        self._scan()
