"""Compares the threads of a master with those of its workers: looks at threads -> the threads that the fork loses.

A fork copies only the thread that forks. Every other thread of the master lives in the master only, unless the library
that started it starts it again in the worker.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stacks.lifecycle.thread_looks import (
    ANSWERED,
    IN_REQUEST,
    READY,
    STANDARD_LIBRARY,
    UNANSWERED,
    Thread,
    ThreadLook,
    counted,
    signature,
)

PYTHON, NATIVE = "python", "native"
MOST_NAMED = 6  # groups of threads in a sentence
UNNAMED = "thread without a name"


@dataclass(frozen=True, slots=True)
class ThreadGroup:
    """Threads of one origin: those whose names differ by numbers only, as the threads of a pool."""

    thread: str  # the name of the first one
    kind: str  # PYTHON or NATIVE
    package: str  # that started it: STANDARD_LIBRARY or a package of PyPI; '' for the app itself, and if unknown
    file: str  # of the function that it was started with; '' if unknown
    in_master: int  # threads
    in_workers: int | None  # how many of the workers that were looked at have at least one; None if that is unknown

    @property
    def is_lost(self) -> bool:
        """True if the master has it and no worker does."""
        return self.in_master > 0 and self.in_workers == 0

    def describe(self) -> str:
        """Return the name, how many more there are, and the package."""
        name = self.thread + (f" and {self.in_master - 1} more" if self.in_master > 1 else "")
        if self.kind == NATIVE:
            return f"{name} (native)"
        origin = "the standard library" if self.package == STANDARD_LIBRARY else self.package or self.file
        return f"{name} (of {origin})" if origin else name


@dataclass(frozen=True, slots=True)
class ThreadTable:
    """The threads of a master and its workers. The fields stand under `fork_threads` in run.json."""

    threads: tuple[ThreadGroup, ...]
    workers: int  # workers that were looked at
    answered: bool  # they had answered requests, or were stuck in one
    reason: str  # why the threads are not known; '' if they are

    @property
    def lost(self) -> list[ThreadGroup]:
        """The threads of the master that no worker has. Without a worker that could be looked at: all of the master."""
        return [group for group in self.threads if group.in_master and (group.is_lost or not self.workers)]

    @classmethod
    def of(cls, value: Mapping[str, Any] | None) -> ThreadTable | None:
        """Read `fork_threads` of run.json; None if the run has none."""
        if not value:
            return None
        return cls(**{**value, "threads": tuple(ThreadGroup(**group) for group in value["threads"])})


def thread_table(looks: Iterable[ThreadLook]) -> ThreadTable | None:
    """Return the table of a run from its looks; None if no master was looked at."""
    all_looks = list(looks)
    masters = [look for look in all_looks if look.role == "master"]
    if not masters:
        return None
    known = [look for look in masters if not look.reason]
    if not known:
        return ThreadTable((), 0, answered=False, reason=masters[-1].reason)
    master = known[-1]
    workers = [look for look in all_looks if look.role == "worker" and not look.reason]
    served = [look for look in workers if look.when in (ANSWERED, IN_REQUEST)]
    waiting = [look for look in workers if look.when in (READY, UNANSWERED)]
    chosen = served or waiting
    return ThreadTable(tuple(_groups(master, chosen)), len(chosen), answered=bool(served), reason="")


def _groups(master: ThreadLook, workers: list[ThreadLook]) -> list[ThreadGroup]:
    """The groups of the master first, then those that only workers have."""
    in_master = _by_signature(master)
    in_workers = [_by_signature(worker) for worker in workers]
    keys = list(dict.fromkeys(key for found in [in_master, *in_workers] for key in found))
    groups = []
    for key in keys:
        first = next(found[key][0] for found in [in_master, *in_workers] if key in found)
        has_it = [key in found for found in in_workers]
        # Python before 3.11 does not tell which of the threads that a worker lists exist in it.
        is_unknown = key[0] == PYTHON and any(
            worker.exists(thread) is None for worker in workers for thread in worker.others
        )
        count = None if not workers or (is_unknown and not any(has_it)) else sum(has_it)
        groups.append(ThreadGroup(*first, in_master=len(in_master.get(key, ())), in_workers=count))
    return groups


def _by_signature(look: ThreadLook) -> dict[tuple[str, str], list[tuple[str, str, str, str]]]:
    """(kind, name without numbers) -> name, kind, package and file of each such thread."""
    found: dict[tuple[str, str], list[tuple[str, str, str, str]]] = {}
    for thread in look.present:
        name = look.name_of(thread)
        found.setdefault((PYTHON, signature(name)), []).append((name, PYTHON, thread.package, _file(thread)))
    for comm in look.native:
        name = UNNAMED if comm == look.comm else comm
        found.setdefault((NATIVE, signature(name)), []).append((name, NATIVE, "", ""))
    return found


def _file(thread: Thread) -> str:
    frame = thread.start_frame
    return frame.file if frame is not None else ""


def lost_sentence(table: ThreadTable | None) -> str:
    """Return which threads the fork loses, as surely as it was seen; '' if it loses none.

    A library may start its thread again in a worker at the first request, so only a worker that has answered, or is
    stuck in its first request, shows that no worker does the work of the thread.
    """
    if table is None or not table.lost:
        return ""
    count = sum(group.in_master for group in table.lost)
    names = counted((group.describe() for group in table.lost), MOST_NAMED)
    if table.answered:
        subject = "1 thread of your app lives" if count == 1 else f"{count} threads of your app live"
        return f"{subject} in the master only; no worker does {'its' if count == 1 else 'their'} work: {names}"
    subject = "1 thread of your app runs" if count == 1 else f"{count} threads of your app run"
    seen = f", and a worker that has just become ready does not have {'it' if count == 1 else 'them'}"
    return f"{subject} in the master when it forks{seen if table.workers else ''}: {names}"


def come_back(lost: ThreadTable | None, remedied: ThreadTable | None) -> tuple[int, int] | None:
    """Return how many of the lost threads the workers have with a remedy, and how many are lost without one.

    None if that is unknown.
    """
    if lost is None or not lost.lost or remedied is None or not remedied.workers or not remedied.answered:
        return None
    here = {(group.kind, signature(group.thread)) for group in remedied.threads if group.in_workers}
    counts = [(group.in_master, (group.kind, signature(group.thread)) in here) for group in lost.lost]
    return sum(count for count, is_back in counts if is_back), sum(count for count, _ in counts)
