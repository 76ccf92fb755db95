"""Tells what a master does besides its usual work: it reloads, replaces its workers one by one, or sleeps (throttle).

Nothing but the ends of workers and the wait of the master shows it, because nobody reads uWSGI's log.
"""

from __future__ import annotations

from collections.abc import Iterable

from stacks.observe.ends import RELOADED
from stacks.observe.follower import Follower
from stacks.watch.view import CHAIN, RELOADING, THROTTLED

SLEEP = b"hrtimer_nanosleep"  # the wait channel of sleep(3): core/master.c sleeps for forkbomb-delay
CHAIN_REST_S = 30.0  # a chain reload that takes no step for so long has ended, if no worker hangs


class Activity:
    """What one master does. It is asked after each step of its follower."""

    def __init__(self) -> None:
        self._is_back = True  # a worker is ready since the last reload, and none starts
        self._due: set[int] = set()  # slots that the last reload has emptied
        self._chain: set[int] = set()  # slots that a chain has replaced
        self._chain_s = 0.0  # when it took its last step

    def reloaded(self, slots: Iterable[int]) -> None:
        """Take in that the master has executed itself again, and that `slots` had a worker before."""
        self._is_back = False
        self._due = set(slots)
        self._chain.clear()

    def forked(self, slot: int, status: int | None, now_s: float) -> None:
        """Take in that a worker follows one that ended with this wait status."""
        if slot in self._due:  # the others may be ready already
            self._due.remove(slot)
        elif status == RELOADED << 8 and self._is_back:
            self._chain.add(slot)
            self._chain_s = now_s

    def now(self, follower: Follower, is_hung: bool) -> str:
        """Return RELOADING, CHAIN, THROTTLED or ''."""
        workers = [child for child in follower.children.values() if child.slot]
        is_starting = any(not child.is_ready for child in workers)
        if not self._is_back:
            self._is_back = bool(workers) and not is_starting
        if follower.vacant and follower.master.wait == SLEEP:
            return THROTTLED
        has_left = any(child.status == RELOADED << 8 for child in follower.vacant.values())
        if not self._is_back or (has_left and len(follower.vacant) > len(workers)):
            return RELOADING
        if self._chain and not (is_hung or is_starting):
            is_complete = self._chain >= {child.slot for child in workers} | set(follower.vacant)
            if is_complete or follower.now_s - self._chain_s > CHAIN_REST_S:
                self._chain.clear()
        return CHAIN if self._chain else ""
