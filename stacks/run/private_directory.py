"""A directory `pack-*` in the temp folder, for the sockets, FIFOs and touched files of one run or check.

It exists because the path of a Unix socket has 107 bytes at most (unix(7)). Its owner holds a lock (flock(2)) on a file
in it, and the kernel frees that lock when the owner and its children have ended. So the next start can tell a directory
that was left behind by a SIGKILL from one that is in use, also if its owner is in another pid namespace.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path

PREFIX = "pack-"
OWNER_FILE = ".owner"  # a directory without it is never removed by another process


def make() -> Path:
    """Remove the directories of dead owners, and make a new one. The lock ends with this process and its forks."""
    remove_stale()
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    # The file gets its name when it is locked already: no other process sees it without its lock.
    unlocked = directory / f"{OWNER_FILE}.new"
    handle = os.open(unlocked, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    unlocked.rename(directory / OWNER_FILE)
    return directory


def remove(directory: Path) -> None:
    """Remove the directory with all that is in it. It is no error if it does not exist."""
    shutil.rmtree(directory, ignore_errors=True)


def remove_stale() -> None:
    """Remove the directories of this user whose owner has ended without removing them."""
    for file in Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{OWNER_FILE}"):
        if _is_stale(file):
            remove(file.parent)


def _is_stale(file: Path) -> bool:
    """Return True if this user made the directory of `file`, and no process holds the lock."""
    try:
        if file.parent.is_symlink() or file.parent.stat().st_uid != os.getuid():
            return False
        handle = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
