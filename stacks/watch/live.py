"""The live view in the terminal: a line for each worker, redrawn when something changes, and a backtrace on a key.

Keys: up and down (or k and j) select a worker, b takes its native backtrace, q leaves. A backtrace stops the process
for up to a second, so the view says so first and waits for a second b.
"""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.text import Text

from stacks.watch import codes
from stacks.watch.backtrace import Backtrace, missing
from stacks.watch.fleet import Fleet
from stacks.watch.table import draw
from stacks.watch.view import HUNG, InstanceView

REDRAW_S = 0.25  # the shortest time between two pictures while things change
REST_S = 2.0  # between two pictures while nothing changes: ages and CPU
UP, DOWN = ("k", "\x1b[A"), ("j", "\x1b[B")
LEAVE = ("q", "\x03", "\x04")


@contextmanager
def keys() -> Iterator[int]:
    """Let the terminal hand over each key at once. Yields the descriptor to read, -1 if stdin is no terminal."""
    if not sys.stdin.isatty():
        yield -1
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield fd
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


class Live:
    """The live view of a fleet."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._hung = False
        self._selected = 0  # pid
        self._asked = 0  # pid whose backtrace was asked for once
        self._backtrace: Backtrace | None = None
        self._text = ""  # of the last backtrace
        self._views: list[InstanceView] = []
        self._leaves = False

    def run(self) -> int:
        """Show the view until the user leaves it or the masters have ended. Return the exit code."""
        console = Console(highlight=False)
        try:
            with keys() as fd, Screen(console=console, screen=True, auto_refresh=False) as screen:
                self._loop(screen, fd)
        finally:
            if self._backtrace is not None:
                self._backtrace.close()
        console.print(self._picture())
        return self._code()

    def _code(self) -> int:
        return codes.HUNG if self._hung else codes.OK

    def _note(self) -> None:
        if self._fleet.watches:
            self._hung = self._fleet.is_hung

    def _loop(self, screen: Screen, fd: int) -> None:
        poll = select.poll()
        poll.register(self._fleet.fileno(), select.POLLIN)
        if fd >= 0:
            poll.register(fd, select.POLLIN)
        drawn_s, is_new = 0.0, True
        while not (self._leaves or self._fleet.is_over):
            now_s = time.monotonic()
            due_s = drawn_s + (REDRAW_S if is_new else REST_S)
            if now_s >= due_s:
                screen.update(self._picture(), refresh=True)
                drawn_s, is_new = now_s, False
                continue
            wait_s = min(due_s - now_s, self._fleet.next_due_s)
            ready = {each for each, _ in poll.poll(wait_s * 1000 + 1)}
            if self._fleet.step(0.0):
                is_new = True
                self._note()
            if fd in ready:
                self._press(os.read(fd, 16).decode(errors="replace"))
                drawn_s, is_new = 0.0, True
            if self._backtrace is not None and self._backtrace.is_done:
                self._text, self._backtrace = self._backtrace.text(), None
                is_new = True

    # -- keys -----------------------------------------------------------------------------------

    def _press(self, key: str) -> None:
        asked, self._asked = self._asked, 0
        if key in LEAVE:
            self._leaves = True
        elif key in UP or key in DOWN:
            self._text = ""
            self._move(1 if key in DOWN else -1)
        elif key == "b" and self._backtrace is None:
            pid = self._chosen()
            if pid and asked == pid and not missing():
                self._text, self._backtrace = "", Backtrace(pid)
            else:
                self._asked = self._selected = pid  # the second b is about the same process
        else:
            self._text = ""

    def _pids(self) -> list[int]:
        return [worker.pid for view in self._views for worker in view.workers]

    def _move(self, step: int) -> None:
        pids = self._pids()
        if pids:
            place = pids.index(self._selected) + step if self._selected in pids else 0
            self._selected = pids[place % len(pids)]

    def _chosen(self) -> int:
        """Return the pid of the selected worker, otherwise of the first one that hangs; 0 if there is none."""
        pids = self._pids()
        if self._selected in pids:
            return self._selected
        hung = [worker.pid for view in self._views for worker in view.workers if worker.state == HUNG]
        return next(iter(hung + pids), 0)

    # -- picture --------------------------------------------------------------------------------

    def _picture(self) -> RenderableType:
        width, height = shutil.get_terminal_size()
        self._views = self._fleet.views() or self._views
        parts: list[RenderableType] = [draw(view, width, self._selected, height) for view in self._views]
        if self._text:
            lines = [line[:width] for line in self._text.splitlines()]
            parts.append(Text("\n".join(lines[: max(4, height // 2)]), "cyan"))
        return Group(*parts, Text(self._footer(), "dim"))

    def _footer(self) -> str:
        if self._backtrace is not None:
            return f"Process {self._backtrace.pid} stands still for its backtrace ..."
        if self._asked:
            reason = missing()
            if reason:
                return reason
            return f"The backtrace stops process {self._asked} for up to a second. Press b again to take it."
        return "q leave  j/k select  b backtrace (stops the process for up to a second)"
