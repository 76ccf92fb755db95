"""Takes the rows about workers in, and holds the incarnations of every worker slot.

The sources write their rows in any order: the kernel may report a fork before uWSGI's log names the slot, and a worker
may be ready before its master has written the line that names it. Rows that come too early wait until that line comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from stacks.lifecycle.hangs import Hangs
from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.records import Event
from stacks.lifecycle.stopping import MERCY_S

# A master that is well reaps a dead worker within this time: its loop turns once a second (core/master.c).
REAP_LOOP_S = 1.5


@dataclass(slots=True)
class Workers:
    """The incarnations of every worker slot."""

    hangs: Hangs
    is_under_load: bool = False  # the load has begun
    is_attached: bool = False  # without a log: nobody sees a worker say goodbye, and its requests may be other clients'
    is_idle: bool = False  # no worker is alive, on purpose, until a request comes (uWSGI's options idle and cheap)
    mercy_s: float = MERCY_S  # how long a worker may take to leave
    changed_ns: int = 0  # when a worker was last forked, was told to leave, began to exit or ended
    by_slot: dict[int, list[Incarnation]] = field(default_factory=dict)  # the oldest first
    _by_pid: dict[int, Incarnation] = field(default_factory=dict)  # the newest with each pid
    _early: dict[int, dict[str, int]] = field(default_factory=dict)  # pid -> kind of row -> time

    # -- rows, each method with the kinds of row that it takes ----------------------------------

    def add(self, event: Event) -> None:
        """`spawned` and `respawned`: the master names the slot of a new process."""
        self.is_idle = False
        early = self._early.pop(event.pid, {})
        incarnations = self.by_slot.setdefault(event.slot, [])
        # A running master fills a slot for the first time under load (cheaper, cheap). This counts as a respawn.
        generation = incarnations[-1].generation + 1 if incarnations else int(self.is_under_load)
        incarnation = Incarnation(
            event.slot,
            generation,
            event.pid,
            forked_ns=min([event.t_ns, *early.values()]),
            ready_ns=early.get("ready"),
            exit_begun_ns=early.get("exit_begun"),
            exited_ns=early.get("exited"),
        )
        incarnation.limit_to_exit()
        incarnations.append(incarnation)
        self._by_pid[event.pid] = incarnation
        self._change(event.t_ns)
        self.hangs.forget(event.pid)

    def mark_forked(self, event: Event) -> None:
        """`forked`: the kernel reports the fork. The log, which names the slot, may come before or after."""
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None and (incarnation.exited_ns is None or event.t_ns <= incarnation.exited_ns):
            incarnation.forked_ns = min(incarnation.forked_ns, event.t_ns)
        else:
            # Early rows that are older than the fork are about a former process with this pid.
            early = {kind: t_ns for kind, t_ns in self._early.get(event.pid, {}).items() if t_ns >= event.t_ns}
            self._early[event.pid] = early | {"forked": event.t_ns}

    def mark_ready(self, event: Event) -> None:
        """`ready`: the worker accepts connections."""
        self._mark(event)
        self.hangs.end_stillness(event.pid)

    def mark_exit_begun(self, event: Event) -> None:
        """`exit_begun`: the worker says goodbye."""
        self._keep_deadlock(event.pid, event.t_ns)
        self._mark(event)

    def mark_exited(self, event: Event) -> None:
        """`exited`: the process has ended."""
        self._keep_deadlock(event.pid, event.t_ns)
        incarnation = self._mark(event)
        if incarnation is None:
            return
        if event.data.get("signal") and not incarnation.cause:
            incarnation.cause = f"signal {event.data['signal']}"
        incarnation.signal = event.data.get("signal", incarnation.signal)
        incarnation.exit_status = event.data.get("exit_status", incarnation.exit_status)
        if incarnation.ready_ns is None or incarnation.exit_begun_ns is not None:
            incarnation.hang = incarnation.hang or self.hangs.proof(event.pid)

    def mark_died(self, event: Event) -> None:
        """`died`: the master reports a worker that ended without being told to."""
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None:
            incarnation.cause = event.data.get("text", "died")
            incarnation.signal = event.data.get("signal", incarnation.signal)
            incarnation.last_line = event.data.get("last_line", "")
            incarnation.exited_ns = incarnation.exited_ns or event.t_ns

    def mark_killed(self, event: Event) -> None:
        """`no_mercy`: the master kills a worker that took too long to leave."""
        incarnation = self._by_pid.get(event.pid)
        # uWSGI 2.0.27 to 2.0.30 write this line also about a worker that ended long ago.
        if incarnation is None or event.t_ns - (incarnation.exited_ns or event.t_ns) >= REAP_LOOP_S * 1e9:
            return
        # The master waits by the wall clock, in whole seconds (uwsgi_master_check_mercy). When this clock jumps, it
        # kills workers that began to leave a moment ago: that is no hang. The mercy of another's uWSGI is not known.
        is_mercy_known = self.is_under_load and not self.is_attached
        begun_ns = incarnation.exit_begun_ns
        if is_mercy_known and begun_ns is not None and event.t_ns - begun_ns < (self.mercy_s - 1.0) * 1e9:
            incarnation.cause = "killed by its master, whose wall clock has jumped"
        else:
            incarnation.is_killed = True
            incarnation.cause = "killed by its master after worker-reload-mercy"

    def attach(self, _event: Event) -> None:
        """`attached`: somebody else has started this uWSGI."""
        self.is_attached = True

    def mark_harakiri(self, event: Event) -> None:
        """`harakiri`: the master kills a worker because a request takes too long."""
        incarnation = self._by_pid.get(event.pid)
        if incarnation is not None:
            incarnation.has_harakiri = True

    def mark_asked(self, event: Event) -> None:
        """`asked`: a trigger signals a process, which may be a worker."""
        incarnation = self._by_pid.get(event.data.get("asked_pid", 0))
        if incarnation is not None:
            incarnation.is_asked = True

    def tell_to_leave(self, event: Event) -> None:
        """`told`: the master asks a worker to leave. Its exit begins here."""
        self._tell_to_leave(event.pid, event.t_ns)

    def end_lifetime(self, event: Event) -> None:
        """`lifetime`: the worker of a slot is as old as max-worker-lifetime allows, so its master asks it to leave."""
        newest = self.current().get(event.slot)
        if newest is not None and newest.exited_ns is None:
            self._tell_to_leave(newest.pid, event.t_ns)

    def retire(self, event: Event) -> None:
        """`cheaped`: the master ends the worker of a slot and starts no other, because the load needs fewer workers."""
        if event.slot in self.by_slot:
            self.by_slot[event.slot][-1].is_retired = True

    def retire_all(self, _event: Event) -> None:
        """`idle`: the master ends all workers until a request comes, or starts without any."""
        self.is_idle = True
        for incarnation in self.current().values():
            incarnation.is_retired = True

    def send_away(self, incarnations: list[Incarnation], t_ns: int) -> None:
        """Note that a master stops: it has told `incarnations` to leave, and no successors are due."""
        for incarnation in incarnations:
            incarnation.is_retired = incarnation.is_told_to_leave = True
        self._change(t_ns)

    def prune(self, before_ns: int) -> None:
        """Forget all but the newest two incarnations of every slot, and rows older than `before_ns` that fit to none.

        A watch of days calls this, so that its memory does not grow. Questions about all episodes miss them afterwards.
        """
        for incarnations in self.by_slot.values():
            for former in incarnations[:-2]:
                if self._by_pid.get(former.pid) is former:
                    del self._by_pid[former.pid]
                    self.hangs.forget(former.pid)
            del incarnations[:-2]
        self._early = {pid: rows for pid, rows in self._early.items() if max(rows.values(), default=0) >= before_ns}

    def _change(self, t_ns: int) -> None:
        self.changed_ns = max(self.changed_ns, t_ns)

    def _mark(self, event: Event) -> Incarnation | None:
        """Write the time of `event` into its incarnation, and return that; None if the row came too early.

        If several sources report the same thing, the earliest time counts.
        """
        incarnation = self._by_pid.get(event.pid)
        if incarnation is None or event.pid in self._early:
            self._early.setdefault(event.pid, {}).setdefault(event.kind, event.t_ns)
            return None
        name = f"{event.kind}_ns"
        before = getattr(incarnation, name)
        setattr(incarnation, name, event.t_ns if before is None else min(before, event.t_ns))
        incarnation.limit_to_exit()
        return incarnation

    def _tell_to_leave(self, pid: int, t_ns: int) -> None:
        self._keep_deadlock(pid, t_ns)
        incarnation = self._by_pid.get(pid)
        if incarnation is not None:
            incarnation.is_told_to_leave = True
            incarnation.exit_begun_ns = incarnation.exit_begun_ns or t_ns

    def _keep_deadlock(self, pid: int, t_ns: int) -> None:
        """Keep the proof of a deadlock before the worker leaves: leaving does not undo that it stopped answering."""
        self._change(t_ns)
        incarnation = self._by_pid.get(pid)
        if incarnation is not None and incarnation.ready_ns is not None and incarnation.exit_begun_ns is None:
            incarnation.deadlock = incarnation.deadlock or self.hangs.deadlock(pid)

    # -- questions ------------------------------------------------------------------------------

    def current(self) -> dict[int, Incarnation]:
        """Return the newest incarnation of every slot."""
        return {slot: incarnations[-1] for slot, incarnations in self.by_slot.items()}

    def every(self) -> Iterator[Incarnation]:
        """Yield every incarnation of every slot, also those that have ended."""
        return chain.from_iterable(self.by_slot.values())

    def newest_with(self, pid: int) -> Incarnation | None:
        """Return the newest incarnation that has this pid; None if no worker had it."""
        return self._by_pid.get(pid)

    def ready(self) -> list[int]:
        """Return the pids of the workers that serve, as far as is known; a deadlocked one is among them."""
        return [
            newest.pid
            for newest in self.current().values()
            if newest.ready_ns is not None and not newest.is_retired and not newest.is_being_replaced
        ]

    def has_departures(self) -> bool:
        """Return True if a worker ever began to exit, or ended, and a successor was due."""
        return any(incarnation.is_being_replaced for incarnation in self.every())

    def exited_ns(self, pids: tuple[int, ...]) -> list[int | None]:
        """Return when each of the workers `pids` ended; None for one that is alive."""
        return [self._by_pid[pid].exited_ns for pid in pids]
