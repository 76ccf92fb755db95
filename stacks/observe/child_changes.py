"""Takes in what happens to the children of a followed master: forks, ends, and children that no event told of.

A kernel event, a pidfd or a scan tells of an end, or several of them do. The row `exited` comes once.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from stacks.observe import ends, proc
from stacks.observe.child import Child
from stacks.observe.closer_looks import CloserLooks
from stacks.observe.event_sources import EventSources
from stacks.observe.followed import Followed

SCAN_S = 0.1  # between two looks for new children, while one is due and the kernel does not tell
VACANT_S = 10.0  # a master that is well forks a successor within this time (master_hang.UNREAPED_S)


class ChildChanges:
    """Keeps `children` and `vacant` of one follower up to date, and makes the rows about them."""

    def __init__(
        self, follower: Followed, sources: EventSources, looks: CloserLooks, executed: Callable[[int], None]
    ) -> None:
        """`executed` gets the time at which the master has executed itself, if a new child shows that it has."""
        self._follower, self._sources, self._looks, self._executed = follower, sources, looks, executed
        self._scan_s = follower.now_s
        self.has_begun = False  # children that come from now on are forked while the master is followed

    # -- forks and ends -------------------------------------------------------------------------

    def forked(self, pid: int, t_ns: int) -> Child:
        """Take a new child in. Return it, or the one that a scan has found before."""
        children = self._follower.children
        child = children.get(pid)
        if child is None:
            if self._looks.naming.are_outdated():  # no event told of it
                self._executed(t_ns)
            child = children[pid] = Child(pid, t_ns, 0.0)
            self._looks.begin_with(child)
            if self.has_begun:
                self._follower.emit("kernel", "forked", pid, t_ns=t_ns)
        return child

    def main_thread_ended(self, child: Child, status: int, t_ns: int) -> None:
        """Take in that the main thread of a child has ended, and perhaps the child with it."""
        if not proc.is_alive(child.pid):
            self.ended(child, status, t_ns)
        elif child.pidfd < 0:
            self._looks.leaves(child, t_ns)
            try:
                self._sources.add(child)
            except OSError:
                self.ended(child, status, t_ns)

    def ended_unseen(self, child: Child) -> None:
        """Take in that a child has ended, of whose end no event has told."""
        self.ended(child, ends.status_of(child.pid, child.pidfd), self._follower.now_ns())

    def ended(self, child: Child, status: int | None, t_ns: int) -> None:
        """Take the end of a child in."""
        follower = self._follower
        child.exited_ns, child.status = t_ns, status
        if child.slot is None:
            self._end_those_that_left()  # one of them may have had the slot before
            self._looks.naming.name_ended(child)
        del follower.children[child.pid]
        self._looks.forget(child)
        child.close()
        self._sources.drop(child)
        if not child.slot:
            return
        source = "kernel" if self._sources.tell_forks and status is not None else "exits"
        follower.emit(source, "exited", child.pid, t_ns=t_ns, data=ends.row_data(status))
        if not child.is_ready and ends.has_served(status):
            follower.emit("children", "ready", child.pid, t_ns=t_ns)
        follower.vacant[child.slot] = child
        self._scan_s = min(self._scan_s, follower.now_s + SCAN_S / 4)

    def _end_those_that_left(self) -> None:
        """Take in the ends of children whose main thread had ended: their pidfd may not have been asked yet."""
        for child in [child for child in self._follower.children.values() if child.leaving_ns]:
            if not child.exited_ns and not proc.is_alive(child.pid):
                self.ended_unseen(child)

    def let_go(self) -> None:
        """Forget every child: another master is followed from now on."""
        for child in self._follower.children.values():
            self._looks.forget(child)
            child.close()
        self._follower.children.clear()
        self._follower.vacant.clear()

    # -- scans ----------------------------------------------------------------------------------

    @property
    def scan_due_s(self) -> float:
        """When the next scan is due: a successor is, and the kernel does not tell of forks. Otherwise never."""
        vacant = self._follower.vacant
        if self._sources.tell_forks or not vacant:
            return math.inf
        vacant_ns = self._follower.now_ns() - max(child.exited_ns for child in vacant.values())
        return self._scan_s if vacant_ns < VACANT_S * 1e9 else math.inf

    def scan_if_due(self, now_s: float) -> None:
        """Scan if it is time."""
        if now_s >= self.scan_due_s:
            self._scan_s = now_s + SCAN_S
            self.scan()

    def scan(self) -> None:
        """Look for children that no event told of, and for known ones that are gone."""
        follower = self._follower
        pids = proc.children_of(follower.master.pid)
        for pid in pids:
            stat = proc.stat(pid) if pid not in follower.children else None
            if stat is None or (not self.has_begun and stat.state in "ZX"):
                continue
            child = self.forked(pid, proc.started_ns(stat, follower.now_ns()))
            if stat.state in "ZX" and stat.threads <= 1:
                self.ended(child, proc.exit_status(pid), follower.now_ns())
            elif not self._sources.tell_forks:
                try:
                    self._sources.add(child)
                except OSError:  # it has just ended; the next look finds that out
                    continue
        self.end_missing(pids)

    def end_missing(self, pids: list[int]) -> None:
        """Take in the end of every child that is none of `pids` and does not live."""
        for child in [child for pid, child in self._follower.children.items() if pid not in pids]:
            if not proc.is_alive(child.pid):
                self.ended_unseen(child)
