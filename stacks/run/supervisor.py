"""Leaves no process behind: a guard above every run or command, and SIGKILL for what is left below it.

A process is signalled by its pid, and only if it is a descendant of one of our processes; never by its name. A guard is
a child subreaper (prctl(2)): a process that loses its parent becomes a child of the guard. So the guard finds the hung
workers of a master that was killed, and the uWSGI of an observer that was killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from types import FrameType

from stacks.observe import proc

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

KILL_LIMIT_S = 10.0  # a process in uninterruptible sleep takes a while to end after SIGKILL
POLL_S = 0.02


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Make this process the parent of every orphan below it, instead of init."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> None:
    """Set the name that ps and top show, 15 bytes at most."""
    _prctl(PR_SET_NAME, name.encode()[:15])


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Let the kernel send this process the signal `number` when its parent dies."""
    _prctl(PR_SET_PDEATHSIG, number)


def reap() -> None:
    """Collect every child that has ended, and ignore its exit status."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal. It is no error if the process has already ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def sweep(limit_s: float = KILL_LIMIT_S) -> list[int]:
    """Send SIGKILL to every process below this one until none is left. Returns the pids that are still there."""
    end_s = time.monotonic() + limit_s
    while True:
        reap()
        left = proc.descendants(os.getpid())
        if not left or time.monotonic() > end_s:
            return left
        for pid in left:
            kill(pid)
        time.sleep(POLL_S)


def guarded(main: Callable[[], int]) -> int:
    """Run `main` in a child process, and kill what it leaves behind, however it ends. Returns its exit code."""
    become_subreaper()
    die_with_parent()
    guard = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Blocked until the handlers below are set: a signal between fork and handlers would end the guard, and orphan the
    # child.
    blocked = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    child = os.fork()
    if child == 0:
        name_process("pack-observer")
        die_with_parent()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
        code = 1
        try:
            if os.getppid() == guard:
                code = main()
        except BaseException:  # must not reach the caller's code, which only the guard runs
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    name_process("pack-guard")

    def forward(number: int, _frame: FrameType | None) -> None:
        kill(child, number)

    for number in blocked:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    _, status = os.waitpid(child, 0)
    left = sweep()
    if left:
        print(f"could not end these processes: {left}", file=sys.stderr)
        return 1
    return os.waitstatus_to_exitcode(status)
