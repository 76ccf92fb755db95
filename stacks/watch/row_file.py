"""Appends rows to an events file. What is on the disk is always whole lines, also after the disk was full."""

from __future__ import annotations

import os
from pathlib import Path

BUFFER = 1 << 16  # bytes


class RowFile:
    """One events file that is being written. Every method but `close` raises OSError if the file cannot be written."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._pending = bytearray()
        self.size = 0  # bytes on the disk

    def append(self, line: str) -> None:
        """Append a line. It is on the disk after the next `flush`."""
        self._pending += line.encode()
        self._pending += b"\n"
        if len(self._pending) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write the pending lines. If that fails, the file ends with the last line that was written as a whole."""
        while self._pending:
            try:
                written = os.write(self._fd, self._pending)
            except OSError:
                self._drop_partial_line()
                raise
            del self._pending[:written]
            self.size += written

    def _drop_partial_line(self) -> None:
        """Cut off a line whose second half could not be written, and forget the pending lines."""
        self._pending.clear()
        tail = self.size
        while tail and not self._ends_line(tail):
            tail -= 1
        os.ftruncate(self._fd, tail)
        self.size = tail

    def _ends_line(self, size: int) -> bool:
        return os.pread(self._fd, 1, size - 1) == b"\n"

    def close(self) -> None:
        """Write what is pending, as far as possible, and close the file."""
        try:
            self.flush()
        except OSError:
            pass
        os.close(self._fd)
