"""`--heal`: ends workers that are proven to hang with SIGKILL, so that their master forks others.

SIGTERM would be wrong. Before its Python is ready, a worker still has the signal handlers of its master, which ends the
healthy workers beside it (`stacks/README.md`). A worker that is only slow is never proven to hang, so it stays.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stacks.watch.proven_process import ProvenProcess
from stacks.watch.view import (
    CHAIN,
    ENDED,
    HUNG,
    MASTER_ENDED,
    READY,
    RELOADING,
    WORKER_HUNG,
    Change,
    InstanceView,
    WorkerView,
)

SHARE = 0.25  # of the workers that may be on their way back at once; at least one
EVERY_S = 5.0  # between two signals
PATIENCE_S = 3.0  # from the proof to the signal: `--on-hang` and a person may want to see the process
NEW_S = 60.0  # a worker that hangs sooner after its fork than this is one that the healing has brought

PLAN = (
    f"--heal: a worker that is proven to hang gets SIGKILL {PATIENCE_S:.0f} s after the proof, and its master forks "
    f"another. At most one every {EVERY_S:.0f} s, and at most {SHARE:.0%} of the workers, or one, on their way back "
    "at once. The requests in its hands are lost, as they are without it. It stops when a new worker hangs as well."
)
ADVICE = (
    "another SIGKILL would not help. pyuwsgi older than 2.0.27 hangs so at every fork on Python 3.12 or newer: upgrade "
    "it. Of a newer one, a thread of the master holds a lock at the fork: set lazy-apps. `make check INI=` tells which"
)


@dataclass
class Healing:
    """The healing of one watched uWSGI. `say` gets sentences for people."""

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    hold: Callable[[int, int, float], ProvenProcess] = ProvenProcess
    healed: int = 0
    stopped: str = ""  # why it heals no more
    # by pid, with the moment of the proof
    _proven: dict[int, tuple[ProvenProcess, float]] = field(default_factory=dict)
    _missing: list[int | None] = field(default_factory=list)  # slots of killed workers that no ready worker fills yet
    # slot -> the killed worker, until the one that the healing has brought has ended well
    _healed_slots: dict[int | None, int] = field(default_factory=dict)
    _last_s: float = -math.inf

    def take(self, changes: Sequence[Change], look: Callable[[], InstanceView]) -> None:
        """Take in what changed, and end a worker if one may be ended now."""
        if self.stopped:
            return
        for change in changes:
            if change.kind == WORKER_HUNG:
                self._take_hang(change, look())
            elif change.kind == READY:
                self._fill(change.slot)
            elif change.kind == ENDED and self._healed_slots.get(change.slot, change.pid) != change.pid:
                del self._healed_slots[change.slot]
            elif change.kind == MASTER_ENDED:
                self._stop("the master has ended")
        if self._proven and not self.stopped:
            self._heal(look())

    @property
    def is_busy(self) -> bool:
        """True while a hung worker waits for its signal."""
        return bool(self._proven)

    def close(self) -> None:
        """Let go of all processes."""
        for process, _ in self._proven.values():
            process.close()
        self._proven.clear()

    def _take_hang(self, change: Change, view: InstanceView) -> None:
        worker = next((worker for worker in view.workers if worker.pid == change.pid), None)
        if worker is None or worker.state != HUNG or worker.pid in self._proven:
            return
        is_new = worker.slot in self._healed_slots and worker.age_s - worker.state_s < NEW_S
        if is_new:
            self._stop(f"the new worker {worker.pid} in slot {worker.slot} hangs as well, so {ADVICE}")
            return
        try:
            hung_s = float(change.data.get("hung_s") or change.data.get("proven_s") or 0.0)
            self._proven[worker.pid] = self.hold(worker.pid, view.master_pid, hung_s), self.clock()
        except (OSError, ValueError) as error:
            self.say(f"--heal: worker {worker.pid} is left alone: {error}.")

    def _fill(self, slot: int | None) -> None:
        for candidate in (slot, None):
            if candidate in self._missing:
                self._missing.remove(candidate)
                return
        if slot is None and self._missing:
            self._missing.pop(0)

    def _heal(self, view: InstanceView) -> None:
        hung = {worker.pid: worker for worker in view.workers if worker.state == HUNG}
        for pid in set(self._proven) - set(hung):  # it moves again, or it has ended
            self._proven.pop(pid)[0].close()
        now_s = self.clock()
        most = max(1, int(SHARE * len(view.workers)))
        if view.master_hang or view.doing in (RELOADING, CHAIN):
            return  # nobody would fork another, or the reload ends the worker itself
        if now_s - self._last_s < EVERY_S or len(self._missing) >= most:
            return
        for pid, (process, proven_s) in self._proven.items():
            if now_s - proven_s >= PATIENCE_S:
                self._kill(process, hung[pid], now_s)
                return

    def _kill(self, process: ProvenProcess, worker: WorkerView, now_s: float) -> None:
        try:
            was_alive = process.kill()
        except PermissionError:
            self._stop("this user may not send signals to the workers; run it as their user or as root")
            return
        self._proven.pop(worker.pid)[0].close()
        if was_alive:
            self._last_s = now_s
            self.healed += 1
            self._missing.append(worker.slot)
            self._healed_slots[worker.slot] = worker.pid
            self.say(f"--heal: ended worker {worker.pid} in slot {worker.slot} with SIGKILL: {worker.reason}.")

    def _stop(self, reason: str) -> None:
        self.stopped = reason
        self.say(f"--heal: it stops here: {reason}.")
        self.close()
