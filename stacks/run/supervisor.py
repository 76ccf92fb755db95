"""Leaves no process behind: a guard above every run or command, and SIGKILL for what is left below it.

A run below is asked to end before anything is killed, because it cleans up after itself. A process is signalled by its
pid, and only if it is a descendant of one of our processes; never by its name. A guard is
a child subreaper (prctl(2)): a process that loses its parent becomes a child of the guard. So the guard finds the hung
workers of a master that was killed, and the uWSGI of an observer that was killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType
from typing import NoReturn

from stacks.console import interrupts
from stacks.lifecycle import pack_fault
from stacks.observe import proc
from stacks.observe.memory_kills import MemoryKills
from stacks.run import private_directory

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

GUARD, OBSERVER = "pack-guard", "pack-observer"  # names of processes that clean up when they get SIGTERM
RUN = ("-m", "stacks", "run")  # the arguments of Python in the process of a run
ASK_LIMIT_S = 15.0  # for a run to end after SIGTERM: it ends the load (2 s), sweeps, and writes its rows as Parquet
ASK_AGAIN_S = 2.0  # more than interrupts.SAME_WISH_S
EXIT_INTERRUPTED = 128 + signal.SIGINT  # as a shell says it; `git bisect run` ends its search at a code from 128 on
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


def sweep(limit_s: float = KILL_LIMIT_S, spared: Collection[int] = ()) -> list[int]:
    """End every process below this one but `spared`: runs in order, and the others by SIGKILL until none is left.

    Returns the pids that are still there `limit_s` after the first SIGKILL.
    """
    began_s = time.monotonic()
    ask_s, kill_s = began_s, None
    while True:
        reap()
        now_s = time.monotonic()
        left = [pid for pid in proc.descendants(os.getpid()) if pid not in spared]
        if not left or (kill_s is not None and now_s > kill_s + limit_s):
            return left
        runs = [pid for pid in left if _is_run(pid)] if now_s - began_s < ASK_LIMIT_S else []
        if not runs:
            kill_s = now_s if kill_s is None else kill_s
            for pid in left:
                kill(pid)
        elif now_s >= ask_s:
            ask_s = now_s + ASK_AGAIN_S
            for pid in runs:
                kill(pid, signal.SIGTERM)
        time.sleep(POLL_S)


def _is_run(pid: int) -> bool:
    """Return True if the process cleans up when it gets SIGTERM: a guard, an observer, or a run that just starts."""
    return proc.name(pid) in (GUARD, OBSERVER) or proc.command_line(pid)[1 : 1 + len(RUN)] == list(RUN)


def guarded(
    main: Callable[[], int],
    private: Path | None = None,
    *,
    parent: int = 0,
    failed: int = 1,
    fault_directory: Path | None = None,
    after_kill: Callable[[MemoryKills], None] | None = None,
) -> int:
    """Run `main` in a child process, and end what it leaves below it, however it ends. Returns its exit code.

    The first SIGINT, SIGTERM or SIGHUP, or the death of the guard, raises KeyboardInterrupt in `main`; if `main` does
    not catch it, the exit code is EXIT_INTERRUPTED. At the end the directory `private` is removed. `failed` is the exit
    code if `main` raises another exception, or a process cannot be ended. Such an exception is a fault of the pack; its
    file goes to `fault_directory`. If `parent` is a pid and not that of the parent process, the parent has ended
    already, and `main` does not run. If a signal has ended `main`, the exit code is `failed` as well, and `after_kill`
    is called before `private` is removed, with the kills that the kernel counts since the guard began; without it, a
    sentence is printed.
    """
    kills = MemoryKills()
    become_subreaper()
    die_with_parent()
    is_orphan = parent not in (0, os.getppid())
    guard = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Blocked until the handlers below are set: a signal between fork and handlers would end the guard, and orphan the
    # child.
    interrupts.block()
    name_process(GUARD)
    child = os.fork()
    if child == 0:
        name_process(OBSERVER)
        become_subreaper()
        die_with_parent()
        code = failed
        try:
            interrupts.catch()
            interrupts.unblock()
            if os.getppid() == guard and not is_orphan:
                code = main()
        except KeyboardInterrupt:
            code = EXIT_INTERRUPTED
        except BaseException as error:  # must not reach the caller's code, which only the guard runs
            if interrupts.have_come():
                code = EXIT_INTERRUPTED
            else:
                print(pack_fault.report(error, fault_directory), file=sys.stderr)
        finally:
            _end_child(code, private)

    def forward(number: int, _frame: FrameType | None) -> None:
        kill(child, number)

    for number in interrupts.SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, forward)
    interrupts.unblock()
    _, status = os.waitpid(child, 0)
    interrupts.ignore()
    left = sweep()
    if os.WIFSIGNALED(status):
        if after_kill is not None:
            after_kill(kills)
        else:
            print(f"the command was killed; {kills.cause()}.", file=sys.stderr)
    if private is not None:
        private_directory.remove(private)
    private_directory.remove_stale()  # of a run below this process whose guard and observer were both killed
    if left:
        print(f"could not end these processes: {left}", file=sys.stderr)
        return failed
    return failed if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def _end_child(code: int, private: Path | None) -> NoReturn:
    """End the child of a guard. It cleans up as the guard does, because the guard may have been killed."""
    try:
        interrupts.ignore()
        sweep()
        if private is not None:
            private_directory.remove(private)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
