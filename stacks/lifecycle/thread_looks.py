"""Reads `threads` rows: the Python threads of one process at one moment, and all threads that its kernel knows.

A forked worker still lists the Python threads of its master, although only the thread that forked exists in it. Its own
main thread also keeps the thread id that it had in the master, unless py-call-uwsgi-fork-hooks is on. So a thread
exists if its id is among the tasks of the process, or if it is the main thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stacks.lifecycle.records import Event

READY, ANSWERED, UNANSWERED = "ready", "answered", "unanswered"  # a value of `when` for a process that is well
AT_FORK, IN_REQUEST, AT_EXIT = "stuck_at_fork", "stuck_in_request", "stuck_at_exit"
# The packages that the observer names, beside those of PyPI. A file of the app itself has no package.
STANDARD_LIBRARY = "standard library"
SERVER = "uWSGI"
# Files of the standard library that only hand a wait on: who waits, and what for, stands in the frame that called them.
_PLUMBING = re.compile(r"(^|/)(threading\.py|queue\.py|selectors\.py|concurrent/.*|asyncio/.*|<frozen .*)$")
# Functions around the one that a thread was started with: `threading`'s own, and those of instrumentation.
_WRAPPERS = re.compile(r"^(.*\.)?(_bootstrap|_bootstrap_inner|run_old_run_func|_run_old_run_func)$|wrap", re.IGNORECASE)
_CORE_THREAD = re.compile(r"^uWSGIWorker\d+Core\d+$")  # uWSGI names its own threads in a worker so
_NUMBERS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a Python stack."""

    function: str  # qualified from Python 3.11 on
    file: str  # relative to the app's path where that is known
    line: int
    package: str  # STANDARD_LIBRARY, SERVER, a package of PyPI, or '' for a file of the app itself

    @property
    def place(self) -> str:
        """The line as FILE:LINE."""
        return f"{self.file}:{self.line}"

    @property
    def is_plumbing(self) -> bool:
        """True for a frame that hands a wait on and belongs to uWSGI or to the standard library's locks."""
        return self.package == SERVER or (self.package == STANDARD_LIBRARY and bool(_PLUMBING.search(self.file)))


@dataclass(frozen=True, slots=True)
class Thread:
    """One Python thread. `tid` is None for Python 3.10 and older, which does not tell it."""

    name: str  # '' if `threading` does not know the thread
    tid: int | None
    owns_gil: bool
    frames: tuple[Frame, ...]  # innermost first

    @property
    def telling_frame(self) -> Frame | None:
        """The innermost frame that says where the thread is; None if every frame is plumbing."""
        return next((frame for frame in self.frames if not frame.is_plumbing), None)

    @property
    def app_frame(self) -> Frame | None:
        """The innermost frame in a file of the app itself, or None."""
        return next((frame for frame in self.frames if not frame.package), None)

    @property
    def start_frame(self) -> Frame | None:
        """The frame of the function that the thread was started with, or None."""
        frames = [frame for frame in self.frames if not _WRAPPERS.search(frame.function)]
        started = [f for f in frames if not (f.function in ("Thread.run", "run") and f.file == "threading.py")]
        return next(reversed(started or frames), None)

    @property
    def package(self) -> str:
        """The package that started the thread, as in `Frame`; '' also if no frame tells it."""
        frames = [frame for frame in (self.start_frame, self.telling_frame) if frame is not None]
        return next((f.package for f in frames if f.package != STANDARD_LIBRARY), STANDARD_LIBRARY if frames else "")


@dataclass(frozen=True, slots=True)
class ThreadLook:
    """The threads of one process at one moment."""

    pid: int
    role: str  # master or worker
    when: str  # READY, ANSWERED, UNANSWERED, AT_FORK, IN_REQUEST or AT_EXIT
    parent: int
    python: str  # such as 3.12; '' if unknown
    threads: tuple[Thread, ...]  # Python's, the newest first and the main thread last
    tasks: dict[int, str]  # thread id -> comm, of every thread that exists
    reason: str  # why the Python threads are not known; '' if they are

    @classmethod
    def of(cls, event: Event) -> ThreadLook:
        """Read a `threads` row."""
        data: dict[str, Any] = event.data
        threads = tuple(
            Thread(row["name"], row["tid"], row["owns_gil"], tuple(Frame(*frame) for frame in row["frames"]))
            for row in data["threads"]
        )
        tasks = dict(data["tasks"])
        return cls(
            event.pid, data["role"], data["when"], data["parent"], data["python"], threads, tasks, data["reason"]
        )

    @property
    def is_stuck(self) -> bool:
        """True if the process stood still when it was looked at."""
        return self.when in (AT_FORK, IN_REQUEST, AT_EXIT)

    @property
    def comm(self) -> str:
        """The name that the kernel has of the process, and of each thread that nobody named."""
        return self.tasks.get(self.pid, "")

    @property
    def main(self) -> Thread | None:
        """The main thread. A forked worker's has the thread id of the master; without ids it is the last one."""
        if not self.threads:
            return None
        ids = (self.pid, self.parent) if self.role == "worker" else (self.pid,)
        return next((thread for thread in self.threads if thread.tid in ids), self.threads[-1])

    @property
    def others(self) -> list[Thread]:
        """The Python threads besides the main one and those of uWSGI itself, the oldest first."""
        main = self.main
        return [t for t in reversed(self.threads) if t is not main and not _CORE_THREAD.match(t.name)]

    def exists(self, thread: Thread) -> bool | None:
        """Return whether this process has one of its `others`; None if that cannot be known."""
        if thread.tid is not None:
            return thread.tid in self.tasks
        if len(self.tasks) == 1:
            return False
        # Before 3.11 the ids are not known. A master has forked from nothing, so it has each of its threads.
        return True if self.role == "master" else None

    @property
    def present(self) -> list[Thread]:
        """The Python threads that this process surely has, without the main one and those of uWSGI itself."""
        return [thread for thread in self.others if self.exists(thread)]

    @property
    def absent(self) -> list[Thread]:
        """The Python threads that this process lists and surely does not have."""
        return [thread for thread in self.others if self.exists(thread) is False]

    @property
    def native(self) -> list[str]:
        """The `comm` of every thread that is not Python's, sorted.

        A thread that nobody named has the comm of the process. It may be one of uWSGI's own, or belong to a library.
        """
        ids = {thread.tid for thread in self.threads} | {self.pid}
        rest = {tid: comm for tid, comm in self.tasks.items() if tid not in ids}
        if any(thread.tid is None for thread in self.threads):  # a Python thread has the comm of the process as well
            rest = {tid: comm for tid, comm in rest.items() if comm != self.comm}
        return sorted(rest.values())

    def name_of(self, thread: Thread) -> str:
        """Return the name of a thread: Python's, otherwise the kernel's, otherwise the function it was started with."""
        comm = self.tasks.get(thread.tid, "") if thread.tid is not None else ""
        start = thread.start_frame
        named = "" if comm == self.comm else comm
        return thread.name or named or (start.function if start else "a thread without a name")


def signature(name: str) -> str:
    """Return a name without its numbers: a thread that is started anew in a worker gets the next number."""
    return _NUMBERS.sub("#", name)


def counted(names: Iterable[str], most: int = 4) -> str:
    """Join names with commas. Beyond `most`, say how many more there are."""
    listed = list(names)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")
