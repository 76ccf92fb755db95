"""Decides whether a line of uWSGI's log may be believed: an app can write every word that uWSGI itself writes.

The log is a socket that names the writer of each line, so a line is held against its writer:

- a worker speaks for itself alone: it becomes ready, says goodbye, or was told to leave;
- what happens to workers (spawned, respawned, died, throttled, ...) is a master's word, and never that of a worker;
- a new worker is a child of the process that reports it, and a new master reports itself.

An app that a master imports before it forks is the master, so its words cannot be told from uWSGI's own. With a pipe
nobody knows the writer, and every line is believed.
"""

from __future__ import annotations

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.lifecycle.records import Event
from stacks.observe import proc

OF_ITSELF = ("exit_begun", "told")  # a worker writes these lines about itself
OF_MASTER = (
    "spawned",
    "respawned",
    "reaped",
    "died",
    "no_mercy",
    "throttle",
    "harakiri",
    "cheaped",
    "idle",
    "lifetime",
)
NEW_WORKER = ("spawned", "respawned")
MOST_PARENTS = 32  # between a writer and its worker


def is_believed(event: Event, writer: int, lifecycle: Lifecycle) -> bool:
    """Return True if `writer` may say what the row says. `writer` is the pid that wrote the line; 0: not known."""
    if not writer:
        return True
    if event.kind in OF_ITSELF:
        return event.pid == writer
    if event.kind == "master":
        return event.pid == writer and not _is_below_worker(writer, lifecycle)
    if event.kind not in OF_MASTER:
        return True
    if event.kind in NEW_WORKER and not _may_be_child(event.pid, writer):
        return False
    return not _is_below_worker(writer, lifecycle)


def _may_be_child(pid: int, parent: int) -> bool:
    """Return False if `pid` is another process's child. One that has ended already cannot be asked."""
    if pid == parent:  # uWSGI without a master: the only process is the worker
        return True
    found = proc.parent(pid)
    return found is None or found == parent


def _is_below_worker(pid: int, lifecycle: Lifecycle) -> bool:
    """Return True if the process is a living worker, or was started by one."""
    workers = {i.pid for i in lifecycle.current().values() if i.exited_ns is None} - {lifecycle.masters.pid}
    for _ in range(MOST_PARENTS):
        if pid in workers:
            return True
        if pid == lifecycle.masters.pid:
            return False
        parent = proc.parent(pid)
        if not parent or parent == 1:
            return False
        pid = parent
    return False
