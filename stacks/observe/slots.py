"""Tells workers from other children of a uWSGI master, and which worker slot each of them fills.

The master makes a pair of sockets for every worker slot before it forks (`create_signal_pipe`, core/uwsgi.c), in the
order of the slots. A new worker closes all of them except the second socket of its own pair (`uwsgi_fixup_fds`,
core/master_utils.c), and does so before it can hang in `master_fixup`. It keeps the listening sockets, which mules,
spoolers and routers close. So the sockets that a child shares with its master name its slot, without a word from uWSGI.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from stacks.observe.proc import PROC

NO_WORKER, TOO_EARLY = 0, -1  # instead of the number of a slot


def sockets_of(pid: int) -> dict[int, int] | None:
    """Return file descriptor -> inode of every socket of a process; None if this cannot be read."""
    folder = f"{PROC}/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except OSError:
        return None
    inodes = {int(descriptor): _inode(f"{folder}/{descriptor}") for descriptor in descriptors}
    return {descriptor: inode for descriptor, inode in inodes.items() if inode}


def open_files(pid: int) -> int:
    """Return how many files a process has open; 0 if this cannot be read, or before Linux 6.2."""
    try:
        return os.stat(f"{PROC}/{pid}/fd").st_size  # noqa: PTH116 - Path costs more
    except OSError:
        return 0


def _can_read(pid: int) -> bool:
    """Return True if the open files of a process can be read."""
    return os.access(f"{PROC}/{pid}/fd", os.R_OK | os.X_OK)


def _inode(path: str) -> int:
    """Return the inode of the socket behind a link of /proc/PID/fd; 0 if it is none."""
    try:
        target = os.readlink(path)  # noqa: PTH115 - Path costs more
    except OSError:
        return 0
    return int(target[8:-1]) if target.startswith("socket:[") else 0


class Slots:
    """The worker slots of one master. It is made anew when the master has executed itself again."""

    def __init__(self, master_pid: int, listening: Collection[int], peers: Mapping[int, int]) -> None:
        """`listening` are inodes of listening sockets; `peers` maps the inode of a socket to that of its other end."""
        self._sockets = sockets_of(master_pid) or {}
        self.listeners = {fd: inode for fd, inode in self._sockets.items() if inode in listening}
        by_inode = {inode: fd for fd, inode in self._sockets.items()}
        pairs = {fd: by_inode.get(peers.get(inode, 0), fd) for fd, inode in self._sockets.items()}
        self._first = {fd: other for fd, other in pairs.items() if other < fd}  # second socket of a pair -> the first
        self._shared: set[int] = set()  # second sockets of pairs that several children keep
        self._numbers: dict[int, int] = {}  # second socket of a pair -> slot

    @property
    def can_tell(self) -> bool:
        """True if the sockets of the master can be read, so that slots can be told."""
        return bool(self._first and self.listeners)

    def are_outdated(self, master_pid: int) -> bool:
        """Return True if the master has made new pairs: it has executed itself. Then the first pair is another one."""
        for fd in self._numbers:
            inode = _inode(f"{PROC}/{master_pid}/fd/{fd}")
            return inode != self._sockets[fd] and _can_read(master_pid)
        return False

    def begin(self, children: Iterable[int]) -> dict[int, int]:
        """Number the slots from children that have closed what is not theirs. Return child -> slot or NO_WORKER.

        Slot 1 has the lowest pair: that of the first worker here, or of one before it whose worker is missing now.
        """
        kept = {pid: self._half_pairs(pid) for pid in children}
        counts = Counter(fd for fds in kept.values() for fd in fds)
        self._shared = {fd for fd, count in counts.items() if count > 1}
        own = {pid: self._own_socket(fds) for pid, fds in kept.items()}
        first = min((fd for fd in own.values() if fd), default=min(self._first, default=0))
        while first - 2 in self._first:  # a pair has two descriptors, one after the other
            first -= 2
        ends = [fd for fd in sorted(self._first) if fd >= first]
        self._numbers = {fd: number for number, fd in enumerate(ends, start=1)}
        return {pid: self._numbers.get(fd, NO_WORKER) for pid, fd in own.items()}

    def number(self, pid: int, vacant: Collection[int]) -> int:
        """Return the slot of the new child `pid`, NO_WORKER, or TOO_EARLY if it has not closed its sockets yet.

        `vacant` are the slots that are most likely. They are tried first, because one read rules each of them out.
        """
        for fd, number in self._numbers.items():
            if number in vacant and self._keeps(pid, fd):
                # Between two reads a child may close a pair that is not its own, so all that it keeps must agree.
                is_own = not self._keeps(pid, self._first[fd]) and self._own_socket(self._half_pairs(pid)) == fd
                return number if is_own else TOO_EARLY
        fd = self._own_socket(self._half_pairs(pid))
        if fd:
            return self._numbers.setdefault(fd, len(self._numbers) + 1)
        return TOO_EARLY if self.has_closed_nothing(pid) else NO_WORKER

    def has_closed_nothing(self, pid: int) -> bool:
        """Return True if the child still has the sockets that every child closes."""
        return any(self._keeps(pid, self._first[fd]) for fd in list(self._numbers)[:1])

    def _keeps(self, pid: int, fd: int) -> bool:
        """Return True if the child has this socket of the master."""
        return _inode(f"{PROC}/{pid}/fd/{fd}") == self._sockets[fd]

    def _half_pairs(self, pid: int) -> list[int]:
        """Return the second sockets of pairs whose first socket the child has closed; [] if it does not listen."""
        sockets = sockets_of(pid) or {}
        kept = {fd for fd, inode in sockets.items() if self._sockets.get(fd) == inode}
        if not kept & set(self.listeners):
            return []
        return sorted(fd for fd in kept if fd in self._first and self._first[fd] not in kept)

    def _own_socket(self, half_pairs: list[int]) -> int:
        """Return the descriptor of the child's own pair; 0 if it is no worker, or has not closed what is not its own.

        Each child keeps half of a pair of all workers as well (`worker_signal_pipe`), which is made later. A router has
        this one only, and listens on a socket of its own.
        """
        own = [fd for fd in half_pairs if fd not in self._shared]
        return own[0] if own and len(half_pairs) > 1 else 0
