"""Takes native backtraces of processes that stand still, by a process of its own. The texts go to evidence/.

A run needs few of them: a worker with the same waits as one whose backtrace is known is proven to hang by that one.
The runs of one campaign take them one after another, because gdb needs 100 MB of memory. A check waits for none.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path
from typing import Any

from stacks.lifecycle.records import CAMPAIGN_FILE, EVIDENCE_DIR, Event
from stacks.observe import native_stacks, proc
from stacks.observe.collectors import Base, Context

MOST = 4  # backtraces of one run; each takes gdb about half a second of one core
REST_S = 2.0  # a master whose loop turns once a second has missed a turn


class Collector(Base):
    name = "backtrace"
    interval_s = 0.1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._tracer: subprocess.Popen[bytes] | None = None  # while a backtrace is being taken
        self._fd = -1  # pidfd of the tracer
        self._pid = 0  # of the process whose backtrace is being taken
        self._begun_ns = 0
        self._count = 0  # backtraces so far
        self._lock_fd = -1  # of the directory above that of the run, which is locked meanwhile
        self._waits_for_other = False  # for the backtrace of another run

    def open(self) -> str:
        if native_stacks.program() is None:
            self._count = MOST
            return f"{native_stacks.NOT_INSTALLED}; hangs are proven by their waits and CPU time instead"
        return ""

    @property
    def busy(self) -> bool:
        """True while a backtrace is being taken or waits for that of another run, or that of a deadlock is due."""
        is_due = self._count < MOST and bool(self._deadlocks())
        return self._tracer is not None or self._waits_for_other or is_due

    def sample(self) -> list[Event]:
        if self._tracer is not None:
            if self.context.clock() - self._begun_ns > native_stacks.LIMIT_S * 1e9:
                self._tracer.kill()
            return []
        suspects = self._suspects() if self._count < MOST else []
        self._waits_for_other = bool(suspects) and not self._lock()
        if suspects and not self._waits_for_other:
            self._start(suspects[0])
        return []

    def _lock(self) -> bool:
        """Return True if no other run of this campaign takes a backtrace, and keep the others from it."""
        campaign = self.context.directory.parent
        if not (campaign / CAMPAIGN_FILE).exists():
            return True
        self._lock_fd = os.open(campaign, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._unlock()
            return False
        return True

    def _unlock(self) -> None:
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    def _suspects(self) -> list[int]:
        """Return the pids of processes whose backtrace is worth its time, the most urgent first."""
        lifecycle, master_pid = self.context.lifecycle, self.context.master_pid
        hangs = lifecycle.hangs
        suspects = hangs.suspects([*lifecycle.starting(), master_pid]) + hangs.stopping(lifecycle.ready())
        suspects += self._deadlocks()  # before those that leave: many an exit stands still for a moment
        suspects += hangs.suspects(lifecycle.leaving())
        is_waited_for = bool(lifecycle.masters.pending_trigger)
        if is_waited_for and hangs.rest_s(master_pid) > REST_S and not hangs.has_backtrace(master_pid):
            suspects.append(master_pid)
        return suspects

    def _deadlocks(self) -> list[int]:
        """Return the pids of workers that are proven not to answer any more, and that have no backtrace yet."""
        lifecycle = self.context.lifecycle
        without = [pid for pid in lifecycle.deadlocks() if not lifecycle.hangs.has_backtrace(pid)]
        return [pid for pid in without if pid != self._pid and proc.is_alive(pid)]

    def _start(self, pid: int) -> None:
        folder = self.context.directory / EVIDENCE_DIR
        try:
            folder.mkdir(exist_ok=True)
            self._open_tracer(folder, pid)
        except OSError as error:  # a full disk, or no file descriptor left: the verdict needs no backtrace
            self.off = f"{folder} cannot be written ({error.strerror})"
            self._count = MOST
            self._unlock()
            return
        self._pid, self._begun_ns, self._count = pid, self.context.clock(), self._count + 1
        self.context.watch(self._fd, self)

    def _open_tracer(self, folder: Path, pid: int) -> None:
        with (folder / f"backtrace-{pid}.txt").open("wb") as file:
            self._tracer = subprocess.Popen(
                native_stacks.command(pid),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._fd = os.pidfd_open(self._tracer.pid)

    def read(self, fd: int) -> list[Event]:
        assert self._tracer is not None  # noqa: S101 - the file descriptor is that of a running tracer
        self._tracer.wait()
        self._unlock()
        self.context.unwatch(fd)
        os.close(fd)
        self._tracer, self._fd = None, -1
        path = self.context.directory / EVIDENCE_DIR / f"backtrace-{self._pid}.txt"
        text = path.read_text(errors="replace")
        frames = native_stacks.stopping_thread_frames(text) or native_stacks.main_thread_frames(text)
        if not frames:
            self._count = MOST  # most likely it has no permission, and a second try would change nothing
        lines = text.strip().splitlines() or ["nothing was printed"]
        reason = "" if frames else lines[-1]
        data: dict[str, Any] = {
            "frames": frames,
            "packages": native_stacks.packages(text),
            "gil_waiters": native_stacks.gil_waiters(text),
            "file": f"{EVIDENCE_DIR}/{path.name}",
        }
        return [self.event("backtrace", self._pid, **data, reason=reason)]

    def close(self) -> None:
        if self._tracer is not None:
            self._tracer.kill()
            self._tracer.wait()
            os.close(self._fd)
            self._tracer = None
            self._unlock()
