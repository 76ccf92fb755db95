"""Reads uWSGI's log, writes it to uwsgi.log, and turns known lines into rows with their time of arrival.

The log is a socket, and the kernel adds the writer's pid to each message (SO_PASSCRED, unix(7)). The line that
`hook-accepting = print:` writes holds neither slot nor pid, but the writer's pid says which worker became ready, so the
app needs no code for this. It is a stream socket, because a datagram socket refuses large writes.

An app that opens /dev/stdout by its path needs a pipe instead, because a socket cannot be opened (ENXIO, socket(7)). A
pipe does not say who writes, so with a pipe the line must hold the pid.

An app may write the words of uWSGI as well, so a line is held against its writer (`log_belief`).

A row `died` also holds the last line that the worker itself wrote, which often says why the worker ended.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct

from stacks.lifecycle.records import LOG_FILE, Event
from stacks.observe.collectors import Base, Context
from stacks.observe.log_belief import is_believed
from stacks.observe.row_file import RowFile

READY_LINE = "pack-ready"  # printed by hook-accepting in stacks/common.ini
CHUNK = 1 << 16
LONGEST_LINE = 1 << 16  # bytes that are kept of a line without an end: an app may write gigabytes of them
MOST_DIGITS = 9  # of a number in a line: more make no pid, slot, signal or time
LAST_LINE_LENGTH = 300  # of a line that is kept, in characters
# The lines after one of these describe the state of the process and not the cause: a worker's own backtrace
# (uwsgi_segfault, core/uwsgi.c), and the threads and modules of a Python that gives up.
FINAL_LINES = ("!!! uWSGI process", "Fatal Python error")
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

# Kind of row and the line that it stands for. The texts are those of core/master_utils.c, core/utils.c and
# core/master_checks.c in uWSGI 2.0.22 to 2.0.31. The first pattern that matches counts.
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        ("ready", rf"^{READY_LINE}(?: (?P<pid>\d+))?$"),
        ("respawned", r"^Respawned uWSGI worker (?P<slot>\d+) \(new pid: (?P<pid>\d+)\)"),
        ("exit_begun", r"^\.\.\.The work of process (?P<pid>\d+) is done\. Seeya!"),
        ("reaped", r"^worker (?P<slot>\d+) killed successfully \(pid: (?P<pid>\d+)\)"),
        ("spawned", r"^spawned uWSGI worker (?P<slot>\d+) \(pid: (?P<pid>\d+), cores: \d+\)"),
        ("spawned", r"^spawned uWSGI worker (?P<slot>\d+) \(and the only\) \(pid: (?P<pid>\d+), cores: \d+\)"),
        ("died", r"^DAMN ! worker (?P<slot>\d+) \(pid: (?P<pid>\d+)\) died(?:, killed by signal (?P<signal>\d+))?"),
        ("no_mercy", r"worker (?P<slot>\d+) \(pid: (?P<pid>\d+)\) is taking too much time to die\.\.\.NO MERCY"),
        ("throttle", r"^worker respawning too fast !!!"),
        ("harakiri", r"\*\*\* HARAKIRI ON WORKER (?P<slot>\d+) \(pid: (?P<pid>\d+)"),
        ("told", r"^Gracefully killing worker (?P<slot>\d+) \(pid: (?P<pid>\d+)\)"),
        ("cheaped", r"^uWSGI worker (?P<slot>\d+) cheaped\."),
        ("idle", r"^workers have been inactive for more than \d+ seconds"),
        ("idle", r"^cheap mode enabled: waiting for socket connection"),
        ("stopping", r"^(?:.* - )?(?:graceful shutdown triggered|SIG\w+/SIG\w+ received\.\.\.killing workers)\.\.\.$"),
        ("lifetime", r"^worker (?P<slot>\d+) lifetime reached"),
        ("master", r"^(?:gracefully \(RE\))?spawned uWSGI master process \(pid: (?P<pid>\d+)\)"),
        ("app_ready", r"^WSGI app \d+ .* ready in (?P<seconds>\d+) seconds"),
        ("free_threaded", r"^Python version: .*free-threading build"),
        ("goodbye", r"^goodbye to uWSGI\."),
    )
)


class Collector(Base):
    name = "log"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._partial: dict[int, bytes] = {}  # pid of the writer -> its line that has no end yet
        self._last: dict[int, str] = {}  # pid of the writer -> its last line that stands for no row
        self._socket: socket.socket | None = None
        if stat.S_ISSOCK(os.fstat(context.log_fd).st_mode):
            self._socket = socket.socket(fileno=context.log_fd)

    def open(self) -> str:
        os.set_blocking(self.context.log_fd, False)
        self.file = RowFile(self.context.directory / LOG_FILE)
        self.context.watch(self.context.log_fd, self)
        return ""

    def read(self, fd: int) -> list[Event]:
        events: list[Event] = []
        while True:
            try:
                writer, data = self._receive(fd)
            except BlockingIOError:
                return events
            if not data:  # every process that could write has ended
                self.context.unwatch(fd)
                return events
            events += self._lines(writer, data)

    def _receive(self, fd: int) -> tuple[int, bytes]:
        """Return the pid of the writer (0 for a pipe) and the next piece of the log."""
        if self._socket is None:
            return 0, os.read(fd, CHUNK)
        data, ancillary, _, _ = self._socket.recvmsg(CHUNK, socket.CMSG_SPACE(_CREDENTIALS.size))
        return next((_CREDENTIALS.unpack(c)[0] for _, t, c in ancillary if t == socket.SCM_CREDENTIALS), 0), data

    def _lines(self, writer: int, data: bytes) -> list[Event]:
        now_ns = self.context.clock()
        if self.file is not None:
            self.file.write(data)
        *lines, rest = (self._partial.pop(writer, b"") + data).split(b"\n")
        if rest:
            self._partial[writer] = rest[:LONGEST_LINE]
        return [event for line in lines if (event := self._row(line.decode(errors="replace"), now_ns, writer))]

    def _row(self, line: str, now_ns: int, writer: int) -> Event | None:
        event = parse(line, now_ns, writer)
        if event is not None and not is_believed(event, writer, self.context.lifecycle):
            event = None
        if event is None:
            self._keep(writer, line)
        elif event.kind == "died":
            self._keep(event.pid, self._partial.pop(event.pid, b"").decode(errors="replace"))
            if last_line := self._last.pop(event.pid, ""):
                event.data["last_line"] = last_line
        elif event.kind == "reaped":
            self._last.pop(event.pid, None)
        return event

    def _keep(self, writer: int, line: str) -> None:
        """Keep the line if it may say why its writer ends. A pipe names no writer."""
        text = line.strip()
        is_of_hook = text.startswith('running "') and text.endswith("...")  # uWSGI's line about any hook
        if writer and text and not is_of_hook and not self._last.get(writer, "").startswith(FINAL_LINES):
            self._last[writer] = text[:LAST_LINE_LENGTH]

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        else:
            os.close(self.context.log_fd)
        if self.file is not None:
            self.file.close()


def parse(line: str, t_ns: int, writer: int) -> Event | None:
    """Return the row that a line of the log stands for, or None. `writer` is the pid that wrote the line."""
    for kind, pattern in PATTERNS:
        match = pattern.search(line)
        if match is None:
            continue
        values = match.groupdict()
        if any(len(value) > MOST_DIGITS for value in values.values() if value is not None):
            return None
        pid = int(values.pop("pid", None) or writer)
        slot = int(values.pop("slot", None) or 0)
        data: dict[str, object] = {key: int(value) for key, value in values.items() if value is not None}
        if kind == "died":
            data["text"] = line.split(") ", 1)[-1].split(" :(", 1)[0]
        return Event(t_ns, Collector.name, kind, pid, slot, data)
    return None
