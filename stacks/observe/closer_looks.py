"""Looks at the children of a followed master: which slot a new one fills, whether it is ready, whether it stands still.

A child is looked at closely while it starts, while it leaves, and while every thread of it waits for a lock. Each such
look is a row `state`, from which the lifecycle proves a hang. All other workers get one read a second (`Child.glance`).
"""

from __future__ import annotations

import math

from stacks.lifecycle.workers import REAP_LOOP_S
from stacks.observe import ends, proc
from stacks.observe.child import FIRST_LOOK_S, LONGEST_LOOK_S, NEW_S, PROVEN_LOOK_S, STILL_LOOK_S, Child
from stacks.observe.followed import Followed
from stacks.observe.slot_naming import SlotNaming
from stacks.observe.slots import NO_WORKER

# A dead worker without a successor: its master may sleep for 2 s first (forkbomb-delay). After that, none is due.
RETIRED_S = 4.0
SUCCESSOR_AGE_S = 60.0  # a child that becomes a master itself does so within this time


class CloserLooks:
    """The looks of one follower."""

    def __init__(self, follower: Followed) -> None:
        self._follower = follower
        self._near: set[Child] = set()  # that are looked at closely
        self.naming = SlotNaming(follower)
        self._epolls: set[int] = set()  # descriptors of the epolls in which workers wait for connections

    @property
    def next_s(self) -> float:
        """When the next closer look is due."""
        return min((child.due_s for child in self._near), default=math.inf)

    def near(self) -> list[Child]:
        """Return the processes that are looked at closely: only these may be proven to hang."""
        return list(self._near)

    def begin(self) -> None:
        """Take in the children that live when the watching begins."""
        self.naming.begin()
        for child in list(self._follower.children.values()):
            if child.slot:
                self._look_at_starting(child)
            elif child.slot == NO_WORKER:
                self._near.discard(child)

    def begin_anew(self) -> None:
        """Forget the slots: the master makes new sockets."""
        self.naming.begin_anew()
        self._epolls.clear()
        self._near.discard(self._follower.master)

    def begin_with(self, child: Child) -> None:
        """Take in a new child."""
        self.naming.note_fork()
        child.due_s = child.forked_ns / 1e9 + FIRST_LOOK_S
        self._near.add(child)

    def forget(self, child: Child) -> None:
        self._near.discard(child)

    def leaves(self, child: Child, t_ns: int) -> None:
        """Take in that the main thread of a child has ended and other threads of it live."""
        if child.slot != NO_WORKER and not child.leaving_ns:
            child.leaving_ns = t_ns
            self.naming.tell_exit(child)
            child.due_s = 0.0
            self._near.add(child)

    # -- looks ----------------------------------------------------------------------------------

    def look(self, now_s: float) -> None:
        """Take every closer look that is due."""
        for child in [child for child in self._near if child.due_s <= now_s]:
            child.due_s = now_s + child.interval_s
            if child is self._follower.master:
                self._emit_state(child)
            elif child.slot is None and not self.naming.name(child):
                continue
            elif child.slot == NO_WORKER:
                self._near.discard(child)
            elif not child.is_ready and not child.leaving_ns:
                self._look_at_starting(child)
            else:
                self._look_at_suspect(child)

    def _look_at_starting(self, child: Child) -> None:
        """See whether a worker is ready, and how it stands if it is not."""
        follower = self._follower
        child.is_ready = child.accepts(follower.sockets.listening, self._epolls)
        if child.is_ready:
            self._near.discard(child)
            follower.emit("children", "ready", child.pid)
            if child.glance():
                self._search(child)
            return
        if follower.now_s - child.forked_ns / 1e9 > NEW_S:
            self._emit_state(child)
        child.interval_s = self._interval_s(child, min(2 * child.interval_s, LONGEST_LOOK_S))
        child.due_s = follower.now_s + child.interval_s

    def _look_at_suspect(self, child: Child) -> None:
        """Look at a worker that leaves, or that serves while every thread of it waits for a lock."""
        self._emit_state(child)
        child.interval_s = self._interval_s(child, LONGEST_LOOK_S)
        child.due_s = self._follower.now_s + child.interval_s
        if not child.is_still and not child.leaving_ns:
            self._near.discard(child)  # the row tells the lifecycle that it moves

    def _interval_s(self, child: Child, moving_s: float) -> float:
        if not child.is_still:
            return moving_s
        hangs = self._follower.lifecycle.hangs
        is_proven = (hangs.deadlock if child.is_ready and not child.leaving_ns else hangs.proof)(child.pid)
        return PROVEN_LOOK_S if is_proven else STILL_LOOK_S

    def _emit_state(self, child: Child) -> None:
        data = child.state()
        if data is not None:
            self._follower.emit("closer", "state", child.pid, data=data)

    # -- once a second --------------------------------------------------------------------------

    def tick(self) -> None:
        """Glance at every worker that serves, at the slots that are vacant, and at the master."""
        for child in self._follower.children.values():
            if child.slot and child.is_ready and child not in self._near and child.glance():
                self._search(child)
        self._look_at_vacancies()

    def _search(self, child: Child) -> None:
        """The watched thread of a worker waits for a lock: another one may wait for connections."""
        if child.find_idle_thread():
            return
        data = child.state()
        if data is not None and child.is_still:
            self._follower.emit("closer", "state", child.pid, data=data)
            child.interval_s = STILL_LOOK_S
            child.due_s = self._follower.now_s + STILL_LOOK_S
            self._near.add(child)

    def _look_at_vacancies(self) -> None:
        follower, master = self._follower, self._follower.master
        is_late = False
        for slot, worker in list(follower.vacant.items()):
            vacant_s = (follower.now_ns() - worker.exited_ns) / 1e9
            if vacant_s < REAP_LOOP_S:
                continue
            if proc.exit_status(worker.pid) is not None:
                is_late = True  # its master has not reaped it
            elif vacant_s > RETIRED_S or ends.row_data(worker.status).get("exit_status") == ends.CHEAPED:
                del follower.vacant[slot]
                follower.emit("children", "cheaped", slot=slot)
        if master.glance() or is_late or not master.is_idle:
            if master not in self._near:
                master.due_s, master.interval_s = 0.0, LONGEST_LOOK_S
                self._near.add(master)
        elif master in self._near:
            self._near.discard(master)
            self._emit_state(master)  # it tells the lifecycle that the master moves

    def successors(self) -> list[int]:
        """Return the children that have become masters themselves: `f` to the master fifo makes one."""
        now_ns = self._follower.now_ns()
        found = []
        for child in self._follower.children.values():
            if not child.slot and (now_ns - child.forked_ns) / 1e9 < SUCCESSOR_AGE_S:
                stat = proc.stat(child.pid)
                if stat is not None and stat.session == child.pid and proc.children_of(child.pid):
                    found.append(child.pid)
        return found
