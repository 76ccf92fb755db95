"""Watches one uWSGI master: waits for the kernel's events, judges with the lifecycle, and tells what changed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any

from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe import uwsgi_processes
from stacks.observe.follower import Follower
from stacks.watch import causes, picture, view
from stacks.watch.activity import Activity
from stacks.watch.blindness import blind
from stacks.watch.hang_changes import HangChanges
from stacks.watch.respawn_counts import RespawnCounts
from stacks.watch.target import CannotWatch, check
from stacks.watch.view import Change, InstanceView, Queue

__all__ = ["CannotWatch", "Watch"]
READY_TIMES = 100  # so many of the newest times to ready are kept
PRUNE_S = 10.0
KEEP_S = 60.0  # rows that belong to no worker are kept for so long


class Watch:
    """One watched master. Nothing is sent to it: no signal, no connection, no debugger.

    The loop of an owner:

        with Watch.open(pid) as watch:
            while not watch.is_over:
                for change in watch.step(limit_s): ...
                view = watch.view()  # made when asked for

    An owner with descriptors of its own adds `watch.fileno()` to its epoll, waits until it is readable or `next_due_s`
    has passed, and calls `step(0)`.
    """

    def __init__(self, pid: int, take_row: Callable[[Event], None]) -> None:
        """Prepare the watching. `open` is the way to get one."""
        self.lifecycle = Lifecycle()  # what judges; recordings and `--heal` may ask it, and never feed it
        self.name = uwsgi_processes.name(pid)
        self.counts = RespawnCounts()
        self.ready_s: deque[float] = deque(maxlen=READY_TIMES)
        self.doing = ""
        self.follower = Follower(pid, self.lifecycle, self._take)
        self.hangs = HangChanges(self.lifecycle, self.follower, self._tell)
        self._picture = picture.Picture(self)
        self._take_row = take_row
        self._activity = Activity()
        self._changes: list[Change] = []
        self._begun_ns = self.follower.clock()
        self._prune_s = 0.0
        self._seen_blind: set[str] = set()
        self._seen_full: set[str] = set()
        self._reloads = self._lost = self._rows = 0

    @classmethod
    def open(cls, pid: int, take_row: Callable[[Event], None] = lambda _row: None) -> Watch:
        """Attach to the master `pid`. `take_row` gets every lifecycle row, in the order in which they are judged.

        These are the rows that `events.jsonl` of an attached run has, `heartbeat` (one a second) included.
        Raises CannotWatch.
        """
        check(pid)
        watch = cls(pid, take_row)
        try:
            watch.follower.open()
            check(pid)  # the pid may have got another process meanwhile
        except OSError as error:
            watch.close()
            raise CannotWatch(f"process {pid} ended while the watching began ({error.strerror})") from None
        except CannotWatch:
            watch.close()
            raise
        watch._tell(view.WATCHING, pid, text=f"watching {watch.name}, master {pid}", name=watch.name)
        return watch

    # -- the loop -------------------------------------------------------------------------------

    @property
    def is_over(self) -> bool:
        """True once the master has ended and no other one has replaced it. `step` has returned MASTER_ENDED then."""
        return self.follower.is_over

    @property
    def pid(self) -> int:
        """The pid of the master, which changes when another one replaces it."""
        return self.follower.master.pid

    @property
    def is_settled(self) -> bool:
        """True if each worker is either well or proven to hang, as far as the looks until now tell."""
        has_looked = self.follower.has_looked and not self._changes
        near = (child for child in self.follower.looks.near() if child is not self.follower.master)
        return has_looked and all(child.pid in self.hangs.workers for child in near)

    def fileno(self) -> int:
        """Return a descriptor that is readable when there is an event to take in (an epoll)."""
        return self.follower.fileno()

    @property
    def next_due_s(self) -> float:
        """Seconds until `step` wants to look again, 0 if now."""
        return 0.0 if self._changes else self.follower.next_due_s

    def step(self, limit_s: float = 1.0) -> list[Change]:
        """Wait for an event or the next look, `limit_s` at most; take it in; return what changed."""
        if not self.is_over:
            self.follower.step(0.0 if self._changes else limit_s)
            self.lifecycle.now_ns = max(self.lifecycle.now_ns, self.follower.clock())
            is_loaded = self.is_over or self.lifecycle.workers.is_under_load  # nothing comes after the row `ended`
            if not is_loaded and self.follower.looks.naming.has_begun:
                self._take(Event(self.follower.clock(), "observer", "load_begin"))
            if self.follower.rows != self._rows:
                self._rows = self.follower.rows
                self.hangs.judge()
                self._notice()
            now_s = self.follower.now_s
            if now_s >= self._prune_s:
                self._prune_s = now_s + PRUNE_S
                self.lifecycle.workers.prune(int((now_s - KEEP_S) * 1e9))
        changes, self._changes = self._changes, []
        return changes

    def view(self) -> InstanceView:
        """Return the present picture. CPU, memory and requests in hand are read now, at most once a second."""
        return self._picture.take()

    def close(self) -> None:
        """Stop to watch. The master does not notice."""
        self.follower.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- rows -----------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        """Take a row in, and tell the change that it means."""
        former = self._current(event.slot) if event.kind == "respawned" else None
        self.lifecycle.feed(event)
        self._take_row(event)
        if event.kind == "respawned":
            self._respawned(event, former)
        elif event.kind == "ready":
            self._ready(event)
        elif event.kind == "exited":
            self._ended(event)
        elif event.kind == "master" and self.pid == event.pid:
            self._master(event)
        elif event.kind == "ended":
            self._tell(view.MASTER_ENDED, self.pid, text="the master ended: nobody is left to respawn a worker")

    def _current(self, slot: int) -> Incarnation | None:
        incarnations = self.lifecycle.workers.by_slot.get(slot)
        return incarnations[-1] if incarnations else None

    def _respawned(self, event: Event, former: Incarnation | None) -> None:
        cause = self.counts.add(event.slot, event.t_ns)
        ended = former if former is not None and former.exited_ns is not None else None
        status = ended.exit_status << 8 if ended is not None and ended.exit_status is not None else None
        self._activity.forked(event.slot, status, self.follower.now_s)
        self._tell(view.FORKED, event.pid, event.slot, f"worker {event.slot} was forked ({cause})", cause=cause)

    def _ready(self, event: Event) -> None:
        worker = self.lifecycle.workers.newest_with(event.pid)
        if worker is None or not worker.generation:
            return
        phases = picture.phases(self.lifecycle.workers.by_slot[worker.slot])
        if phases.start_s is not None:
            self.ready_s.append(phases.start_s)
        data = {name: getattr(phases, name) for name in ("exit_s", "vacant_s", "start_s")}
        text = f"worker {worker.slot} is ready" + (f" after {phases.start_s:.3f} s" if phases.start_s else "")
        self._tell(view.READY, event.pid, worker.slot, text, **data)

    def _ended(self, event: Event) -> None:
        worker = self.lifecycle.workers.newest_with(event.pid)
        slot = worker.slot if worker is not None else None
        cause = causes.of(event.data)
        if slot is not None:
            self.counts.end(slot, cause)
        text = f"worker {slot} ended: {causes.describe(event.data)}"
        self._tell(view.ENDED, event.pid, slot, text, cause=cause, **event.data)
        self.hangs.end(event.pid, slot)

    def _master(self, event: Event) -> None:
        if self.follower.reloads != self._reloads:
            self._reloads = self.follower.reloads
            self.counts.reload()
            self._activity.reloaded(self.lifecycle.slots)
            self._tell(view.MASTER_RELOADED, event.pid, text="the master executed itself again (reload)")
        elif self._former_pid not in (0, event.pid):
            self._tell(view.MASTER_REPLACED, event.pid, text=f"master {event.pid} follows", old_pid=self._former_pid)
            self.hangs.workers.clear()
        self._former_pid = event.pid

    _former_pid = 0

    # -- the instance ---------------------------------------------------------------------------

    def _notice(self) -> None:
        """Tell what changed about the instance as a whole."""
        doing = self._activity.now(self.follower, bool(self.hangs.workers))
        if doing != self.doing:
            self.doing = doing
            self._tell(
                view.DOING,
                self.pid,
                text=f"the master is {doing}" if doing else "the master is back to normal",
                doing=doing,
            )
        for source in blind(self.follower.unavailable):
            if source.what not in self._seen_blind:
                self._seen_blind.add(source.what)
                self._tell(view.BLIND, self.pid, text=source.text, what=source.what, cost=source.cost)
        if self.follower.lost != self._lost:
            self._lost = self.follower.lost
            self._tell(view.LOST, self.pid, text="the kernel dropped process events: respawns may be missing")

    def notice_queues(self, queues: tuple[Queue, ...]) -> None:
        """Tell about accept queues that are full, each once until it has room again."""
        full = {queue.address: queue for queue in queues if queue.waiting > queue.limit > 0}
        for address in full.keys() - self._seen_full:
            queue = full[address]
            text = f"the accept queue of {address} is full: {queue.waiting} wait, {queue.limit} may"
            data: dict[str, Any] = {"address": address, "waiting": queue.waiting, "limit": queue.limit}
            self._tell(view.QUEUE_FULL, self.pid, text=text, **data)
        self._seen_full = set(full)

    def _tell(self, kind: str, pid: int, slot: int | None = None, text: str = "", **data: Any) -> None:
        self._changes.append(Change(self.follower.clock(), kind, self.pid, pid, slot, text, data))

    # -- for the picture ------------------------------------------------------------------------

    @property
    def watched_s(self) -> float:
        return (self.follower.clock() - self._begun_ns) / 1e9
