"""Holds a lock file, so that two processes do not make the same thing at the same time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLL_S = 0.05


class LockTimeout(Exception):
    """Another process held the lock for the whole time limit."""


@contextmanager
def hold_lock(path: Path, limit_s: float) -> Iterator[int]:
    """Hold the lock file `path` and yield its file descriptor. Raise LockTimeout after `limit_s`.

    The file stays on purpose: if one process removed it, two others could hold two different files.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + limit_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LockTimeout(f"another process has held {path} for {limit_s:.0f} s; end it.") from None
                time.sleep(POLL_S)
        yield handle
    finally:
        os.close(handle)
