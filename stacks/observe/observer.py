"""The observer: owns a uWSGI process group, runs every collector on one clock, writes each row once."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from stacks.lifecycle.records import EVENTS_FILE, Event
from stacks.lifecycle.workers import Lifecycle
from stacks.observe import proc
from stacks.observe.collectors import Base, Context, discover, is_readable

HEARTBEAT_S = 1.0
STEP_S = 0.05  # the longest that a look at a condition waits
ENDED = -1  # of a master whose exit code only its parent learns


class Observer:
    """A uWSGI master under observation. Passive: it reads a log, pidfds and /proc, and asks uWSGI nothing."""

    def __init__(
        self,
        directory: Path,
        command: list[str],
        environment: dict[str, str],
        port: int,
        cwd: Path | None = None,
        piped: bool = False,
    ) -> None:
        self._events = (directory / EVENTS_FILE).open("a", encoding="utf-8")
        self.lifecycle = Lifecycle()
        self.exit_code: int | None = None
        self._due: dict[Base, float] = {}
        self._watched: dict[int, Base] = {}
        self._epoll = select.epoll()
        self._heartbeat = 0.0
        master_pid, log_fd = self._launch(command, environment, cwd, piped)
        self.context = Context(directory, master_pid, port, log_fd, self.lifecycle, self._watch, self._unwatch)
        self.collectors = [kind(self.context) for kind in self._kinds()]
        self.unavailable = {collector.name: collector.open() for collector in self.collectors}
        for collector in self.collectors:
            if collector.interval_s is not None and not self.unavailable[collector.name]:
                self._due[collector] = 0.0
        self.emit("collectors", **{name: reason or "on" for name, reason in self.unavailable.items()})

    def _launch(
        self, command: list[str], environment: dict[str, str], cwd: Path | None, piped: bool
    ) -> tuple[int, int]:
        """Start uWSGI; returns its pid and our end of its log."""
        log_fd, theirs_fd = os.pipe() if piped else log_socket()
        self.emit("start", command=command)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=theirs_fd,
            stderr=theirs_fd,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
        os.close(theirs_fd)
        return self._process.pid, log_fd

    def _kinds(self) -> list[type[Base]]:
        return discover()

    def _poll(self) -> int | None:
        """The exit code of uWSGI, None while it runs."""
        code = self._process.poll()
        if self._is_replaced():
            return None if proc.is_alive(self.pid) else ENDED
        return code

    def _ended(self) -> dict[str, object]:
        """What is known of how it ended."""
        return {} if self._is_replaced() else {"exit_code": self.exit_code}

    def _is_replaced(self) -> bool:
        """Whether the master that we started has a successor (`f` to the master fifo)."""
        return self.pid != self._process.pid

    @property
    def pid(self) -> int:
        """The uWSGI master's, of the newest one."""
        return self.context.master_pid

    def _watch(self, fd: int, collector: Base) -> None:
        self._watched[fd] = collector
        self._epoll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def emit(self, kind: str, **data: object) -> None:
        """A row of the observer itself."""
        self._take([Event(time.monotonic_ns(), "observer", kind, data=data)])

    def _take(self, events: list[Event]) -> None:
        for event in events:
            self._events.write(event.to_json() + "\n")
            self.lifecycle.feed(event)
            if event.kind == "master" and event.pid != self.pid and event.pid in proc.descendants(os.getpid()):
                self.context.master_pid = event.pid
            for collector in getattr(self, "collectors", ()):
                collector.saw(event)
        if events:
            self._events.flush()

    def step(self, limit_s: float = STEP_S) -> None:
        """Wait for something to happen, `limit_s` at most, and take in what did."""
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
        if now >= self._heartbeat:
            self._heartbeat = now + HEARTBEAT_S
            self.emit("heartbeat")
        if self.exit_code is None:
            self.exit_code = self._poll()
            if self.exit_code is not None:
                self.drain()
                self.emit("ended", **self._ended())

    def until(self, condition: Callable[[], bool], limit_s: float) -> bool:
        """Step until `condition` holds or `limit_s` have passed; says whether it holds."""
        end = time.monotonic() + limit_s
        while not condition():
            if time.monotonic() >= end:
                return False
            self.step(min(STEP_S, end - time.monotonic()))
        return True

    def pids(self) -> list[int]:
        """Every living process of the stack: the master's group and session, and what is below it."""
        masters = {self._process.pid, self.pid}
        reaped = [] if self._process.poll() is not None else [self._process.pid]
        known = {i.pid for i in self.lifecycle.current().values()}
        known |= masters.union(*map(proc.descendants, masters))
        below = set(proc.descendants(os.getpid()))
        for pid in below:
            try:
                if os.getsid(pid) in masters:
                    known.add(pid)
            except ProcessLookupError:
                continue
        living = [pid for pid in known & below if proc.is_alive(pid)]
        return sorted({*reaped, *living})

    def drain(self) -> None:
        """Take in what the log still holds."""
        while is_readable(self.context.log_fd) and self.context.log_fd in self._watched:
            self.step(0)

    def close(self) -> None:
        """Let go of everything; the processes are the supervisor's."""
        for collector in self.collectors:
            collector.close()
        self._epoll.close()
        self._events.close()


def log_socket() -> tuple[int, int]:
    """Our end and theirs of a log whose kernel adds the writer's pid to what is written."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    return ours.detach(), theirs.detach()
