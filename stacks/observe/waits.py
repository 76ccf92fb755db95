"""Says in one word what a thread waits for, from /proc/PID/task/TID/syscall and wchan. `state` rows hold these words.

- `futex`: a lock of its own process, without a timeout
- `futex-join`: the end of another thread of its process, without a timeout
- `futex-timed`: a lock of its own process, with a timeout
- `futex-shared`: a lock that other processes can release as well
- `futex-unknown`: a futex, but the arguments of the system call cannot be read, so this wait proves nothing by itself
- `running`: the thread does not wait
- any other word: the kernel's wait channel, such as `ep_poll`
- `?`: nothing can be read
"""

from __future__ import annotations

import os
import platform
from collections.abc import Collection
from pathlib import Path

# The futex system call's number (arch/*/entry/syscalls) and its flags (include/uapi/linux/futex.h).
FUTEX_SYSCALL = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}.get(platform.machine())
FUTEX_WAITS = (0, 6, 9, 11)  # WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI
FUTEX_PRIVATE, FUTEX_COMMAND = 128, 127


def read(path: str) -> str | None:
    """Return the contents of a small file of /proc; None if it cannot be read. It costs half of what open() costs."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 1 << 16).decode(errors="replace")
    except OSError:  # the process has ended meanwhile
        return None
    finally:
        os.close(fd)


def wait_of(task: Path | str, siblings: Collection[str] = ()) -> str:
    """Return the word for the wait of the thread whose /proc directory is `task`.

    `siblings` are the thread ids of its process. They show a pthread_join: it waits, without the private flag, for the
    word that holds the id of the joined thread, and only the end of that thread changes this word.
    """
    words = (read(f"{task}/syscall") or "").split()
    if words and words[0] == "running":
        return "running"
    if len(words) > 4 and int(words[0]) == FUTEX_SYSCALL:
        operation = int(words[2], 16)
        if operation & FUTEX_COMMAND in FUTEX_WAITS:
            if not operation & FUTEX_PRIVATE:
                return "futex-join" if str(int(words[3], 16)) in siblings else "futex-shared"
            return "futex-timed" if int(words[4], 16) else "futex"
    channel = read(f"{task}/wchan") or ""
    if channel.startswith("futex"):
        return "futex-unknown"
    return channel if channel not in ("", "0") else "?"
