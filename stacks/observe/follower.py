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
from stacks.observe import proc, process_events
from stacks.observe.child import Child
from stacks.observe.child_changes import ChildChanges
from stacks.observe.closer_looks import CloserLooks
from stacks.observe.event_sources import EventSources
from stacks.observe.instance_sockets import InstanceSockets

TICK_S = 1.0  # between two looks at everything
RESYNC_TICKS = 30  # so many ticks after each other also look for children that no event told of


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
        self._tick_s = self.now_s
        self._ticks = 0
        self.looks = CloserLooks(self)
        self._changes = ChildChanges(self, self._sources, self.looks, self.executed)
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
        self._changes.scan()
        self.looks.begin()
        self._changes.has_begun = True
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
        return max(0.0, min(self._tick_s, self.looks.next_s, self._changes.scan_due_s) - self.now_s)

    def step(self, limit_s: float) -> None:
        """Wait for an event or a look that is due, for `limit_s` at most, and take it in."""
        ended = self._sources.wait(min(limit_s, self.next_due_s) if limit_s > 0 else 0.0)
        for child in ended:
            if child is not self.master:
                self._ended(child)
        self._read_events()  # before the end of the master, so that the kernel tells how its workers have ended
        if self.master in ended:
            self._ended(self.master)
        if self.is_over:
            return
        now_s = self.now_s
        self._changes.scan_if_due(now_s)
        self.looks.look(now_s)
        if now_s >= self._tick_s:
            self._tick_s = now_s + TICK_S
            self._tick()

    def _tick(self) -> None:
        self._ticks += 1
        self.emit("observer", "heartbeat")
        if not self._sources.tell_forks or self._ticks % RESYNC_TICKS == 0:
            self._changes.scan()
        self.looks.tick()
        for pid in self.looks.successors():
            self._replace(pid)

    # -- events ---------------------------------------------------------------------------------

    def _read_events(self) -> None:
        for event in self._sources.receive():
            if isinstance(event, OSError):
                self.lost += 1
                self._changes.scan()
                continue
            what, t_ns, fields = event
            if what == process_events.FORK and fields[1] == self.master.pid:
                self._changes.forked(fields[3], t_ns)
            elif what == process_events.EXIT and fields[1] in self.children:
                self._changes.main_thread_ended(self.children[fields[1]], fields[2], t_ns)
            elif what == process_events.EXEC and fields[1] == self.master.pid:
                self.executed(t_ns)

    def _ended(self, child: Child) -> None:
        """Take in that the pidfd of a process says that it has ended."""
        if child is self.master:
            self._sources.drop(child)
            self._end(child.pid)
        elif self.children.get(child.pid) is child:
            self._changes.ended_unseen(child)

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
        self._changes.end_missing([])
        self.emit("observer", "ended")
        self.is_over = True

    def _replace(self, pid: int) -> None:
        """Follow the master `pid` from now on, which the present one has forked (`f` to the master fifo)."""
        if pid == self.master.pid:
            return
        former, self.master = self.master, Child(pid, self.clock(), 0.0)
        former.close()
        self._changes.let_go()
        self._sources.follow(pid)
        self.emit("children", "master", pid)
        try:
            self._sources.add(self.master)
        except OSError:  # it has ended meanwhile
            self._end(pid)
            return
        self.sockets.close()
        self.sockets = InstanceSockets(pid, self.unavailable)
        self.looks.begin_anew()
        self._changes.scan()
