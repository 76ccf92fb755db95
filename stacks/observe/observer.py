"""The observer: starts and owns a uWSGI process group, runs every collector on one clock, and writes their rows.

It is the only writer of events.jsonl. It observes passively: it reads uWSGI's log, pidfds and /proc, and asks uWSGI
nothing.
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import EVENTS_FILE, Event
from stacks.observe import proc
from stacks.observe.collectors import Base, Context, discover, is_readable
from stacks.observe.row_file import RowFile

HEARTBEAT_S = 1.0
STEP_S = 0.05  # the longest time between two checks of a condition
# The shortest one: a recycle of 16 workers makes hundreds of rows a second, and a check looks at every worker.
CHECK_S = 0.02
ENDED = -1  # stands for the exit code of a master whose parent is another process: only the parent learns the code


class Observer:
    """Starts uWSGI with `command` and observes it.

    If `piped` is True, the log is a pipe instead of a socket; the collector `log` describes the difference.
    """

    def __init__(
        self,
        directory: Path,
        command: list[str],
        environment: dict[str, str],
        port: int,
        cwd: Path | None = None,
        piped: bool = False,
    ) -> None:
        self._events = RowFile(directory / EVENTS_FILE)
        self.lifecycle = Lifecycle()
        self.exit_code: int | None = None
        self._due: dict[Base, float] = {}  # when `sample` of each collector is due
        self._watched: dict[int, Base] = {}  # file descriptor -> the collector that reads it
        self._epoll = select.epoll()
        self._heartbeat_due = 0.0
        master_pid, log_fd = self._launch(command, environment, cwd, piped)
        self.context = Context(directory, master_pid, port, log_fd, self.lifecycle, self._watch, self._unwatch)
        self.collectors = [collector_class(self.context) for collector_class in self._collector_classes()]
        self.unavailable = {collector.name: collector.open() for collector in self.collectors}
        for collector in self.collectors:
            if collector.interval_s is not None and not self.unavailable[collector.name]:
                self._due[collector] = 0.0
        self.emit("collectors", **{name: reason or "on" for name, reason in self.unavailable.items()})

    def _launch(
        self, command: list[str], environment: dict[str, str], cwd: Path | None, piped: bool
    ) -> tuple[int, int]:
        """Start uWSGI. Return its pid and the reading end of its log."""
        log_fd, writer_fd = os.pipe() if piped else log_socket()
        self.emit("start", command=command)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=writer_fd,
            stderr=writer_fd,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
        os.close(writer_fd)
        return self._process.pid, log_fd

    def _collector_classes(self) -> list[type[Base]]:
        return discover()

    def _poll(self) -> int | None:
        """Return uWSGI's exit code, ENDED if it cannot be known, or None while uWSGI runs."""
        code = self._process.poll()
        if self._is_replaced():
            return None if proc.is_alive(self.pid) else ENDED
        return code

    def _ended_data(self) -> dict[str, object]:
        """Return the data of the row `ended`: the exit code, if it is known."""
        return {} if self._is_replaced() else {"exit_code": self.exit_code}

    def _is_replaced(self) -> bool:
        """Return True if the master that this observer started has a successor (`f` to the master fifo)."""
        return self.pid != self._process.pid

    @property
    def pid(self) -> int:
        """The pid of the newest uWSGI master."""
        return self.context.master_pid

    def _watch(self, fd: int, collector: Base) -> None:
        self._watched[fd] = collector
        self._epoll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def emit(self, kind: str, **data: object) -> None:
        """Write a row of the observer itself."""
        self._take([Event(time.monotonic_ns(), "observer", kind, data=data)])

    def _take(self, events: list[Event]) -> None:
        """Write rows, feed them to the lifecycle, and show them to every collector."""
        for event in events:
            self._events.write(event.to_json().encode() + b"\n")
            self.lifecycle.feed(event)
            if event.kind == "master" and event.pid != self.pid and event.pid in proc.descendants(os.getpid()):
                self.context.master_pid = event.pid
            for collector in getattr(self, "collectors", ()):
                collector.on_event(event)

    def step(self, limit_s: float = STEP_S) -> None:
        """Wait for at most `limit_s` until a source has rows, and take the rows in."""
        now = time.monotonic()
        wait_s = max(0.0, min([limit_s, *(due - now for due in self._due.values())]))
        for fd, _ in self._epoll.poll(wait_s):
            collector = self._watched.get(fd)
            if collector is not None:
                self._take(collector.read(fd))
        now = time.monotonic()
        self.lifecycle.now_ns = max(self.lifecycle.now_ns, time.monotonic_ns())
        for collector, due in self._due.items():
            if now >= due and collector.interval_s is not None:
                self._due[collector] = now + collector.interval_s
                self._take(collector.sample())
        if now >= self._heartbeat_due:
            self._heartbeat_due = now + HEARTBEAT_S
            self.emit("heartbeat")
        if self.exit_code is None:
            self.exit_code = self._poll()
            if self.exit_code is not None:
                self.drain()
                self.emit("ended", **self._ended_data())

    def until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Step until `condition` holds or `limit_s` seconds have passed. Return True if it holds."""
        now = time.monotonic()
        end = now + limit_s
        while not condition():
            next_check = min(time.monotonic() + CHECK_S, end)
            if now >= end:
                return False
            self.step(min(STEP_S, end - now))
            while (now := time.monotonic()) < next_check:
                self.step(next_check - now)
        return True

    def pids(self) -> list[int]:
        """Return every living process of the stack: the masters, their descendants, their sessions and the workers.

        Only descendants of this process count. So if a process outside has reused a pid, it is never among them.
        """
        # The stop of a stack asks this fifty times a second. Only the answer that none is left needs every process.
        return self._pids(proc.tree_below(os.getpid())) or self._pids(proc.children())

    def _pids(self, tree: Mapping[int, Sequence[int]]) -> list[int]:
        """Return the pids that are in this tree of processes."""
        masters = {self._process.pid, self.pid}
        unreaped = [] if self._process.poll() is not None else [self._process.pid]
        of_stack = {i.pid for i in self.lifecycle.current().values()}
        of_stack |= masters.union(*(proc.descendants(pid, tree) for pid in masters))
        descendants = set(proc.descendants(os.getpid(), tree))
        for pid in descendants:
            try:
                if os.getsid(pid) in masters:
                    of_stack.add(pid)
            except ProcessLookupError:
                continue
        living = [pid for pid in of_stack & descendants if proc.is_alive(pid)]
        return sorted({*unreaped, *living})

    def drain(self) -> None:
        """Take in all lines that are left in the log."""
        while is_readable(self.context.log_fd) and self.context.log_fd in self._watched:
            self.step(0)

    def unwritten(self) -> list[RowFile]:
        """Return the files of rows that could not be written to their end."""
        files = [self._events, *(collector.file for collector in self.collectors)]
        return [file for file in files if file is not None and file.error is not None]

    def close(self) -> None:
        """Close every file. The processes stay: the supervisor ends them."""
        for collector in self.collectors:
            collector.close()
        self._epoll.close()
        self._events.close()


def log_socket() -> tuple[int, int]:
    """Return the reading and the writing end of a log for which the kernel notes the pid of each writer."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return reader.detach(), writer.detach()
