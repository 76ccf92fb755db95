"""Shows on a terminal which ways are being taken. Where stderr is no terminal, nothing is shown."""

from __future__ import annotations

import sys
import threading
import time
from typing import TextIO


class Progress:
    """One line that is written again and again. Several runs may report at the same time."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._is_shown = self._stream.isatty()
        self._began_s = time.monotonic()
        self._under_way: dict[str, str] = {}  # name of a run -> the way that it takes
        self._lock = threading.Lock()

    def __call__(self, run: str, way: str) -> None:
        """Show that `run` takes `way` now; '' means that the run has ended."""
        with self._lock:
            if way:
                self._under_way[run] = way
            else:
                self._under_way.pop(run, None)
            self._write(f"check: {time.monotonic() - self._began_s:3.0f} s  {', '.join(self._under_way.values())}")

    def clear(self) -> None:
        """Remove the line, before the result is printed."""
        self._write("")

    def _write(self, text: str) -> None:
        if self._is_shown:
            self._stream.write(f"\r\x1b[K{text[:100]}")  # the control sequence clears the line (ECMA-48, EL)
            self._stream.flush()
