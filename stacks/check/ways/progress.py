"""Shows on a terminal how many ways are done, and which are being taken. Without a terminal nothing is shown."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable
from typing import TextIO

WIDTH = 100


class Progress:
    """One line that is written again and again. Several runs may report at the same time."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_shown = self._stream.isatty()
        self._began_s = time.monotonic()
        self._wanted: set[str] = set()
        self._done: set[str] = set()
        self._under_way: dict[str, str] = {}  # name of a run -> the way that it takes
        self._counts: dict[str, str] = {}  # name of a run -> how often it has taken the way, as text
        self._lock = threading.Lock()

    def expect(self, ways: Iterable[str]) -> None:
        """Count `ways` among those that are to be taken."""
        with self._lock:
            self._wanted |= set(ways)

    def __call__(self, run: str, way: str, number: int = 0, of: int = 0) -> None:
        """Show that `run` takes `way` now; '' means that the run has ended. The way that it took before is done.

        A run that takes one way again and again gives the `number` of this time, and `of` how many.
        """
        with self._lock:
            before = self._under_way.get(run, "")
            if before and before != way:
                self._done.add(self._under_way.pop(run))
            if way:
                self._under_way[run] = way
                self._counts[run] = f" {number}/{of}" if of else ""
            self._write(self._text())

    def finish(self, ways: Iterable[str]) -> None:
        """Count `ways` as done: also those that a run that ended early could not take."""
        with self._lock:
            self._done |= set(ways)
            self._write(self._text())

    def tell(self, text: str) -> None:
        """Print a line that stays, also without a terminal."""
        with self._lock:
            self._write("")
            print(f"check: {text}", file=self._stream, flush=True)

    def clear(self) -> None:
        """Remove the line, before the result is printed."""
        self._write("")

    def _text(self) -> str:
        under_way = list(dict.fromkeys(f"{way}{self._counts[run]}" for run, way in self._under_way.items()))
        done = len((self._done & self._wanted) - set(self._under_way.values()))
        ways = f"{done} of {len(self._wanted)} ways done" + (f", now {', '.join(under_way)}" if under_way else "")
        return f"check: {time.monotonic() - self._began_s:3.0f} s  {ways}"

    def _write(self, text: str) -> None:
        if self._is_shown:
            # The control sequence clears the line (ECMA-48, EL).
            self._stream.write(f"\r\x1b[K{text[:WIDTH]}")
            self._stream.flush()
