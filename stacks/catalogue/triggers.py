"""Triggers: what makes a stack's workers recycle where the load does not - a signal, the master fifo, a touched file.

Each is asked of a process that this run has started, by its pid, inside the load window, and is a
row of its own (`asked`): unlike the collectors a trigger wakes the master.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

FIFO = "fifo"  # the stack's `master-fifo = $(PACK_RUN)/fifo`
# Everybody has come back and answers for this long before the next is asked, where the stack says no other time.
PAUSE_S = 0.5
# So far apart are the times that touched files get: uWSGI compares whole seconds (uwsgi_check_touches, core/utils.c).
TOUCH_STEP_S = 2
FORMS = (
    "`signal NAME`, `fifo COMMAND`, `touch FILE` or `kill NAME worker`, then `, N times` and "
    "`, after N s` or `, while one starts`"
)
_TEXT = re.compile(
    r"(?P<action>signal (?P<signal>\w+)|fifo (?P<command>\w)|touch (?P<file>[\w.-]+)|kill (?P<kill>\w+) worker)"
    r"(?:, (?P<times>\d+) times?)?(?:, after (?P<after>\d+) s|(?P<starting>, while one starts))?"
)


@dataclass(frozen=True)
class Trigger:
    """What is asked, how often, and whether of a stack that is ready or while one of its workers starts."""

    action: str
    times: int
    while_starting: bool
    pause_s: float = PAUSE_S

    @property
    def file(self) -> str | None:
        """The file that it touches, in the run's own directory."""
        verb, _, name = self.action.partition(" ")
        return name if verb == "touch" else None

    def __str__(self) -> str:
        times = f", {self.times} times" if self.times > 1 else ""
        after = f", after {self.pause_s:.0f} s" if self.pause_s != PAUSE_S else ""
        return self.action + times + after + (", while one starts" if self.while_starting else "")


def parse(text: str) -> Trigger:
    """The trigger that a stack's [pack] section names. Raises ValueError."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"trigger = {text}: not {FORMS}")
    for name in filter(None, (match["signal"], match["kill"])):
        if f"SIG{name}" not in signal.Signals.__members__:
            raise ValueError(f"trigger = {text}: no signal {name}")
    pause_s = float(match["after"] or PAUSE_S)
    return Trigger(match["action"], int(match["times"] or 1), bool(match["starting"]), pause_s)


class Stack(Protocol):
    """What a trigger needs to know of the stack: a part of the lifecycle."""

    def ready(self) -> list[int]: ...
    def starting(self) -> list[int]: ...
    def undecided(self) -> int: ...


class Triggers:
    """Asks what a stack's trigger says, as often as it says, each time when the stack is ready for it."""

    def __init__(
        self,
        trigger: Trigger,
        directory: Path,
        master: int,
        stack: Stack,
        emit: Callable[..., None],
        clock: Callable[[], float] = time.monotonic,
        kill: Callable[[int, int], None] = os.kill,
    ) -> None:
        self.trigger = trigger
        self.left = trigger.times
        self._directory, self._master, self._stack, self._emit = directory, master, stack, emit
        self._clock, self._kill = clock, kill
        self._calm_since: float | None = None
        self._began = time.time()

    def step(self) -> None:
        """Ask if it is time to."""
        if self.left and self._is_time():
            self.left -= 1
            self._calm_since = None
            self._ask()

    def _is_time(self) -> bool:
        if self.trigger.while_starting:
            return bool(self._stack.starting())
        if self._stack.undecided() or not self._stack.ready():
            self._calm_since = None
            return False
        if self._calm_since is None:
            self._calm_since = self._clock()
        return self._clock() - self._calm_since >= self.trigger.pause_s

    def _ask(self) -> None:
        verb, name, *_ = self.trigger.action.split(" ")
        asked = self.trigger.times - self.left
        worker = self._stack.ready()[asked % len(self._stack.ready())] if verb == "kill" else 0
        # The row comes first, so that what follows from it follows in the rows.
        self._emit("asked", action=self.trigger.action, asked_pid=worker or self._master)
        if verb == "touch":
            moment = self._began + TOUCH_STEP_S * asked
            os.utime(self._directory / name, (moment, moment))
        elif verb == "fifo":
            with contextlib.suppress(OSError):  # nobody listens: the master has ended, which is a row of its own
                handle = os.open(self._directory / FIFO, os.O_WRONLY | os.O_NONBLOCK)
                try:
                    os.write(handle, name.encode())
                finally:
                    os.close(handle)
        else:
            with contextlib.suppress(ProcessLookupError):
                self._kill(worker or self._master, signal.Signals[f"SIG{name}"])
