"""Reads the sockets of a uWSGI instance: where it listens, how long its accept queues are, which requests it has."""

from __future__ import annotations

import time
from collections.abc import Iterable

from stacks.observe import slots
from stacks.observe.child import Child
from stacks.observe.proc import PROC
from stacks.observe.slots import Slots
from stacks.observe.sock_diag import Listener, SockDiag

# The kernel searches all connections of the host for those of an instance, so a large host makes the answer dear. The
# time between two questions is so many times the CPU time that the last one took.
REST = 200


class InstanceSockets:
    """Reads the sockets of the master `master_pid`. What cannot be read is noted in `unavailable`, with the reason."""

    def __init__(self, master_pid: int, unavailable: dict[str, str]) -> None:
        self._master_pid = master_pid
        self._unavailable = unavailable
        self.listening: dict[int, Listener] = {}  # inode -> the sockets of this instance
        self._diag: SockDiag | None = None
        self._next_s = 0.0
        try:
            self._diag = SockDiag(master_pid)
        except OSError as error:
            unavailable["queue"] = error.strerror or str(error)

    def close(self) -> None:
        if self._diag is not None:
            self._diag.close()
            self._diag = None

    def slots(self) -> Slots | None:
        """Find the sockets of the master anew. Return what names the slots of its workers; None if nothing does."""
        if slots.sockets_of(self._master_pid) is None:
            self._unavailable["sockets"] = f"{PROC}/{self._master_pid}/fd cannot be read"
            return None
        if self._diag is None:
            return None
        try:
            listeners = {listener.inode: listener for listener in self._diag.listeners()}
            found = Slots(self._master_pid, listeners.keys(), self._diag.peers())
        except OSError as error:
            self._unavailable["queue"] = error.strerror or str(error)
            return None
        self._unavailable.pop("sockets", None)
        self.listening = {inode: listeners[inode] for inode in found.listeners.values()}
        return found if found.can_tell else None

    def queues(self) -> tuple[Listener, ...] | None:
        """Return the listening sockets with the present lengths of their queues; None if they cannot be seen."""
        if self._diag is None or not self.listening:
            return None
        try:
            return tuple(listener for listener in self._diag.listeners() if listener.inode in self.listening)
        except OSError as error:
            self._unavailable["queue"] = error.strerror or str(error)
            return None

    def connections(self) -> set[int]:
        """Return the inodes of the open connections that workers have accepted. Raises OSError."""
        return self._diag.connections(list(self.listening.values())) if self._diag is not None else set()

    def count_requests(self, workers: Iterable[Child]) -> None:
        """Write into each worker how many connections it holds, unless the last count is too recent."""
        begin_s = time.thread_time()
        if time.monotonic() < self._next_s or self._diag is None or not self.listening:
            return
        changed = []
        for worker in workers:
            count = slots.open_files(worker.pid)
            if not (count and worker.is_idle and worker.requests == 0 and count == worker.fd_count):
                changed.append((worker, count))
        if changed:
            try:
                connections = self.connections()
            except OSError as error:
                self._unavailable["queue"] = error.strerror or str(error)
                return
            for worker, count in changed:
                sockets = slots.sockets_of(worker.pid)
                worker.requests = None if sockets is None else len(connections.intersection(sockets.values()))
                worker.fd_count = count
        self._next_s = time.monotonic() + REST * (time.thread_time() - begin_s)
