"""Makes the picture of a watched uWSGI (view.py) from what its follower and the lifecycle know."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.lifecycle import Lifecycle
from stacks.observe import proc, uwsgi_processes
from stacks.observe.child import Child
from stacks.observe.follower import Follower
from stacks.watch import view
from stacks.watch.blindness import blind
from stacks.watch.hang_changes import HangChanges
from stacks.watch.respawn_counts import RespawnCounts
from stacks.watch.view import InstanceView, Phases, Queue, WorkerView

COUNT_S = 1.0  # CPU, memory, queues and requests are read at most once in this time


class Watched(Protocol):
    """What a picture needs of its watch."""

    name: str
    lifecycle: Lifecycle
    follower: Follower
    counts: RespawnCounts
    hangs: HangChanges
    ready_s: deque[float]
    doing: str

    @property
    def pid(self) -> int:
        """The pid of the master."""

    @property
    def watched_s(self) -> float:
        """For how long the master is watched."""

    def notice_queues(self, queues: tuple[Queue, ...]) -> None:
        """Take the lengths of the accept queues in."""


class Picture:
    """Makes the pictures of one watch, and remembers what a later one is compared with."""

    def __init__(self, watch: Watched) -> None:
        self._watch = watch
        self._counted_s = 0.0
        self._usage: dict[int, tuple[float, int, float | None, int]] = {}  # pid -> time, ticks, share of a core, KiB
        self._states: dict[int, tuple[str, int]] = {}  # pid -> state, since when
        self._queues: tuple[Queue, ...] | None = None
        self._inner: dict[int, int | None] = {}

    def take(self) -> InstanceView:
        """Return the present picture."""
        watch, follower = self._watch, self._watch.follower
        workers = sorted((child for child in follower.children.values() if child.slot != 0), key=_order)
        is_new = self._queues is None and bool(follower.sockets.listening)
        if (is_new or follower.now_s >= self._counted_s + COUNT_S) and not follower.is_over:
            self._counted_s = follower.now_s
            self._count(workers)
        now_ns = follower.clock()
        alive = {child.pid for child in workers} | {follower.master.pid}
        for memory in (self._usage, self._states, self._inner):
            for pid in memory.keys() - alive:
                memory.pop(pid)
        return InstanceView(
            t_ns=now_ns,
            master_pid=watch.pid,
            master_inner_pid=self._inner_pid(watch.pid),
            name=watch.name,
            is_alive=not follower.is_over,
            workers=tuple(self._worker(child, now_ns) for child in workers),
            respawns=dict(watch.counts.by_cause),
            hung=len(watch.hangs.workers),
            queues=self._queues,
            ready_s=tuple(watch.ready_s),
            doing=watch.doing,
            master_hang=watch.hangs.master,
            reloads=follower.reloads,
            watched_s=watch.watched_s,
            respawn_history=watch.counts.history(now_ns),
            blind=blind(follower.unavailable),
            other_pids=tuple(sorted(child.pid for child in follower.children.values() if child.slot == 0)),
        )

    def _count(self, workers: Sequence[Child]) -> None:
        follower = self._watch.follower
        follower.sockets.count_requests(child for child in workers if child.is_ready)
        listeners = follower.sockets.queues()
        if listeners is not None:
            self._queues = tuple(Queue(each.address, each.waiting, each.limit) for each in listeners)
            self._watch.notice_queues(self._queues)
        for child in workers:
            stat = proc.stat(child.pid)
            if stat is None:
                continue
            now_s = follower.now_s
            before = self._usage.get(child.pid)
            cpu = (stat.ticks - before[1]) / proc.CLOCK_TICKS / (now_s - before[0]) if before else None
            self._usage[child.pid] = (now_s, stat.ticks, cpu, stat.rss_kib)

    def _worker(self, child: Child, now_ns: int) -> WorkerView:
        hang = self._watch.hangs.workers.get(child.pid)
        state = _state(child, hang is not None)
        since_ns = self._states.get(child.pid, ("", 0))
        if since_ns[0] != state:
            begin_ns = {view.HUNG: hang[0].since_ns if hang else 0, view.STARTING: child.forked_ns}.get(state, now_ns)
            since_ns = self._states[child.pid] = (state, begin_ns)
        usage = self._usage.get(child.pid)
        incarnations = self._watch.lifecycle.workers.by_slot.get(child.slot or 0, [])
        is_newest = bool(incarnations) and incarnations[-1].pid == child.pid
        generation = incarnations[-1].generation if is_newest else 0
        return WorkerView(
            slot=child.slot,
            pid=child.pid,
            inner_pid=self._inner_pid(child.pid),
            state=state,
            reason=hang[0].text if hang else "",
            where=hang[1] if hang else "",
            evidence=(self._watch.lifecycle.hangs.evidence([child.pid]) or "") if hang else "",
            state_s=(now_ns - since_ns[1]) / 1e9,
            age_s=(now_ns - child.forked_ns) / 1e9,
            requests=child.requests,
            last_respawn=phases(incarnations) if generation else None,
            cpu=usage[2] if usage else None,
            rss_kib=usage[3] if usage else None,
            respawns=generation,
        )

    def _inner_pid(self, pid: int) -> int | None:
        if pid not in self._inner:
            self._inner[pid] = uwsgi_processes.inner_pid(pid)
        return self._inner[pid]


def _order(child: Child) -> tuple[bool, int, int]:
    return child.slot is None, child.slot or 0, child.pid


def _state(child: Child, is_hung: bool) -> str:
    if is_hung:
        return view.HUNG
    if child.leaving_ns:
        return view.LEAVING
    if not child.is_ready:
        return view.STARTING
    is_busy = child.requests > 0 if child.requests is not None else not child.is_idle
    return view.SERVING if is_busy else view.IDLE


def phases(incarnations: Sequence[Incarnation]) -> Phases:
    """Return the phases of the newest respawn of a slot in seconds."""
    new = incarnations[-1]
    old = incarnations[-2] if len(incarnations) > 1 and not incarnations[-2].is_retired else None
    exited_ns = old.exited_ns if old is not None else None
    return Phases(
        exit_s=_between(old.exit_begun_ns if old is not None else None, exited_ns),
        vacant_s=_between(exited_ns, new.forked_ns),
        start_s=_between(new.forked_ns, new.ready_ns),
    )


def _between(begin_ns: int | None, end_ns: int | None) -> float | None:
    return None if begin_ns is None or end_ns is None else max(0.0, (end_ns - begin_ns) / 1e9)
