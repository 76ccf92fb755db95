"""Reads /proc: the state of a process and its threads, and its children.

A process may end at any moment, so no function raises an error for a process that does not exist. Each function says
what it returns then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stacks.observe.waits import read, wait_of

PROC = Path("/proc")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of /proc/PID/stat that the pack needs."""

    ppid: int
    state: str
    ticks: int  # CPU time in clock ticks: utime + stime
    threads: int
    rss_kib: int
    start_ticks: int  # start time since boot; together with the pid it identifies a process
    session: int = 0


def stat(pid: int) -> Stat | None:
    """Read /proc/PID/stat once; None if there is no such process."""
    fields = _fields(pid)
    if fields is None:
        return None
    return Stat(
        ppid=int(fields[1]),
        state=fields[0],
        ticks=int(fields[11]) + int(fields[12]),
        threads=int(fields[17]),
        rss_kib=int(fields[21]) * PAGE_KIB,
        start_ticks=int(fields[19]),
        session=int(fields[3]),
    )


def _fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the second one (proc(5)): that is the name, which may hold spaces."""
    text = read(f"{PROC}/{pid}/stat")
    return text[text.rindex(")") + 2 :].split() if text else None


def started_ns(entry: Stat, now_ns: int) -> int:
    """Return when a process began, on the clock of `now_ns` (CLOCK_MONOTONIC), to 10 ms and never later than now."""
    asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()  # the kernel counts since boot
    return min(now_ns, entry.start_ticks * (1_000_000_000 // CLOCK_TICKS) - asleep_ns)


def parent(pid: int) -> int | None:
    """Return the pid of the parent; None if there is no such process."""
    fields = _fields(pid)
    return int(fields[1]) if fields is not None else None


def is_alive(pid: int) -> bool:
    """Return True if a thread of `pid` lives. The main thread may be a zombie while other threads live."""
    entry = stat(pid)
    return entry is not None and (entry.state not in "ZX" or entry.threads > 1)


def name(pid: int) -> str:
    """Return the name of a living process, as ps shows it (`comm`); "" if it has ended."""
    try:
        text = (PROC / str(pid) / "comm").read_text(errors="replace").rstrip("\n")
    except OSError:
        return ""
    return text if is_alive(pid) else ""


def command_line(pid: int) -> list[str]:
    """Return the arguments of a process; empty if it has ended."""
    try:
        return (PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []


def tasks(pid: int) -> list[tuple[str, str]] | None:
    """Return (state, wait) of every thread, with the words of `waits`; None if there is no such process."""
    try:
        tids = os.listdir(PROC / str(pid) / "task")
    except OSError:
        return None
    threads = []
    for tid in tids:
        task = f"{PROC}/{pid}/task/{tid}"
        text = read(f"{task}/stat")
        if text:
            threads.append((text[text.rindex(")") + 2], wait_of(task, tids)))
    return threads


def thread_ids(pid: int) -> list[int]:
    """Return the ids of the threads of a process, the main thread first; [] if there is no such process."""
    try:
        return sorted(map(int, os.listdir(f"{PROC}/{pid}/task")), key=lambda tid: (tid != pid, tid))
    except OSError:
        return []


def thread_names(pid: int) -> dict[int, str]:
    """Return thread id -> name (`comm`) of every thread that is not a zombie; {} if there is no such process."""
    names = {}
    tasks = PROC / str(pid) / "task"
    try:
        tids = os.listdir(tasks)
    except OSError:
        return {}
    for tid in tids:
        try:
            name, fields = (tasks / tid / "comm").read_text(errors="replace"), (tasks / tid / "stat").read_text()
        except OSError:
            continue
        if fields[fields.rindex(")") + 2] not in "ZX":
            names[int(tid)] = name.rstrip("\n")
    return names


def living_thread(pid: int) -> int:
    """Return the id of a thread that a debugger can attach to: the main one (`pid`) unless that is a zombie."""
    entry = stat(pid)
    if entry is not None and entry.state == "Z":
        try:
            tids = sorted(map(int, os.listdir(PROC / str(pid) / "task")))
        except OSError:
            return pid
        for tid in tids:
            if (thread := stat(tid)) is not None and thread.state != "Z":
                return tid
    return pid


def voluntary_switches(pid: int) -> int:
    """Return how often the threads of `pid` have begun to wait, added up; 0 if there is no such process."""
    count = 0
    folder = f"{PROC}/{pid}/task"
    try:
        threads = os.listdir(folder)
    except OSError:
        return 0
    for thread in threads:
        text = read(f"{folder}/{thread}/status") or ""  # '': the thread has ended meanwhile
        _, _, rest = text.partition("\nvoluntary_ctxt_switches:")
        count += int(rest.split(maxsplit=1)[0]) if rest else 0
    return count


def pss_kib(pid: int) -> int:
    """Return the proportional set size (PSS) of `pid`, or -1 if it cannot be read."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text(errors="replace").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return -1


def children() -> dict[int, list[int]]:
    """Return the children of every process on the host, by the pid of the parent."""
    tree: dict[int, list[int]] = {}
    for name in os.listdir(PROC):
        if name.isdigit() and (entry := stat(int(name))) is not None:
            tree.setdefault(entry.ppid, []).append(int(name))
    return tree


def descendants(pid: int, tree: Mapping[int, Sequence[int]] | None = None) -> list[int]:
    """Return the children of `pid`, their children, and so on; without `pid` itself.

    `tree` has the children by the pid of the parent; without it, every process of the host is read.
    """
    tree = children() if tree is None else tree
    pids: list[int] = []
    queue = list(tree.get(pid, ()))
    while queue:
        child = queue.pop()
        pids.append(child)
        queue += tree.get(child, ())
    return pids


def tree_below(pid: int) -> dict[int, list[int]]:
    """Return the children of `pid` and of every process below it, by the pid of the parent.

    It costs a tenth of `children`, but may miss a process while another one ends (proc(5), task/TID/children), and
    finds none where the kernel was built without CONFIG_PROC_CHILDREN. So an empty tree is no proof that none is left.
    """
    tree: dict[int, list[int]] = {}
    queue = [pid]
    while queue:
        parent = queue.pop()
        texts = [read(f"{PROC}/{parent}/task/{tid}/children") or "" for tid in thread_ids(parent)]
        tree[parent] = [int(word) for text in texts for word in text.split()]
        queue += tree[parent]
    return tree


def can_read_waits(pid: int) -> bool:
    """Return True if this user may read what a process waits for: as its owner, or as root (ptrace(2), access mode)."""
    return read(f"{PROC}/{pid}/syscall") is not None


def exit_status(pid: int) -> int | None:
    """Return the wait status of a zombie, a process that has ended and is not reaped; otherwise None.

    It is field 52 (proc(5)).
    """
    fields = _fields(pid)
    return int(fields[49]) if fields is not None and fields[0] == "Z" else None


def children_of(pid: int) -> list[int]:
    """Return the children that the main thread of `pid` forked (as uWSGI's master does), zombies included."""
    return [int(word) for word in (read(f"{PROC}/{pid}/task/{pid}/children") or "").split()]
