"""The picture of a watched uWSGI at one moment, and the changes between two moments.

`Watch` (watch.py) makes both. Everything that shows or exports them takes only what is defined here: the table, the
live view, the lines of `--json`, /metrics, `--on-hang`. Times are CLOCK_MONOTONIC nanoseconds (`_ns`) or seconds
(`_s`).
A value that cannot be seen is None, never 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The states of a worker. A worker whose state is HUNG has a `reason`.
SERVING = "serving"  # it has at least one request in hand
IDLE = "idle"  # it waits for a connection
STARTING = "starting"  # it was forked and does not accept connections yet
LEAVING = "leaving"  # it ends: its main thread has ended, or waits for the other threads to end
HUNG = "hung"  # proven: it will never answer
STATES = (SERVING, IDLE, STARTING, LEAVING, HUNG)

# Where a worker hangs.
AT_FORK, IN_REQUEST, AT_EXIT = "at_fork", "in_request", "at_exit"

# The causes of a respawn, as far as the exit status of the worker before tells them.
RECYCLED = "recycled"  # max-requests, max-worker-lifetime, reload-on-rss: the worker said goodbye by itself
RELOADED = "reloaded"  # a reload of the instance, of its workers, or a chain reload
CHEAPED = "cheaped"  # the master wanted fewer workers
KILLED = "killed"  # SIGKILL: harakiri, worker-reload-mercy, the kernel for want of memory, or a person
CRASHED = "crashed"  # any other signal, or an exit status of a failure
ADDED = "added"  # no worker left before: cheaper, or a vacant slot
UNKNOWN = "unknown"  # nobody saw the exit status
CAUSES = (RECYCLED, RELOADED, CHEAPED, KILLED, CRASHED, ADDED, UNKNOWN)

# What the master does besides its usual work.
RELOADING = "reloading"  # its workers have left, and it executes itself again
CHAIN = "chain"  # it replaces one worker after the other
THROTTLED = "throttled"  # it sleeps, because workers respawned too fast (forkbomb-delay)


@dataclass(frozen=True, slots=True)
class Phases:
    """The last respawn of a slot in seconds. A phase that was not seen is None."""

    exit_s: float | None = None  # from the moment when the worker before began to exit until it ended
    vacant_s: float | None = None  # until its successor was forked
    start_s: float | None = None  # until its successor was ready

    @property
    def total_s(self) -> float | None:
        """The length of the phases that were seen; None if the worker is not ready or no phase was seen."""
        seen = [value for value in (self.exit_s, self.vacant_s, self.start_s) if value is not None]
        return sum(seen) if seen and self.start_s is not None else None


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker process."""

    slot: int | None  # uWSGI's number of the worker; None while it is not known
    pid: int  # as the watcher sees it
    inner_pid: int | None  # in the pid namespace of its container, if that is another one
    state: str  # one of STATES
    reason: str  # why it is proven to hang; '' in every other state
    where: str  # AT_FORK, IN_REQUEST or AT_EXIT if it hangs; otherwise ''
    evidence: str  # what its threads wait for, for people; '' if it does not hang
    state_s: float  # for how long it has had this state
    age_s: float  # since it was forked
    requests: int | None  # connections that it has accepted and holds
    last_respawn: Phases | None  # None if it was running when the watching began
    cpu: float | None  # share of one core, since the look before
    rss_kib: int | None
    respawns: int  # how often this slot has respawned while it was watched


@dataclass(frozen=True, slots=True)
class Queue:
    """The accept queue of one listening socket of the instance."""

    address: str  # an IP address with its port, an IPv6 address in brackets, or the path of a unix socket
    waiting: int  # connections that no worker has accepted yet
    limit: int  # the length at which the kernel refuses further ones


@dataclass(frozen=True, slots=True)
class Blind:
    """Something that cannot be seen, and what that costs."""

    what: str  # a short and stable name: 'forks', 'waits', 'sockets', 'exit_status', 'queue', 'slots'
    why: str
    cost: str

    @property
    def text(self) -> str:
        """The sentence for people."""
        return f"{self.why}: {self.cost}"


@dataclass(frozen=True, slots=True)
class InstanceView:
    """One uWSGI master with its workers."""

    t_ns: int
    master_pid: int
    master_inner_pid: int | None  # in the pid namespace of its container, if that is another one
    name: str  # for people: the ini file, or the command line
    is_alive: bool  # False after the master has ended
    workers: tuple[WorkerView, ...]  # by slot
    respawns: Mapping[str, int]  # by cause (CAUSES), since the watching began; a cause that did not occur is absent
    hung: int  # workers that are proven to hang now
    queues: tuple[Queue, ...] | None  # None if they cannot be seen
    ready_s: tuple[float, ...]  # the newest times from fork to ready, the newest last, at most 100
    doing: str  # RELOADING, CHAIN, THROTTLED or ''
    master_hang: str  # why the master is known to stand still; '' if it does not
    reloads: int  # how often it has executed itself again while it was watched
    watched_s: float  # since the watching began
    respawn_history: tuple[int, ...]  # respawns in each of the last 60 seconds, the newest last
    blind: tuple[Blind, ...]  # what cannot be seen
    other_pids: tuple[int, ...]  # further children that are no workers: mules, spoolers, routers, daemons

    @property
    def queued(self) -> int | None:
        """Connections that wait in all accept queues; None if they cannot be seen."""
        return None if self.queues is None else sum(queue.waiting for queue in self.queues)

    @property
    def is_hung(self) -> bool:
        """True if a worker or the master is proven to hang."""
        return self.hung > 0 or bool(self.master_hang)

    def count(self, state: str) -> int:
        """Return how many workers have this state."""
        return sum(worker.state == state for worker in self.workers)


# The kinds of a Change. A new kind may be added; none changes its meaning.
WATCHING = "watching"  # the watching of this master began
FORKED, READY, ENDED = "worker_forked", "worker_ready", "worker_ended"
WORKER_HUNG, WORKER_MOVES = "worker_hung", "worker_moves"  # it is proven to hang; it moves again, or has ended
MASTER_HUNG, MASTER_MOVES = "master_hung", "master_moves"
MASTER_RELOADED = "master_reloaded"  # it executed itself again: same pid, new workers
MASTER_REPLACED = "master_replaced"  # `pid` is the new master, data: old_pid
MASTER_ENDED = "master_ended"  # nobody is left to respawn a worker
DOING = "doing"  # `doing` of the view changed, data: doing
QUEUE_FULL = "queue_full"  # data: address, waiting, limit
BLIND = "blind"  # something cannot be seen, data: what, cost
LOST = "lost"  # the kernel dropped events; the next look counts what it can still see


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened. `--json` prints one line for each."""

    t_ns: int
    kind: str  # one of the names above
    master_pid: int
    pid: int = 0  # the process that it is about
    slot: int | None = None
    text: str = ""  # one sentence for people
    # More values with units in their names. READY: vacant_s, start_s. ENDED: cause, and exit_status or signal.
    # WORKER_HUNG: reason, where, evidence, hung_s (since the fork or the last sign of life), proven_s (how long before
    # this line the proof was complete).
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the change as one flat JSON object."""
        row: dict[str, Any] = {"t_ns": self.t_ns, "kind": self.kind, "master_pid": self.master_pid}
        row |= {"pid": self.pid} if self.pid else {}
        row |= {"slot": self.slot} if self.slot is not None else {}
        return row | dict(self.data) | {"text": self.text}
