"""Waits for what the kernel tells about a master and its children: process events, and pidfds of single processes."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator

from stacks.observe import process_events
from stacks.observe.child import Child
from stacks.observe.process_events import ProcessEvent


class EventSources:
    """The descriptors that one follower waits for."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._pidfds: dict[int, Child] = {}
        self._events: socket.socket | None = None

    def subscribe(self, master_pid: int) -> str:
        """Ask for the process events of a master. Return why the kernel sends none, or ''."""
        try:
            self._events = process_events.subscribe_to([master_pid])
        except OSError as error:
            return error.strerror or str(error)
        self._epoll.register(self._events, select.EPOLLIN)
        return ""

    @property
    def tell_forks(self) -> bool:
        """True if the kernel tells of forks, and not of ends only."""
        return self._events is not None

    def fileno(self) -> int:
        return self._epoll.fileno()

    def wait(self, limit_s: float) -> list[Child]:
        """Wait for an event, `limit_s` at most. Return the processes whose pidfd says that they have ended."""
        # Half a millisecond more, because epoll waits for whole milliseconds and would return too early.
        ready = self._epoll.poll(limit_s + 0.0005 if limit_s > 0 else 0.0)
        return [self._pidfds[fd] for fd, _ in ready if fd in self._pidfds]

    def receive(self) -> Iterator[ProcessEvent | OSError]:
        """Yield the process events that have come; the error where the kernel dropped some."""
        if self._events is not None:
            yield from process_events.receive(self._events)

    def add(self, child: Child) -> None:
        """Wait for the end of one process. Raises OSError if it has ended and was reaped."""
        child.pidfd = os.pidfd_open(child.pid)
        self._pidfds[child.pidfd] = child
        self._epoll.register(child.pidfd, select.EPOLLIN)

    def drop(self, child: Child) -> None:
        """Wait for this process no more."""
        if child.pidfd >= 0:
            self._epoll.unregister(child.pidfd)
            del self._pidfds[child.pidfd]
            os.close(child.pidfd)
            child.pidfd = -1

    def follow(self, master_pid: int) -> None:
        """Wait for the events of another master from now on, and for no process of the former one."""
        for child in list(self._pidfds.values()):
            self.drop(child)
        if self._events is not None:
            process_events.limit_to(self._events, [master_pid])

    def close(self) -> None:
        """Close every descriptor."""
        for child in list(self._pidfds.values()):
            self.drop(child)
        if self._events is not None:
            process_events.close(self._events)
            self._events = None
        self._epoll.close()
