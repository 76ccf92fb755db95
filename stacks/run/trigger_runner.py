"""Carries out a stack's trigger: sends the signals, the fifo commands and the touches that make its workers leave.

It acts on processes that this run has started, by their pid, and only inside the load window. Each action is a
lifecycle row of its own (`asked`), because a trigger wakes the master, which no collector does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from stacks.catalogue.triggers import Trigger

FIFO = "fifo"  # a stack with a fifo trigger sets `master-fifo = $(PACK_RUN)/fifo`
# The distance between the times that a touched file gets: uWSGI compares whole seconds (uwsgi_check_touches,
# core/utils.c).
TOUCH_STEP_S = 2


class WorkerStates(Protocol):
    """What the runner needs to know of the workers. `Lifecycle` has it."""

    def ready(self) -> list[int]: ...
    def starting(self) -> list[int]: ...
    def undecided(self) -> int: ...


class TriggerRunner:
    """Carries out `trigger` as often as it says, each time when the workers are in the state that it asks for.

    `directory` is the run's private directory, with the fifo and the touched file. `emit` writes a lifecycle row.
    """

    def __init__(
        self,
        trigger: Trigger,
        directory: Path,
        master: int,
        workers: WorkerStates,
        emit: Callable[..., None],
        clock: Callable[[], float] = time.monotonic,
        kill: Callable[[int, int], None] = os.kill,
    ) -> None:
        self.trigger = trigger
        self.left = trigger.times
        self._directory, self._master, self._workers, self._emit = directory, master, workers, emit
        self._clock, self._kill = clock, kill
        self._calm_since: float | None = None
        self._began = time.time()

    def step(self) -> None:
        """Act once if it is time. The run calls this in every turn of its loop."""
        if self.left and self._is_time():
            self.left -= 1
            self._calm_since = None
            self._act()

    def _is_time(self) -> bool:
        if self.trigger.while_starting:
            return bool(self._workers.starting())
        if self._workers.undecided() or not self._workers.ready():
            self._calm_since = None
            return False
        if self._calm_since is None:
            self._calm_since = self._clock()
        return self._clock() - self._calm_since >= self.trigger.pause_s

    def _act(self) -> None:
        verb, name, *_ = self.trigger.action.split(" ")
        number = self.trigger.times - self.left
        worker = self._workers.ready()[number % len(self._workers.ready())] if verb == "kill" else 0
        # The row is written first, so that it stands before the rows of its effects.
        self._emit("asked", action=self.trigger.action, asked_pid=worker or self._master)
        if verb == "touch":
            self._touch(name, number)
        elif verb == "fifo":
            self._write_to_fifo(name)
        else:
            with contextlib.suppress(ProcessLookupError):
                self._kill(worker or self._master, signal.Signals[f"SIG{name}"])

    def _touch(self, name: str, number: int) -> None:
        moment = self._began + TOUCH_STEP_S * number
        os.utime(self._directory / name, (moment, moment))

    def _write_to_fifo(self, command: str) -> None:
        # An OSError means that no process reads the fifo: the master has ended, and a row of its own says so.
        with contextlib.suppress(OSError):
            handle = os.open(self._directory / FIFO, os.O_WRONLY | os.O_NONBLOCK)
            try:
                os.write(handle, command.encode())
            finally:
                os.close(handle)
