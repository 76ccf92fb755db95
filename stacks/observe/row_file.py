"""A file to which rows are appended, and which a full disk does not damage: it keeps whole pieces only.

The first write that fails is the last one: `error` holds it, and the observer goes on without the file, because the
verdict needs no file.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


class RowFile:
    """Appends pieces of bytes to `path`. No method but the constructor raises OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.error: OSError | None = None
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.size = os.fstat(self._fd).st_size  # bytes, of the pieces that were written whole

    def write(self, data: bytes) -> None:
        """Append `data` as a whole, or not at all."""
        if self.error is not None or self._fd < 0:
            return
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError as error:
            self.error = error
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
            return
        self.size += len(data)

    def close(self) -> None:
        """Close the file. A network's disk may report only now that it is full."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                os.close(fd)
            except OSError as error:
                self.error = self.error or error
