"""Looks at the Python threads of the master, of workers that serve, and of workers that stand still, with py-spy.

A run makes few looks, and none at a process that is well while the load is measured:

- the master, once its first workers are ready, and one of these workers;
- two workers that have answered requests, once the load is over. Together with the master they show which threads the
  fork loses;
- up to four workers that stand still at the fork, in a request, and at their exit. They show what a proven hang waits
  for. They prove no hang.

A process with a single thread needs no py-spy: it has no thread besides its main one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stacks.lifecycle.records import EVIDENCE_DIR, REQUEST_COLUMNS, REQUEST_PART, Event
from stacks.lifecycle.thread_looks import ANSWERED, AT_EXIT, AT_FORK, IN_REQUEST, READY, UNANSWERED
from stacks.observe import proc, python_threads
from stacks.observe.collectors import Base, Context

MOST_STUCK = 4  # in each of the three stages: an exit that takes a second leaves the others their looks
MOST_SERVED = 2
STUCK = (AT_FORK, IN_REQUEST, AT_EXIT)
ATTEMPTS = 3  # at the master; a look at a process that runs may read memory while it changes
LIMIT_S = 5.0
TAIL_BYTES = 1 << 16  # of each file of the recorder: the newest answers, which living workers gave
_PID, _ERROR = (list(REQUEST_COLUMNS).index(name) for name in ("pid", "error"))


class Collector(Base):
    name = "python_threads"
    interval_s = 0.1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._py_spy = ""
        self._at_work: python_threads.PySpy | None = None
        self._look = (0, "", "")  # pid, role and `when` of the look under way
        self._begun_ns = 0
        self._stuck: set[int] = set()  # pids of those that stood still and were looked at
        self._served: set[int] = set()
        self._counts = {"master": ATTEMPTS, "ready": 1, "served": MOST_SERVED}  # looks left
        self._counts |= dict.fromkeys(STUCK, MOST_STUCK)
        self._phase = "start"  # then load, then after

    def open(self) -> str:
        self._py_spy = python_threads.command() or ""
        return "" if self._py_spy else python_threads.NOT_INSTALLED

    def on_event(self, event: Event) -> None:
        if event.kind in ("load_begin", "load_end"):
            self._phase = "load" if event.kind == "load_begin" else "after"
        elif event.kind in ("spawned", "respawned"):
            self._stuck.discard(event.pid)
            self._served.discard(event.pid)

    @property
    def busy(self) -> bool:
        """True while a look is under way or is due."""
        return not self.off and bool(self._py_spy) and (self._at_work is not None or self._next() is not None)

    def sample(self) -> list[Event]:
        if self._at_work is not None:
            if self.context.clock() - self._begun_ns > LIMIT_S * 1e9:
                self._at_work.kill()
            return []
        look = self._next() if not self.off else None
        return self._begin(*look) if look is not None else []

    def _next(self) -> tuple[int, str, str] | None:
        """Return pid, role and `when` of the look that is due, the most urgent first."""
        return next(self._due(), None)

    def _due(self) -> Iterator[tuple[int, str, str]]:
        left, lifecycle = self._counts, self.context.lifecycle
        for pid, when in self._stuck_workers():
            if left[when] and pid not in self._stuck and proc.is_alive(pid):
                yield pid, "worker", when
        if self._phase != "load" and left["master"] and self._has_started():
            yield self.context.master_pid, "master", READY
        elif self._phase == "start" and not left["master"] and left["ready"]:
            yield from ((pid, "worker", READY) for pid in lifecycle.ready()[:1])
        if self._phase == "after" and left["served"]:
            serving = [pid for pid in lifecycle.ready() if pid not in self._served]
            serving = [pid for pid in serving if lifecycle.hangs.deadlock(pid) is None]
            answered = answered_pids(self.context.directory) if serving else set()
            for pid in sorted(serving, key=lambda pid: pid not in answered):
                yield pid, "worker", ANSWERED if pid in answered else UNANSWERED

    def _has_started(self) -> bool:
        """Return True if every first worker is ready, or one stands still."""
        lifecycle = self.context.lifecycle
        is_ready = bool(lifecycle.slots) and not lifecycle.starting()
        return is_ready or bool(self._stuck) or lifecycle.is_idle

    def _stuck_workers(self) -> Iterator[tuple[int, str]]:
        """Yield the workers that stand still, as the collector `backtrace` has them, and in which stage they do."""
        lifecycle = self.context.lifecycle
        hangs = lifecycle.hangs
        yield from ((pid, AT_FORK) for pid in hangs.still(lifecycle.starting()))
        leaving = hangs.still(lifecycle.leaving())
        deadlocks = lifecycle.deadlocks()
        yield from (
            (pid, IN_REQUEST if pid in deadlocks and not deadlocks[pid].at_exit else AT_EXIT) for pid in leaving
        )
        yield from ((pid, AT_EXIT if proof.at_exit else IN_REQUEST) for pid, proof in deadlocks.items())

    # -- one look -------------------------------------------------------------------------------

    def _begin(self, pid: int, role: str, when: str) -> list[Event]:
        is_stuck = when in STUCK
        if is_stuck:
            self._stuck.add(pid)
        elif when != READY:
            self._served.add(pid)
        budget = when if is_stuck else role if role == "master" else "ready" if when == READY else "served"
        self._counts[budget] -= 1
        self._look = (pid, role, when)
        if not is_stuck and len(proc.thread_names(pid)) < 2:
            return self._row(python_threads.process_data(pid, [], ""))
        try:
            self._at_work = python_threads.PySpy(pid, self._py_spy)
        except OSError as error:
            self.off = f"py-spy cannot be started: {error}"
            return []
        self._begun_ns = self.context.clock()
        self.context.watch(self._at_work.fd, self)
        return []

    def read(self, fd: int) -> list[Event]:
        assert self._at_work is not None  # noqa: S101 - the file descriptor is that of a running py-spy
        self.context.unwatch(fd)
        at_work, self._at_work = self._at_work, None
        return [*self._row(at_work.finish()), *self.sample()]

    def _row(self, data: dict[str, Any]) -> list[Event]:
        pid, role, when = self._look
        if role == "master":
            data = {**data, "tasks": self._without_own_threads(data)}
        if data["reason"] == python_threads.NOT_PERMITTED:
            self.off = data["reason"]  # a second try would change nothing
        elif not data["reason"] and role == "master":
            self._counts["master"] = 0
        file = self._write_text(pid, data) if when in (AT_FORK, IN_REQUEST, AT_EXIT) else ""
        return [self.event("threads", pid, role=role, when=when, file=file, **data)]

    def _write_text(self, pid: int, data: dict[str, Any]) -> str:
        path = Path(EVIDENCE_DIR) / f"threads-{pid}.txt"
        try:
            (self.context.directory / EVIDENCE_DIR).mkdir(exist_ok=True)
            (self.context.directory / path).write_text(python_threads.as_text(data), encoding="utf-8")
        except OSError:  # a full disk: the row itself has the threads
            return ""
        return str(path)

    def _without_own_threads(self, data: dict[str, Any]) -> list[list[Any]]:
        """Return the tasks of the master without uWSGI's own threads, such as those of its cache, alarms and metrics.

        uWSGI starts them in the loop of its master, after it has forked its first workers (core/master.c), and gives
        them no name. A thread of the app is older, because the app is loaded before the fork, or has a name.
        """
        master_pid, python_tids = self.context.master_pid, {thread["tid"] for thread in data["threads"]}
        comm = dict(data["tasks"]).get(master_pid)
        if None in python_tids:
            return list(data["tasks"])
        # Once the first workers are gone, it cannot be told which of the threads without a name is older than they.
        workers = [worker for worker in self.context.lifecycle.current().values() if worker.generation == 0]
        first = [stat for worker in workers if (stat := proc.stat(worker.pid)) is not None]
        first_fork = min((stat.start_ticks for stat in first), default=0)

        def is_own(tid: int, name: str) -> bool:
            if tid in python_tids or tid == master_pid or name != comm:
                return False
            thread = proc.stat(tid)
            return thread is None or thread.start_ticks >= first_fork

        return [task for task in data["tasks"] if not is_own(*task)]

    def close(self) -> None:
        if self._at_work is not None:
            self._at_work.kill()
            self._at_work.finish()
            self._at_work = None


def answered_pids(directory: Path) -> set[int]:
    """Return the pids of workers that answered the newest requests, from the files of the recorder."""
    pids = set()
    for part in directory.glob(REQUEST_PART.format(pid="*")):
        with part.open("rb") as file:
            file.seek(max(0, part.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        for fields in (line.split("\t") for line in lines[1:]):
            if len(fields) == len(REQUEST_COLUMNS) and not fields[_ERROR] and fields[_PID].isdigit():
                pids.add(int(fields[_PID]))
    return pids
