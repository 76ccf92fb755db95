"""The load of the web UI: a Locust that this run has not started, but that tells the run by lines what it does.

`go PID...`: its users are about to start, in these processes. `stop`: it has told its users to finish. `done`: they
have finished, and every row of their requests is written. The end of the file stands for all three: the sender has
ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from stacks.observe.collectors import is_readable
from stacks.run.errors import Interrupted
from stacks.run.live_run import LiveRun


class ExternalLoad:
    """A `Load` that takes no orders, and the `LoadWindow` that follows from its lines."""

    def __init__(self, pid: int, fd: int, limit_s: float) -> None:
        self.pid = pid
        self.limit_s = limit_s
        self.has_ended = False  # the end of the file was read: the sender of the lines has ended
        self._fd = fd
        self._text = b""

    # -- its lines ------------------------------------------------------------------------------

    def has_received(self, word: str) -> bool:
        """Return True if `word` has been received, or cannot be received any more."""
        while not self.has_ended and is_readable(self._fd):
            data = os.read(self._fd, 4096)
            self._text += data
            self.has_ended = not data
        return self.has_ended or word in self._words()

    def _words(self) -> list[str]:
        whole_lines = self._text[: self._text.rfind(b"\n") + 1]
        return whole_lines.decode(errors="replace").split()

    @property
    def sender_pids(self) -> list[int]:
        """The processes that send the load, as `go` names them."""
        return [int(word) for word in self._words() if word.isdecimal()]

    # -- the load -------------------------------------------------------------------------------

    @property
    def exit_code(self) -> int | None:
        """None while its users may still send requests."""
        return 0 if self.has_received("done") else None

    @property
    def write_error(self) -> OSError | None:
        """None: the other processes tell of their rows themselves."""
        return None

    def is_up(self) -> bool:
        """Return True: Locust loaded the scenario before it started the run."""
        return True

    def send(self, command: str) -> None:
        """Send nothing, because this load takes no orders. But after `cancel` the run does not wait for it."""
        if command == "cancel":
            self._text += b"done\n"

    def wait(self, limit_s: float) -> None:
        """Return at once: only a parent can wait for a process, and this run is not the parent."""

    def close(self) -> None:
        """Do nothing: the process goes on after the run."""

    # -- its window -----------------------------------------------------------------------------

    def may_begin(self) -> bool:
        return self.has_received("go")

    def begin(self) -> Iterable[int]:
        if not self.may_begin() or self.has_ended:
            raise Interrupted
        return self.sender_pids

    def is_over(self, live: LiveRun, *, has_triggers_left: bool) -> bool:
        """Return True if the person at the UI has stopped the load, or uWSGI has ended."""
        return self.has_received("stop") or live.observer.exit_code is not None

    def window_s(self, begin_ns: int, end_ns: int) -> float:
        return (end_ns - begin_ns) / 1e9
