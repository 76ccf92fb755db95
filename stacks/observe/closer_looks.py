"""Looks at the children of a followed master: which slot a new one fills, whether it is ready, whether it stands still.

A child is looked at closely while it starts, while it leaves, and while every thread of it waits for a lock. Each such
look is a row `state`, from which the lifecycle proves a hang. All other workers get one read a second (`Child.glance`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.workers import REAP_LOOP_S
from stacks.observe import ends, proc
from stacks.observe.child import FIRST_LOOK_S, LONGEST_LOOK_S, NEW_S, PROVEN_LOOK_S, STILL_LOOK_S, Child
from stacks.observe.instance_sockets import InstanceSockets
from stacks.observe.slots import NO_WORKER, TOO_EARLY, Slots

# A child that keeps all sockets of its master for so long is stuck before it closes them (a fork hook of Python).
STUCK_EARLY_S = 0.5
QUIET_S = 0.1  # a master that has forked nothing for so long has forked its first workers
# A dead worker without a successor: its master may sleep for 2 s first (forkbomb-delay). After that, none is due.
RETIRED_S = 4.0
SUCCESSOR_AGE_S = 60.0  # a child that becomes a master itself does so within this time


class Followed(Protocol):
    """What the looks need of their follower."""

    lifecycle: Lifecycle
    master: Child
    children: dict[int, Child]  # that live, workers or not
    vacant: dict[int, Child]  # slot -> the worker that ended there and has no successor
    sockets: InstanceSockets

    @property
    def now_s(self) -> float:
        """The present time in seconds."""

    def now_ns(self) -> int:
        """Return the present time on CLOCK_MONOTONIC."""

    def emit(
        self, source: str, kind: str, pid: int = 0, slot: int = 0, t_ns: int = 0, data: Mapping[str, Any] = ...
    ) -> None:
        """Hand a row over."""


class CloserLooks:
    """The looks of one follower."""

    def __init__(self, follower: Followed) -> None:
        self._follower = follower
        self._near: set[Child] = set()  # that are looked at closely
        self._slots: Slots | None = None  # None until the first workers have closed what is not theirs
        self._can_tell = True  # False: the sockets cannot be read, so a new child fills the lowest vacant slot
        self._is_first = True  # no slot has been named yet
        self._last_fork_s = 0.0
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
        settled = [child for child in self._follower.children.values() if self._is_settled(child)]
        if settled:
            self._name_slots(settled, is_first=True)
        for child in list(self._follower.children.values()):
            if child.slot:
                self._look_at_starting(child)

    def begin_anew(self) -> None:
        """Forget the slots: the master has made new sockets."""
        self._slots, self._can_tell = None, True
        self._epolls.clear()
        self._near.discard(self._follower.master)

    @property
    def has_named(self) -> bool:
        """True once the slots of the workers that were there at the beginning are named."""
        return all(child.slot is not None for child in self._follower.children.values()) or not self._is_first

    def are_outdated(self) -> bool:
        """Return True if the master has executed itself since the slots were named. It has no worker then."""
        if self._slots is None or any(child.slot for child in self._follower.children.values()):
            return False
        return self._slots.are_outdated(self._follower.master.pid)

    def begin_with(self, child: Child) -> None:
        """Take in a new child."""
        self._last_fork_s = self._follower.now_s
        child.due_s = self._last_fork_s + FIRST_LOOK_S
        self._near.add(child)

    def forget(self, child: Child) -> None:
        self._near.discard(child)

    def leaves(self, child: Child, t_ns: int) -> None:
        """Take in that the main thread of a worker has ended and other threads of it live."""
        if child.slot and not child.leaving_ns:
            child.leaving_ns = t_ns
            self._follower.emit("children", "exit_begun", child.pid, t_ns=t_ns)
            child.due_s = 0.0
            self._near.add(child)

    # -- slots ----------------------------------------------------------------------------------

    def _name_slots(self, children: list[Child], *, is_first: bool) -> None:
        """Learn the sockets of the master, and name the slots of these children."""
        follower = self._follower
        self._is_first = False
        self._slots = follower.sockets.slots()
        self._can_tell = self._slots is not None
        numbers = self._slots.begin(child.pid for child in children) if self._slots else {}
        for child in sorted(children, key=lambda child: child.pid):
            slot = numbers.get(child.pid, NO_WORKER) if self._slots else self._lowest_vacant()
            self._fill(child, slot, "spawned" if is_first else "respawned")

    def _fill(self, child: Child, slot: int, kind: str = "respawned") -> None:
        child.slot = slot
        if slot == NO_WORKER:
            self._near.discard(child)
            return
        self._follower.vacant.pop(slot, None)
        t_ns = child.forked_ns if kind == "spawned" else 0
        self._follower.emit("children", kind, child.pid, slot, t_ns=t_ns)

    def _lowest_vacant(self) -> int:
        taken = {child.slot for child in self._follower.children.values()}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def _name_slot(self, child: Child, now_s: float) -> bool:
        """Try to find out which slot a new child fills. Return False if it is too early to know."""
        if self._slots is None and self._can_tell:
            if now_s < self._last_fork_s + QUIET_S or (self._is_first and not self._is_settled(child)):
                return False
            new = [other for other in self._follower.children.values() if other.slot is None]
            self._name_slots(new, is_first=self._is_first)
            return True
        slot = self._slots.number(child.pid, self._follower.vacant) if self._slots else self._lowest_vacant()
        if slot == TOO_EARLY:
            if not self._is_settled(child):
                return False
            slot = self._lowest_vacant()
        if slot == NO_WORKER and not self._is_settled(child):
            return False
        self._fill(child, slot)
        return True

    def _is_settled(self, child: Child) -> bool:
        """Return True if a child is old enough to have closed the sockets of its siblings."""
        return self._follower.now_s - child.forked_ns / 1e9 > STUCK_EARLY_S

    def name_slot_of_ended(self, child: Child) -> None:
        """Guess the slot of a child that has ended before its slot was known: the one that is vacant for longest."""
        if child.slot is None:
            vacant = self._follower.vacant
            earlier = [slot for slot, worker in vacant.items() if worker.exited_ns <= child.forked_ns]
            slot = min(earlier, key=lambda slot: vacant[slot].exited_ns, default=NO_WORKER)
            self._fill(child, slot)

    # -- looks ----------------------------------------------------------------------------------

    def look(self, now_s: float) -> None:
        """Take every closer look that is due."""
        for child in [child for child in self._near if child.due_s <= now_s]:
            child.due_s = now_s + child.interval_s
            if child is self._follower.master:
                self._emit_state(child)
            elif (child.slot is None and not self._name_slot(child, now_s)) or child not in self._near:
                continue
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
