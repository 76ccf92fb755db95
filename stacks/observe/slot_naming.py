"""Names the slot of each child of a followed master, or finds that the child is no worker.

The sockets of the children name the slots (`slots`). Where they cannot be read, each child counts as a worker and fills
the lowest slot that is empty.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable

from stacks.observe import proc
from stacks.observe.child import Child
from stacks.observe.followed import Followed
from stacks.observe.slots import NO_WORKER, TOO_EARLY, Slots

# A child that keeps all sockets of its master for so long is stuck before it closes them (a fork hook of Python). While
# it waits for a CPU, or computes, it has longer.
STUCK_EARLY_S, BUSY_EARLY_S = 0.5, 10.0
QUIET_S = 0.1  # a master that has forked nothing for so long has forked its first workers
# If no child has lived long enough to tell its slot for so long, every worker ends at once, again and again. If another
# child of the master, such as a mule, has told that it has none, so many ends in so many seconds show this.
NONE_LIVES_S = 2.0
LOOP_ENDS, LOOP_S = 3, 10.0  # the master sleeps for 2 s when its workers end too fast


class SlotNaming:
    """Names the slots of the children of one follower."""

    def __init__(self, follower: Followed) -> None:
        self._follower = follower
        self._slots: Slots | None = None  # None until the first workers have closed what is not theirs
        self._can_tell = True  # False: the sockets cannot be read
        self._is_first = True  # no slot has been named yet
        self._has_worker = False  # the sockets of a child have told its slot
        self._nameless_s: deque[float] = deque(maxlen=LOOP_ENDS)  # the newest ends of children without a slot
        self._last_fork_s = 0.0
        self._begun_s = follower.now_s

    @property
    def has_begun(self) -> bool:
        """True once the slots of the workers that were there at the beginning are named."""
        children = self._follower.children.values()
        return all(child.slot is not None for child in children if self._is_first or self._was_there(child))

    def _was_there(self, child: Child) -> bool:
        """Return True if the child was forked before the watching began, so that it is no respawn."""
        return child.forked_ns / 1e9 <= self._begun_s

    def begin(self) -> None:
        """Name the slots of the children that were there before the watching and are old enough."""
        if any(map(self._is_settled, self._follower.children.values())):
            self._learn()

    def begin_anew(self) -> None:
        """Forget the slots: the master makes new sockets, before it forks."""
        self._slots, self._can_tell, self._has_worker = None, True, False
        self._last_fork_s = math.inf

    def note_fork(self) -> None:
        """Note that the master has just forked."""
        self._last_fork_s = self._follower.now_s

    def are_outdated(self) -> bool:
        """Return True if the master has executed itself since the slots were named. It has no worker then."""
        if self._slots is None or any(child.slot for child in self._follower.children.values()):
            return False
        return self._slots.are_outdated(self._follower.master.pid)

    def name(self, child: Child) -> bool:
        """Try to find out which slot a new child fills. Return False if it is too early to know."""
        if self._slots is None and self._can_tell:
            is_early = self._follower.now_s < self._last_fork_s + QUIET_S
            if not is_early and (not self._is_first or self._is_settled(child)):
                self._learn()
            return child.slot is not None
        slot = self._slots.number(child.pid, self._follower.vacant) if self._slots else self._lowest_vacant()
        if slot in (TOO_EARLY, NO_WORKER) and not self._has_told(child):
            return False
        self._has_worker |= slot > NO_WORKER
        self._fill(child, self._lowest_vacant() if slot == TOO_EARLY else slot, "respawned")
        return True

    def name_ended(self, child: Child) -> None:
        """Guess the slot of a child that has ended before its slot was known.

        The master fills the slots in the order in which they became vacant. So the slots that are vacant for longest
        are those of the children that were forked before this one and have no slot yet.
        """
        vacant = self._follower.vacant
        # Of a worker whose other threads lived on, `exited_ns` is when that was seen, which may be after the fork.
        since = {slot: one.leaving_ns or one.exited_ns for slot, one in vacant.items()}
        earlier = sorted((slot for slot in since if since[slot] <= child.forked_ns), key=since.__getitem__)
        others = self._follower.children.values()
        before = sum(other.slot is None and other.forked_ns < child.forked_ns for other in others)
        slot = earlier[min(before, len(earlier) - 1)] if earlier else NO_WORKER
        if slot == NO_WORKER and self._is_in_loop():
            slot, self._is_first = self._lowest_vacant(vacant), False
        self._fill(child, slot, "respawned")

    def _is_in_loop(self) -> bool:
        """Take in that a child without a slot has ended. Return True if every worker ends at once."""
        now_s, ends_s = self._follower.now_s, self._nameless_s
        ends_s.append(now_s)
        if self._slots is None:
            return now_s > self._begun_s + NONE_LIVES_S
        return not self._has_worker and len(ends_s) == LOOP_ENDS and now_s < ends_s[0] + LOOP_S

    def _learn(self) -> None:
        """Learn the sockets of the master, and name the slots of the children that have none yet."""
        self._slots = self._follower.sockets.slots()
        self._can_tell = self._slots is not None
        children = sorted(
            (child for child in self._follower.children.values() if child.slot is None), key=lambda child: child.pid
        )
        numbers = self._slots.begin(child.pid for child in children) if self._slots else {}
        if self._slots and not any(numbers.values()) and not all(map(self._has_told, children)):
            self._slots = None  # all of them are too young to tell, or have ended
            return
        self._has_worker |= any(numbers.values())
        kind, self._is_first = "spawned" if self._is_first else "respawned", False
        for child in children:
            slot = numbers.get(child.pid, NO_WORKER) if self._slots else self._lowest_vacant()
            if slot or self._has_told(child):
                self._fill(child, slot, kind)

    def _fill(self, child: Child, slot: int, kind: str) -> None:
        child.slot = slot
        kind = "spawned" if self._was_there(child) else kind
        if slot != NO_WORKER:
            self._follower.vacant.pop(slot, None)
            t_ns = child.forked_ns if kind == "spawned" else 0
            self._follower.emit("children", kind, child.pid, slot, t_ns=t_ns)
            self.tell_exit(child)

    def tell_exit(self, child: Child) -> None:
        """Tell that a worker has begun to exit, if it has and its slot is known."""
        if child.slot and child.leaving_ns:
            self._follower.emit("children", "exit_begun", child.pid, t_ns=child.leaving_ns)

    def _lowest_vacant(self, others: Iterable[int] = ()) -> int:
        """Return the lowest slot that no living child fills, and that is none of `others`."""
        taken = {child.slot for child in self._follower.children.values()} | set(others)
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def _is_settled(self, child: Child) -> bool:
        """Return True if a child is old enough to have closed the sockets of its siblings."""
        return self._age_s(child) > STUCK_EARLY_S

    def _age_s(self, child: Child) -> float:
        return self._follower.now_s - child.forked_ns / 1e9

    def _has_told(self, child: Child) -> bool:
        """Return True if a child is settled and lives. One that has ended has no sockets: see `name_ended`."""
        return self._is_settled(child) and proc.is_alive(child.pid) and not self._is_busy_early(child)

    def _is_busy_early(self, child: Child) -> bool:
        """Return True if a child may still close the sockets of its siblings: it has had no CPU time for that yet."""
        if self._slots is None or self._age_s(child) > BUSY_EARLY_S or not self._slots.has_closed_nothing(child.pid):
            return False
        entry = proc.stat(child.pid)
        return entry is not None and entry.state in "RD"
