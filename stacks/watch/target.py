"""Says whether a process can be watched, and in one sentence why not."""

from __future__ import annotations

import os

from stacks.observe import proc, uwsgi_processes


class CannotWatch(Exception):
    """The process cannot be watched; the text says why and what to do (exit code 1)."""


def check(pid: int) -> None:
    """Raise CannotWatch unless `pid` is a uWSGI master that this user may watch."""
    require_pidfds()
    if not proc.is_alive(pid):
        if _is_hidden(pid):
            raise CannotWatch(f"process {pid} belongs to another user, and /proc hides it (hidepid): watch it as root")
        raise CannotWatch(f"there is no process {pid}{_inside(pid)}")
    if not uwsgi_processes.is_uwsgi(pid):
        words = uwsgi_processes.printable(" ".join(uwsgi_processes.command_line(pid))[:80] or proc.name(pid))
        raise CannotWatch(f"process {pid} is not a uWSGI, it is `{words}`{_inside(pid)}")
    owner = uwsgi_processes.owner(pid)
    if owner not in (None, os.geteuid()) and os.geteuid() != 0:
        raise CannotWatch(f"process {pid} belongs to user id {owner}: watch it as that user or as root")
    if uwsgi_processes.is_fork_of_parent(pid):
        parent = getattr(proc.stat(pid), "ppid", 0)
        raise CannotWatch(f"process {pid} is a worker or another child of the uWSGI master {parent}: name the master")


def _is_hidden(pid: int) -> bool:
    """Return True if a process that /proc does not show belongs to another user."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        pass
    return False


def require_pidfds() -> None:
    """Raise CannotWatch if this kernel cannot say that a process has ended which is no child of this one."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        raise CannotWatch(
            f"the kernel, or the sandbox of this process, has no pidfds ({error.strerror}): watch from Linux 5.3 on, "
            "outside of the sandbox"
        ) from None


def _inside(pid: int) -> str:
    """Return a hint if `pid` is the number that a uWSGI has inside its container."""
    others = [other for other in uwsgi_processes.all_pids() if uwsgi_processes.inner_pid(other) == pid]
    found = list(uwsgi_processes.masters(others))
    if not found:
        return ""
    return f"; inside a container, uWSGI has this pid, and from here it is {', '.join(map(str, found))}"
