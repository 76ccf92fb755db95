"""A load from outside: somebody else's Locust, the web UI's, which tells its run by lines on stdin.

`go PID...` (its users are about to start), `stop` (they are told to finish) and `done` (they have, and every row of
theirs is written). An end of file is all of them: whoever sent the load has gone.
"""

from __future__ import annotations

import os

from stacks.observe.collectors import is_readable


class Outside:
    """Stands where a `Hammer` does, and only listens."""

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self.gone = False
        self._fd = fd
        self._text = b""

    def heard(self, word: str) -> bool:
        """Whether `word` was said, or can no more be said."""
        while not self.gone and is_readable(self._fd):
            data = os.read(self._fd, 4096)
            self._text += data
            self.gone = not data
        return self.gone or word in self._words()

    def _words(self) -> list[str]:
        return self._text[: self._text.rfind(b"\n") + 1].decode(errors="replace").split()

    @property
    def pids(self) -> list[int]:
        """The processes that send the load, as `go` names them."""
        return [int(word) for word in self._words() if word.isdecimal()]

    @property
    def exit_code(self) -> int | None:
        """None while its users may still ask."""
        return 0 if self.heard("done") else None

    def is_up(self) -> bool:
        """Locust has long loaded the scenario."""
        return True

    def say(self, word: str) -> None:
        """Nothing is commanded from here, but after a `cancel` nothing is waited for either."""
        if word == "cancel":
            self._text += b"done\n"

    def wait(self, limit_s: float) -> None:
        """Its processes are not ours to wait for."""

    def close(self) -> None:
        """Nor to end."""
