"""Native backtraces of processes that do not move, by gdb in a process of its own; the text goes to evidence/.

A run needs few: workers that look the same as one whose backtrace is known are proven by it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

from stacks.lifecycle.records import EVIDENCE_DIR, Event
from stacks.observe import proc
from stacks.observe.collectors import Base, Context

MOST = 4  # backtraces a run; each takes about half a second of one core
RESTED_S = 2.0  # a master whose loop turns once a second has missed a turn
LIMIT_S = 20.0  # symbols on a slow disk; a gdb that takes longer is ended
GDB = ("gdb", "-q", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", "thread apply all bt 32")
_FRAME = re.compile(r"^#\d+\s+(?:0x[0-9a-f]+ in )?([^\s(]+) ?\(", re.MULTILINE)


class Collector(Base):
    name = "backtrace"
    interval_s = 0.1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._gdb: subprocess.Popen[bytes] | None = None
        self._fd = -1
        self._pid = 0
        self._began_ns = 0
        self._taken = 0

    def open(self) -> str:
        if shutil.which("gdb") is None:
            return "gdb is not installed; hangs are proven by their waits and CPU time instead"
        return ""

    @property
    def busy(self) -> bool:
        """Whether a backtrace is being taken."""
        return self._gdb is not None

    def sample(self) -> list[Event]:
        if self._gdb is not None:
            if self.context.clock() - self._began_ns > LIMIT_S * 1e9:
                self._gdb.kill()
            return []
        lifecycle = self.context.lifecycle
        stillness, master = lifecycle.stillness, self.context.master_pid
        suspects = stillness.suspects([*lifecycle.starting(), *lifecycle.leaving(), master])
        suspects += [pid for pid in lifecycle.deadlocks() if not stillness.has_frames(pid) and proc.is_alive(pid)]
        if lifecycle.ignored and stillness.rested_s(master) > RESTED_S and not stillness.has_frames(master):
            suspects.append(master)
        if suspects and self._taken < MOST:
            self._start(suspects[0])
        return []

    def _start(self, pid: int) -> None:
        folder = self.context.directory / EVIDENCE_DIR
        folder.mkdir(exist_ok=True)
        with (folder / f"backtrace-{pid}.txt").open("wb") as file:
            self._gdb = subprocess.Popen(
                [*GDB, "-p", str(proc.living_thread(pid))],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._pid, self._began_ns, self._taken = pid, self.context.clock(), self._taken + 1
        self._fd = os.pidfd_open(self._gdb.pid)
        self.context.watch(self._fd, self)

    def read(self, fd: int) -> list[Event]:
        assert self._gdb is not None  # noqa: S101 - only a running gdb is watched
        self._gdb.wait()
        self.context.unwatch(fd)
        os.close(fd)
        self._gdb, self._fd = None, -1
        path = self.context.directory / EVIDENCE_DIR / f"backtrace-{self._pid}.txt"
        text = path.read_text(errors="replace")
        found = frames(text)
        if not found:
            self._taken = MOST  # not permitted, most likely: asking again changes nothing
        said = text.strip().splitlines() or ["gdb printed nothing"]
        reason = "" if found else said[-1]
        return [self.event("backtrace", self._pid, frames=found, file=f"{EVIDENCE_DIR}/{path.name}", reason=reason)]

    def close(self) -> None:
        if self._gdb is not None:
            self._gdb.kill()
            self._gdb.wait()
            os.close(self._fd)
            self._gdb = None


def frames(text: str) -> list[str]:
    """Function names, innermost first, of the thread that gdb shows last: the main thread."""
    last = text.rsplit("\nThread ", 1)[-1]
    return _FRAME.findall(last)
