"""Nothing is left behind: a guard above every run, a ladder of signals for uWSGI, SIGKILL for the rest.

Processes are signalled by pid and only below one of ours, never by name. A guard is a child
subreaper (prctl(2)): whatever loses its parent becomes the guard's child, so it still finds the
hung workers of a master that was killed, and the stack of an observer that was.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType

from stacks.observe import proc

# include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36

# What a run asks of a stack before it kills, and how long it waits for each. A healthy master
# ends within its 1 s loop; a hung one needs 62 s (worker-reload-mercy), which STOP=wait measures.
LADDER: tuple[tuple[str, float], ...] = (("INT", 2.0), ("TERM", 1.0))
PATIENT_LADDER: tuple[tuple[str, float], ...] = (("INT", 75.0),)
KILL_LIMIT_S = 10.0  # a SIGKILLed process in uninterruptible sleep may take a while
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Stop:
    """How a stack was stopped: which signal ended it (KILL: none did), after how many seconds in all."""

    signal: str
    seconds: float
    tried: tuple[tuple[str, float], ...]  # every signal with the seconds that it was waited for


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Orphans below this process become its children instead of init's."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def name_process(name: str) -> None:
    """The name that ps and top show, 15 bytes at most."""
    _prctl(PR_SET_NAME, name.encode()[:15])


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Receive `number` when the parent dies."""
    _prctl(PR_SET_PDEATHSIG, number)


def reap() -> None:
    """Collect every child that has ended; its exit status is nobody's business here."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Signal a process that may already have gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def sweep(limit_s: float = KILL_LIMIT_S) -> list[int]:
    """SIGKILL everything below this process until nothing is; returns the pids that stayed."""
    end = time.monotonic() + limit_s
    while True:
        reap()
        left = proc.descendants(os.getpid())
        if not left or time.monotonic() > end:
            return left
        for pid in left:
            kill(pid)
        time.sleep(POLL_S)


def guarded(main: Callable[[], int]) -> int:
    """Run `main` in a child and clear up behind it, however it ends. Returns its exit code."""
    become_subreaper()
    die_with_parent()
    guard = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    # Held back until the child is known, or a signal between fork and handler would orphan it.
    held = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    signal.pthread_sigmask(signal.SIG_BLOCK, held)
    child = os.fork()
    if child == 0:
        name_process("pack-observer")
        die_with_parent()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
        code = 1
        try:
            if os.getppid() == guard:
                code = main()
        except BaseException:  # the guard's frames below must not run twice
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    name_process("pack-guard")

    def forward(number: int, _frame: FrameType | None) -> None:
        kill(child, number)

    for number in held:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, held)
    _, status = os.waitpid(child, 0)
    left = sweep()
    if left:
        print(f"could not end: {left}", file=sys.stderr)
        return 1
    return os.waitstatus_to_exitcode(status)


def stop(
    pids: Callable[[], list[int]],
    master: int,
    ladder: tuple[tuple[str, float], ...],
    wait: Callable[[float], None],
    clock: Callable[[], float] = time.monotonic,
) -> Stop:
    """Ask `master` to end, signal by signal, then kill whatever `pids` still lists.

    `wait` passes some seconds (and lets the observer read its log meanwhile).
    """
    began = clock()
    tried: list[tuple[str, float]] = []
    for name, grace_s in ladder:
        if not pids():
            break
        kill(master, signal.Signals[f"SIG{name}"])
        asked = clock()
        while pids() and clock() - asked < grace_s:
            wait(POLL_S)
        tried.append((name, round(clock() - asked, 3)))
    ended_by = tried[-1][0] if tried and not pids() else ("KILL" if pids() else "")
    asked_s = clock() - began
    while (left := pids()) and clock() - began < asked_s + KILL_LIMIT_S:
        for pid in left:
            kill(pid)
        wait(POLL_S)
    return Stop(ended_by, round(asked_s if ended_by != "KILL" else clock() - began, 3), tuple(tried))
