"""One child of a watched uWSGI master, and the cheap looks at it: does it wait for a connection, does it stand still?

A look at a worker that is well is one read of one file that stays open: what its first idle thread waits for.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from stacks.observe import proc
from stacks.observe.proc import PROC
from stacks.observe.waits import read

# Waits of a thread that waits for a connection: epoll, or accept on a TCP or on a unix socket.
IDLE_WAITS = ("do_epoll_wait", "ep_poll", "inet_csk_accept", "__skb_wait_for_more_packets", "unix_accept")
_IDLE_WAITS = frozenset(word.encode() for word in IDLE_WAITS)
# The system calls accept, accept4 and those of epoll (arch/*/entry/syscalls): the first argument is the descriptor.
FIRST_LOOK_S = 0.008  # a worker without lazy-apps accepts a few milliseconds after its fork
LONGEST_LOOK_S = 0.25  # between two looks at a worker that starts and does not stand still
STILL_LOOK_S = 0.1  # between two looks at a process that seems to stand still: as the collector `closer` has it
PROVEN_LOOK_S = 2.0  # between two looks at a process that is proven to hang: it shows whether the process moves again
# With `lazy-apps`, an app may wait in an epoll of its own while it is imported, so the epoll must have uWSGI's socket.


class Child:
    """A child of the master, a worker or not."""

    __slots__ = (
        "_wait_fd", "due_s", "exited_ns", "fd_count", "forked_ns", "interval_s", "is_idle", "is_ready", "is_still",
        "leaving_ns", "pid", "pidfd", "requests", "slot", "status", "tid", "wait",
    )  # fmt: skip

    def __init__(self, pid: int, forked_ns: int, due_s: float) -> None:
        self.pid = pid
        self.forked_ns = forked_ns
        self.slot: int | None = None  # None until it is known; 0 if the child is no worker
        self.is_ready = False
        self.leaving_ns = 0  # when it was first seen to leave
        self.exited_ns = 0
        self.status: int | None = None  # its wait status, if it is known
        self.due_s = due_s  # when to look closer
        self.interval_s = FIRST_LOOK_S
        self.is_still = False  # each of its threads waited for a lock at the last look
        self.is_idle = False  # a thread of it waited for a connection at the last look
        self.requests: int | None = None  # connections in hand at the last count
        self.fd_count = -1  # open files when `requests` were counted
        self.pidfd = -1
        self.wait = b""  # the wait channel of the watched thread at the last glance
        self.tid = 0  # the thread that the cheap look reads
        self._wait_fd = -1

    def close(self) -> None:
        """Close the files of this child."""
        if self._wait_fd >= 0:
            os.close(self._wait_fd)
            self._wait_fd = -1

    def glance(self) -> bool:
        """Look at the thread that waited for connections before. Return True if a closer look is needed."""
        self.wait = self._read_wait()
        self.is_idle = self.wait in _IDLE_WAITS
        return self.wait == b"" or self.wait.startswith(b"futex")

    def _read_wait(self) -> bytes:
        """Return the wait channel of the watched thread; b'' if that thread has ended."""
        try:
            if self._wait_fd < 0:
                self.tid = self.tid or self.pid
                path = f"{PROC}/{self.pid}/task/{self.tid}/wchan"
                self._wait_fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            return os.pread(self._wait_fd, 64, 0)
        except OSError:
            self.watch_thread(self.pid)
            return b""

    def watch_thread(self, tid: int) -> None:
        """Let `glance` read this thread from now on."""
        self.close()
        self.tid = tid

    def find_idle_thread(self) -> bool:
        """Search a thread that does not wait for a lock, and watch it. Return False if every thread does."""
        for tid in proc.thread_ids(self.pid):
            wait = (read(f"{PROC}/{self.pid}/task/{tid}/wchan") or "").encode()
            if wait and not wait.startswith(b"futex"):
                if tid != self.tid:
                    self.watch_thread(tid)
                self.is_idle = wait in _IDLE_WAITS
                return True
        return False

    def accepts(self, listening: Collection[int]) -> bool:
        """Return True if a thread waits for a connection on one of the sockets `listening` (inodes).

        An app may wait in an epoll or accept of its own while it is imported, so the socket is looked up. Without
        `listening`, which not everybody may read, every such wait counts.
        """
        for tid in proc.thread_ids(self.pid):
            wait = read(f"{PROC}/{self.pid}/task/{tid}/wchan") or ""
            if wait in IDLE_WAITS and (not listening or self._waits_on(tid, listening)):
                if tid != self.tid:
                    self.watch_thread(tid)
                return True
        return False

    def _waits_on(self, tid: int, listening: Collection[int]) -> bool:
        words = (read(f"{PROC}/{self.pid}/task/{tid}/syscall") or "").split()
        if len(words) < 2 or not words[1].startswith("0x"):
            return False
        descriptor = int(words[1], 16)
        try:
            target = os.readlink(f"{PROC}/{self.pid}/fd/{descriptor}")  # noqa: PTH115 - Path costs more
        except OSError:
            return False
        if target.startswith("socket:["):
            return int(target[8:-1]) in listening
        info = read(f"{PROC}/{self.pid}/fdinfo/{descriptor}") or ""
        inodes = (line.partition(" ino:")[2].split(" ", 1)[0] for line in info.splitlines() if line.startswith("tfd:"))
        return any(inode and int(inode, 16) in listening for inode in inodes)

    def state(self) -> dict[str, Any] | None:
        """Return the data of a row `state`, and note whether the process seems to stand still; None if it has ended."""
        stat, tasks = proc.stat(self.pid), proc.tasks(self.pid)
        if stat is None or not tasks:
            return None
        living = [(state, wait) for state, wait in tasks if state not in "ZX"]
        self.is_still = bool(living) and all(wait.startswith("futex") or state in "tT" for state, wait in living)
        return {"ticks": stat.ticks, "switches": proc.voluntary_switches(self.pid), "tasks": tasks}
