"""Turns the rows of a run into a state, and answers questions about it; `verdict` judges the state.

The same code judges while the run goes on (early stop, web UI) and afterwards. It reads no clock, no file and no
process. It believes only what a worker does itself: its accept hook, its CPU time, its waits. uWSGI's `Respawned`,
`respawn_count` and `status: idle` are all true for a worker that never becomes ready as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from stacks.lifecycle.episode import Episode, arrival, departure
from stacks.lifecycle.hangs import Hangs, Proof
from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.master_hang import master_hang, unreaped_s
from stacks.lifecycle.masters import Masters
from stacks.lifecycle.records import Event
from stacks.lifecycle.recycle_time import Recycle, slow_recycle
from stacks.lifecycle.row_handlers import row_handlers
from stacks.lifecycle.stopping import MERCY_S, overdue_text
from stacks.lifecycle.stuck_workers import deadlocks
from stacks.lifecycle.thread_looks import ThreadLook
from stacks.lifecycle.workers import Workers

# A trigger has an effect within one turn of the master's loop (1 s), a touched file one second later. A trigger that
# has no effect for this long is ignored.
IGNORED_S = 10.0
HEARTBEAT_GAP_S = 5.0  # a longer gap between two heartbeats of the observer, and nothing can be told


class Lifecycle:
    """The state of a run: its workers, its masters and what is known about hangs. Feed it the rows in their order."""

    def __init__(self) -> None:
        self.hangs = Hangs()
        self.workers = workers = Workers(self.hangs)
        self.masters = masters = Masters(workers)
        self.load_begin_ns: int | None = None
        self.load_limit_s = math.inf  # the longest time that the load may last
        self.stop_ns: int | None = None
        self.now_ns = 0  # the newest time; the observer moves it on while no rows come
        self.throttles = 0  # how often the master slept because workers respawned too fast
        self.heartbeat_gap_s = 0.0  # the longest time between two heartbeats of the observer, one a second
        self.losses: dict[str, Any] = {}  # what became of the requests, as `losses.losses` counts them
        self.thread_looks: list[ThreadLook] = []
        self._heartbeat_ns: int | None = None
        self._take: dict[str, Callable[[Event], None]] = row_handlers(
            workers, masters, self.hangs
        ) | {  # by kind of row
            "heartbeat": self._take_heartbeat,
            "load_begin": self._take_load_begin,
            "stop": self._take_stop,
            "throttle": self._take_throttle,
            "losses": self._take_losses,
            "threads": self._take_threads,
        }

    @classmethod
    def of(cls, events: Iterable[Event]) -> Lifecycle:
        """Build the state from `events` up to the row `verdict`: later rows were not judged when the run was made."""
        lifecycle = cls()
        for event in events:
            lifecycle.feed(event)
            if event.kind == "verdict":
                break
        return lifecycle

    def feed(self, event: Event) -> None:
        """Take one row in. The row `stop` is the last one that counts: the run itself ends what ends later."""
        if self.stop_ns is not None:
            return
        self.now_ns = max(self.now_ns, event.t_ns)
        take = self._take.get(event.kind)
        if take is not None:
            take(event)

    @property
    def is_held_up(self) -> bool:
        """True if the observer, and so most likely uWSGI, got no CPU time for so long that nothing can be told."""
        return self.heartbeat_gap_s > HEARTBEAT_GAP_S

    def _take_heartbeat(self, event: Event) -> None:
        if self._heartbeat_ns is not None:
            self.heartbeat_gap_s = max(self.heartbeat_gap_s, (event.t_ns - self._heartbeat_ns) / 1e9)
        self._heartbeat_ns = event.t_ns

    def _take_load_begin(self, event: Event) -> None:
        self.load_begin_ns = event.t_ns
        self.workers.is_under_load = True
        self.workers.mercy_s = event.data.get("mercy_s", MERCY_S)
        self.load_limit_s = event.data.get("limit_s", math.inf)

    def _take_stop(self, event: Event) -> None:
        self.stop_ns = event.t_ns

    def _take_throttle(self, _event: Event) -> None:
        self.throttles += 1

    def _take_losses(self, event: Event) -> None:
        self.losses = dict(event.data)

    def _take_threads(self, event: Event) -> None:
        look = ThreadLook.of(event)
        self.thread_looks.append(look)
        self.hangs.add_look(look)

    # -- workers and masters --------------------------------------------------------------------

    @property
    def slots(self) -> list[int]:
        """The worker slots that were ever filled, sorted."""
        return sorted(self.workers.by_slot)

    def current(self) -> dict[int, Incarnation]:
        """Return the newest incarnation of every slot."""
        return self.workers.current()

    def starting(self) -> list[int]:
        """Return the pids of workers that were forked and are neither ready nor ended."""
        return [newest.pid for newest in self.current().values() if newest.is_starting]

    def ready(self) -> list[int]:
        """Return the pids of workers that serve, as far as is known; a deadlocked one is among them."""
        return self.workers.ready()

    def leaving(self) -> list[int]:
        """Return the pids of workers that began to exit and have not ended."""
        return [i.pid for i in self.current().values() if i.exit_begun_ns is not None and i.exited_ns is None]

    def deadlocks(self) -> dict[int, Proof]:
        """Return the workers that served and will not answer any more, with the proof. Those that have left count."""
        return deadlocks(self.workers)

    def serving(self) -> int:
        """Return how many slots answer: their worker is ready, not deadlocked, and does not leave."""
        return sum(self.hangs.deadlock(pid) is None for pid in self.ready())

    @property
    def is_idle(self) -> bool:
        """True if the master has no worker, on purpose, and forks one when a request comes."""
        return self.workers.is_idle

    def spawns_on_demand(self) -> bool:
        """Return True if a slot is empty on purpose, so that the master may fork a worker when requests come."""
        return self.is_idle or any(newest.is_retired for newest in self.current().values())

    @property
    def ended(self) -> str:
        """How the current master ended by itself, in words; '' while it is alive."""
        return self.masters.ended

    def master_hang(self) -> str:
        """Return the reason why a master is known to hang, or ''."""
        return master_hang(self.masters, self.now_ns)

    def unreaped_s(self) -> float:
        """Return for how many seconds the longest dead worker has waited for its successor; 0 if no worker waits."""
        return unreaped_s(self.workers, self.now_ns)

    def pending_trigger_s(self) -> float:
        """Return for how many seconds a trigger has had no effect; 0 if none is pending."""
        return self.masters.pending_trigger_s(self.now_ns)

    # -- episodes -------------------------------------------------------------------------------

    def episodes(self) -> list[Episode]:
        """Return every episode of the run, by slot and generation."""
        return [episode for slot in self.slots for episode in self.slot_episodes(slot)]

    def slot_episodes(self, slot: int, first: int = 0) -> list[Episode]:
        """Return the episodes of one slot from number `first` on. Only the newest two can still change."""
        incarnations = self.workers.by_slot[slot]
        episodes = [self._arrival(incarnations, index) for index in range(first, len(incarnations))]
        if incarnations[-1].is_being_replaced:
            episodes.append(self._departure(incarnations[-1]))
        return episodes

    def _open_episodes(self) -> list[Episode]:
        """Return the newest episode of every slot, without the slots that are empty on purpose."""
        return [
            self._departure(incarnations[-1])
            if incarnations[-1].is_being_replaced
            else self._arrival(incarnations, len(incarnations) - 1)
            for incarnations in self.workers.by_slot.values()
            if not incarnations[-1].is_retired
        ]

    def _arrival(self, incarnations: list[Incarnation], index: int) -> Episode:
        return arrival(incarnations[index - 1] if index else None, incarnations[index], self.hangs)

    def _departure(self, leaving: Incarnation) -> Episode:
        mercy_s = self.workers.mercy_s
        return departure(leaving, self.hangs, overdue_text(mercy_s) if leaving.is_overdue(self.now_ns, mercy_s) else "")

    def undecided(self, begun_by_ns: int | None = None) -> int:
        """Return how much is still open: undecided episodes, a trigger without an effect, stops that have not ended.

        `begun_by_ns` leaves out what began later.
        """
        episodes = [episode for episode in self._open_episodes() if episode.outcome == "undecided"]
        begun_ns = [episode.exit_begun_ns or episode.exited_ns or episode.forked_ns or 0 for episode in episodes]
        if 0 < self.pending_trigger_s() < IGNORED_S:
            begun_ns.append(self.masters.trigger_ns)
        begun_ns += [stop.begun_ns for stop in self.masters.stops.values() if stop.ended_ns is None]
        return sum(begun_by_ns is None or t_ns <= begun_by_ns for t_ns in begun_ns)

    def respawns(self) -> int:
        """Return how many respawns are trials of the hang rate, as `verdict.judge` counts them, but in less time."""
        ready = sum(i.ready_ns is not None and i.generation > 0 for i in self.workers.every())
        return ready + sum(e.outcome == "hung_at_fork" and e.generation > 0 for e in self._open_episodes())

    def slow_recycle(self, wanted: int) -> Recycle | None:
        """Return the typical recycle if `wanted` respawns do not fit into the load because recycles are so slow."""
        if self.load_begin_ns is None or math.isinf(self.load_limit_s):
            return None
        end_ns = self.load_begin_ns + int(self.load_limit_s * 1e9)
        return slow_recycle(self.workers.by_slot.values(), wanted - self.respawns(), self.now_ns, end_ns)

    def is_outage(self) -> bool:
        """Return True if no slot can answer any more, because each worker, or the master, hangs."""
        if not self.workers.by_slot:
            return False
        hung, episodes = self.deadlocks(), self._open_episodes()
        is_stuck = all(e.outcome in ("hung_at_fork", "hung_at_exit") or e.pid in hung for e in episodes)
        return (bool(episodes) and is_stuck) or (not self.serving() and bool(self.master_hang()))
