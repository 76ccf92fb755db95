"""What /proc tells of a process and of a listening port; every reader returns None for one that has gone."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# The futex system call's number (arch/*/entry/syscalls) and its flags (include/uapi/linux/futex.h).
FUTEX_SYSCALL = {"x86_64": 202, "aarch64": 98, "riscv64": 98, "ppc64le": 221, "s390x": 238}.get(platform.machine())
FUTEX_WAITS = (0, 6, 9, 11)  # WAIT, LOCK_PI, WAIT_BITSET, WAIT_REQUEUE_PI
FUTEX_PRIVATE, FUTEX_COMMAND = 128, 127
LISTEN = "0A"  # TCP_LISTEN in /proc/net/tcp


@dataclass(frozen=True, slots=True)
class Stat:
    """The fields of /proc/PID/stat that the pack needs."""

    ppid: int
    state: str
    ticks: int  # utime + stime, in clock ticks
    threads: int
    rss_kib: int
    start_ticks: int  # since boot; with the pid, a process's identity


def stat(pid: int) -> Stat | None:
    """One read of /proc/PID/stat."""
    fields = _fields(pid)
    if fields is None:
        return None
    return Stat(
        ppid=int(fields[1]),
        state=fields[0],
        ticks=int(fields[11]) + int(fields[12]),
        threads=int(fields[17]),
        rss_kib=int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024,
        start_ticks=int(fields[19]),
    )


def _fields(pid: int) -> list[str] | None:
    """The words of /proc/PID/stat from the state on, which is the third (proc(5)): the name before may hold spaces."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2 :].split()


def is_alive(pid: int) -> bool:
    """Whether any thread of `pid` still runs; a main thread may be a zombie before the others have ended."""
    entry = stat(pid)
    return entry is not None and (entry.state not in "ZX" or entry.threads > 1)


def tasks(pid: int) -> list[tuple[str, str]] | None:
    """(state, wait) of every thread; wait is what `wait_of` says."""
    try:
        tids = os.listdir(PROC / str(pid) / "task")
    except OSError:
        return None
    found = []
    for tid in tids:
        task = PROC / str(pid) / "task" / tid
        try:
            text = (task / "stat").read_text()
        except OSError:
            continue
        found.append((text[text.rindex(")") + 2], wait_of(task, tids)))
    return found


def living_thread(pid: int) -> int:
    """A thread of `pid` that a debugger can attach to: the main one, unless it is a zombie already."""
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


def wait_of(task: Path, siblings: Collection[str] = ()) -> str:
    """What a thread waits for, in one word.

    `futex` (a lock of this process, for ever), `futex-join` (the end of one of its threads, for ever),
    `futex-timed`, `futex-shared` (other processes can wake it), `running`, otherwise the kernel's wait
    channel, '?' where nothing may be read.
    `siblings` are the thread ids of its process: pthread_join waits, without the private flag, for
    the word that holds the id of the thread that it joins, which only that thread's end changes.
    """
    try:
        words = (task / "syscall").read_text().split()
    except OSError:
        words = []
    if words and words[0] == "running":
        return "running"
    if len(words) > 4 and int(words[0]) == FUTEX_SYSCALL:
        operation = int(words[2], 16)
        if operation & FUTEX_COMMAND in FUTEX_WAITS:
            if not operation & FUTEX_PRIVATE:
                return "futex-join" if str(int(words[3], 16)) in siblings else "futex-shared"
            return "futex-timed" if int(words[4], 16) else "futex"
    try:
        channel = (task / "wchan").read_text()
    except OSError:
        channel = ""
    # Without the system call's arguments a futex wait proves nothing by itself.
    return "futex-unknown" if channel.startswith("futex") else channel if channel not in ("", "0") else "?"


def voluntary_switches(pid: int) -> int:
    """How often the threads of `pid` have begun to wait, all added up."""
    count = 0
    for status in (PROC / str(pid) / "task").glob("*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        _, _, rest = text.partition("\nvoluntary_ctxt_switches:")
        count += int(rest.split(maxsplit=1)[0]) if rest else 0
    return count


def pss_kib(pid: int) -> int:
    """Proportional set size, -1 where it cannot be read."""
    try:
        for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except OSError:
        pass
    return -1


def children() -> dict[int, list[int]]:
    """Every process's children, by pid."""
    found: dict[int, list[int]] = {}
    for name in os.listdir(PROC):
        if name.isdigit() and (entry := stat(int(name))) is not None:
            found.setdefault(entry.ppid, []).append(int(name))
    return found


def descendants(pid: int) -> list[int]:
    """Children of `pid` and theirs, without `pid`."""
    tree = children()
    found: list[int] = []
    queue = list(tree.get(pid, ()))
    while queue:
        child = queue.pop()
        found.append(child)
        queue += tree.get(child, ())
    return found


def backlog(port: int) -> int | None:
    """Connections that wait in the accept queue of a TCP port; None when nobody listens on it."""
    queues = [int(fields[4].split(":")[1], 16) for fields in _sockets(port) if fields[3] == LISTEN]
    return sum(queues) if queues else None


def _sockets(port: int) -> Iterator[list[str]]:
    """The words of every line of /proc/net/tcp and tcp6 whose local port that is."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (PROC / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if int(fields[1].rsplit(":", 1)[1], 16) == port:
                yield fields


def exit_status(pid: int) -> int | None:
    """The wait status of a process that has ended and was not reaped yet, None for any other (field 52, proc(5))."""
    fields = _fields(pid)
    return int(fields[49]) if fields is not None and fields[0] == "Z" else None


def children_of(pid: int) -> list[int]:
    """The children that the main thread of `pid` has forked, as uWSGI's master forks its workers."""
    try:
        return [int(word) for word in (PROC / str(pid) / "task" / str(pid) / "children").read_text().split()]
    except OSError:
        return []


def holds_connection(pid: int, port: int) -> bool:
    """Whether `pid` has an accepted connection of a TCP port in its hands."""
    try:
        links = [str(entry.readlink()) for entry in (PROC / str(pid) / "fd").iterdir()]
    except OSError:
        return False
    inodes = {link[8:-1] for link in links if link.startswith("socket:[")}
    return any(fields[9] in inodes for fields in _sockets(port) if fields[3] != LISTEN)
