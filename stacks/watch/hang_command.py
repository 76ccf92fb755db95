"""Runs the command of `--on-hang` for each hang, with the facts in its environment.

The command's words come from the user alone. No shell reads them, and no fact becomes a part of them, so a
process whose name or whose evidence is strange cannot make it do something else.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stacks.catalogue.usage_error import UsageError
from stacks.watch.view import MASTER_HUNG, WORKER_HUNG, Change, InstanceView

MOST_AT_ONCE = 4  # a whole instance may hang within a second
MOST_WAITING = 64
LIMIT_S = 60.0  # a command that takes longer is ended
FACTS = ("reason", "where", "evidence", "hung_s")  # of a change's data


def command_words(text: str) -> list[str]:
    """Return the words of a command, split as a shell does. Raises UsageError if it cannot be started."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--on-hang {text}: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise UsageError(
            f"--on-hang {text}: there is no program {words[0] if words else ''!r}. No shell reads the command"
        )
    return words


def facts(change: Change, view: InstanceView | None) -> dict[str, str]:
    """Return what the command finds in its environment. A name `UWSGI_...` would be an option of a uWSGI."""
    values = {
        "KIND": change.kind,
        "PID": change.pid or change.master_pid,
        "MASTER_PID": change.master_pid,
        "SLOT": "" if change.slot is None else change.slot,
        "CONFIG": view.name if view is not None else "",
        "TEXT": change.text,
        "HUNG": view.hung if view is not None else "",
        "WORKERS": len(view.workers) if view is not None else "",
        "UNIX_TIME": int(time.time()),
    } | {name.upper(): change.data.get(name, "") for name in FACTS}
    return {f"HANG_{name}": str(value).replace("\0", "") for name, value in values.items()}


@dataclass
class _Running:
    process: subprocess.Popen[bytes]
    end_s: float


@dataclass
class HangCommand:
    """The commands that run, and those that wait. It never waits for one."""

    words: Sequence[str]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _running: list[_Running] = field(default_factory=list)
    _waiting: deque[dict[str, str]] = field(default_factory=deque)
    _left_out: int = 0

    def take(self, changes: Sequence[Change], look: Callable[[Change], InstanceView | None]) -> None:
        """Start the command for each new hang, and see after the commands that run.

        `look` makes the picture of the uWSGI that a change is about; None if it is watched no more.
        """
        for change in changes:
            if change.kind not in (WORKER_HUNG, MASTER_HUNG):
                continue
            if len(self._waiting) < MOST_WAITING:
                self._waiting.append(facts(change, look(change)))
            else:
                self._left_out += 1
        if self.is_busy:
            self._reap()
            self._start()

    @property
    def is_busy(self) -> bool:
        """True while commands run or wait."""
        return bool(self._running or self._waiting)

    def close(self, limit_s: float = 5.0) -> None:
        """Wait a moment for the commands that run, and end those that still do."""
        for running in self._running:
            try:
                running.process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self._end(running.process)
        self._running.clear()

    def _start(self) -> None:
        while self._waiting and len(self._running) < MOST_AT_ONCE:
            environment = os.environ | self._waiting.popleft()
            try:
                process = subprocess.Popen(
                    self.words,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr,  # the output of the watcher itself may be read by a program
                    start_new_session=True,
                )
            except OSError as error:
                self.say(f"--on-hang: {self.words[0]} could not be started ({error.strerror}).")
                continue
            self._running.append(_Running(process, self.clock() + LIMIT_S))
        if self._left_out and not self._waiting:
            self.say(f"--on-hang: {self._left_out} further hangs came while {MOST_WAITING} commands were waiting.")
            self._left_out = 0

    def _reap(self) -> None:
        for running in list(self._running):
            code = running.process.poll()
            if code is None and self.clock() >= running.end_s:
                self._end(running.process)
                self.say(f"--on-hang: {self.words[0]} did not end within {LIMIT_S:.0f} s and was ended.")
            elif code is None:
                continue
            elif code:
                self.say(f"--on-hang: {self.words[0]} ended with exit code {code}.")
            self._running.remove(running)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
