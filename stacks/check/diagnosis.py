"""Diagnoses a checked configuration: which known defect explains the verdict of its run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from stacks.catalogue.version_order import is_before
from stacks.check.measurement import Measurement
from stacks.check.options import Options, is_set
from stacks.check.remedy_trial import RemedyTrial
from stacks.check.server import Server
from stacks.lifecycle.backtraces import GIL_FRAMES
from stacks.lifecycle.stuck_words import SERVE_MANY, SERVES

THREAD_STATE_FIXED = "2.0.27"
TURNS_THREADS_ON = ("enable-threads", "threads", "gevent", "py-tracebacker", "py-autoreload", "py-auto-reload")
LUCK = 0.05  # as 95 % confidence elsewhere
AT_FORK = ("hung_worker", "hung_master")  # the verdicts of the two deadlocks at a fork
# With one of these options no thread of the app holds the GIL at a fork.
LAZY = ("lazy-apps", "lazy")
FORK_SAFE = (*LAZY, "py-call-uwsgi-fork-hooks")
JOINED_AT_EXIT = "thread-joined-at-exit"
# The words in the evidence of a worker that waits at its exit for the end of a thread: functions of CPython
# (pylifecycle.c, _threadmodule.c), of ddtrace, and of Python's libraries.
_JOIN = re.compile(
    r"wait_for_thread_shutdown|thread_shutdown|ThreadHandle_join|threads?_at_?exit|Thread_join|threading\._shutdown"
    r"|_python_exit|concurrent\.futures|\bjoin\b"
)
_GIL = re.compile(rf"\bGIL\b|{'|'.join(sorted(GIL_FRAMES))}")
# An exit handler waits (atexitmodule.c). It may wait for a thread: a call of Thread.join has no C function of its own
# before Python 3.13.
_EXIT_HANDLER = re.compile(r"atexit_callfuncs|_PyAtExit_Call")
# The functions of Python's libraries in which a thread waits until another one wakes it.
_WOKEN = re.compile(r"\((?:\w+\.)*(?:Condition|Event|Semaphore|Barrier)\.\w+\)|Future\.result|Queue\.get")
# The words of `stacks.lifecycle.stuck_words` for the threads, and for the threads of a pool, that a worker lacks.
_LACKS_THREADS = re.compile(r"threads? of the master")


@dataclass(frozen=True)
class Findings:
    """Everything that a check has found out about a configuration."""

    server: Server
    options: Options  # the user's effective configuration
    binary_options: frozenset[str]  # every option that the user's binary has
    unknown_options: list[str]  # options of the configuration that the binary does not have
    measurement: Measurement  # without a remedy
    import_threads: list[str] | None = None  # the threads that the import of the app starts; None is unknown
    remedy_trials: list[RemedyTrial] = field(default_factory=list)


def likely_defect(findings: Findings) -> str | None:
    """Return the name of the defect in versions.toml that explains the hang, or None if none fits.

    The answer follows from the verdict, the version, the options and the threads.
    """
    server, run, threads = findings.server, findings.measurement, findings.import_threads
    if run.verdict in AT_FORK and hangs_at_every_fork(server, findings.options):
        return "thread-state-in-master" if run.verdict == "hung_master" else "thread-state"
    # The import does not list the threads of a native library that run Python, but a wait for the GIL shows them.
    is_unlisted = run.master_threads > 1 and (threads is None or bool(_GIL.search(run.evidence or "")))
    if waits_for_stop(findings) and (threads or is_unlisted):
        return "thread-at-fork"  # at whatever moment the worker first stops the others: fork, request or exit
    if run.verdict == "hung_worker" and (threads or is_unlisted):
        return "thread-at-fork"
    if run.verdict == "hung_request":
        return _defect_in_request(run, threads)
    if run.verdict == "hung_exit":
        return _defect_at_exit(findings)
    if run.verdict == "crash_loop":
        return _defect_behind_crashes(findings)
    return None


def second_defect(findings: Findings) -> str | None:
    """Return the name of another defect that this configuration has beside its likely one, or None.

    The upgrade leaves a thread of the app in the master. Where workers hang at their fork, some hang at their exit.
    """
    first, run = likely_defect(findings) or "", findings.measurement
    if first.startswith("thread-state"):
        return "thread-at-fork" if findings.import_threads else None
    if run.verdict == "hung_worker" and run.hung_at_exit and first == "thread-at-fork":
        return _defect_at_exit(findings)
    return None


def _defect_behind_crashes(findings: Findings) -> str | None:
    """Return the defect behind workers that die, or None. What most of them show decides: one may end differently."""
    run = findings.measurement
    if 2 * run.dead_on_request > run.crashed:
        return "dead-on-request"
    return "after-fork-crash" if is_set(findings.options, "py-call-osafterfork") else None


def _defect_in_request(run: Measurement, threads: list[str] | None) -> str | None:
    """Return the defect behind a request that never ends, or None.

    The evidence tells a pool whose threads are in the master only. A native pool, which Python does not know, shows as
    threads of the master where Python has none. No worker can answer without its pool. Where some requests were
    answered, a thread of the master sometimes holds a lock at the fork. A request that waits to be woken, and not for a
    lock, waits for the work of a thread.
    """
    evidence = run.evidence or ""
    waits_for_work = bool(_WOKEN.search(evidence) and _LACKS_THREADS.search(evidence))
    if SERVES in evidence or SERVE_MANY in evidence or (waits_for_work and not run.statuses):
        return "pool-at-fork"
    if not threads and run.master_threads > 1:  # native threads, or the import outside uWSGI took too long to list them
        return "lock-at-fork" if run.statuses else "pool-at-fork"
    return "lock-at-fork" if threads else None


def _defect_at_exit(findings: Findings) -> str | None:
    """Return the defect behind a worker that never ends, or None.

    The exit stall of an old uWSGI is a wait for a thread too, for one of uWSGI itself. It comes by chance, and the
    threads of an app hang every worker, so where the app has threads they are the cause.
    """
    run, options = findings.measurement, findings.options
    is_stall = is_before(findings.server.pin or findings.server.version, "2.0.25") and is_set(options, "threads")
    if is_stall and not (findings.import_threads and run.evidence):
        return "exit-stall"
    without_backtrace = JOINED_AT_EXIT if findings.import_threads and not _is_fork_safe(options) else None
    evidence, table = run.evidence or "", run.fork_threads
    if table is not None and table.answered and not table.lost:  # a worker that reached max-requests has every thread
        return "waiting-at-exit" if _JOIN.search(evidence) else None
    return defect_behind_wait(findings, evidence) or without_backtrace or ("exit-stall" if is_stall else None)


def defect_behind_wait(findings: Findings, words: str) -> str | None:
    """Return the defect that lets a worker wait at its exit, or None. `words` are its evidence, or its frames.

    The words tell whether the worker waits for the end of a thread. The threads of the master tell whose thread it is:
    with lazy-apps the app's threads are the worker's own, and after the fork hooks Python waits for none of the master.
    """
    has_lost_threads = bool(findings.import_threads) or findings.measurement.master_threads > 1
    is_join = bool(_JOIN.search(words))
    is_wait = is_join or _EXIT_HANDLER.search(words) or _LACKS_THREADS.search(words)
    if has_lost_threads and is_wait and not _is_fork_safe(findings.options):
        return JOINED_AT_EXIT
    return "waiting-at-exit" if is_join else None


def is_exit_handler(words: str) -> bool:
    """Return True if a worker that waits in `words` waits in an exit handler of Python."""
    return bool(_EXIT_HANDLER.search(words))


def _is_fork_safe(options: Options) -> bool:
    return any(is_set(options, name) for name in FORK_SAFE)


def waits_for_stop(findings: Findings) -> bool:
    """Return True if the backtrace shows a thread of a free-threaded Python that waits for the others to stop."""
    return findings.measurement.is_hang and "stop_the_world" in (findings.measurement.evidence or "")


def has_thread_state_defect(server: Server) -> bool:
    """Return True for a pyuwsgi that hangs at every recycle as soon as threads are on (unbit/uwsgi#2659)."""
    is_new_python = not is_before(server.python or "0", "3.12")
    return bool(server.pin) and is_before(server.pin or "", THREAD_STATE_FIXED) and is_new_python


def hangs_at_every_fork(server: Server, options: Options) -> bool:
    """Return True for a pyuwsgi with the thread-state defect where `options` turn threads on."""
    return has_thread_state_defect(server) and is_set(options, *TURNS_THREADS_ON)


def has_two_defects(findings: Findings) -> bool:
    """Return True if a thread of the app would hang workers even without the thread-state defect of this pyuwsgi."""
    return bool(findings.import_threads) and (likely_defect(findings) or "").startswith("thread-state")


def leaves_threads(findings: Findings, options: Options) -> bool:
    """Return True if with `options` a thread of the app still runs in the master when the master forks.

    A few forks without a hang prove little then: forks come in herds, which find the thread either busy or at rest.
    The import outside uWSGI does not list every thread, but a worker that waits for one proves it.
    """
    has_threads = bool(findings.import_threads) or likely_defect(findings) in ("thread-at-fork", JOINED_AT_EXIT)
    return has_threads and not _is_fork_safe(options)


def may_be_luck(findings: Findings, remedied: Measurement) -> bool:
    """Return True if a run with a remedy, in which no worker hung, is too short to prove anything.

    That is so for a hang in some requests if the master still has threads: they may hold a lock at a later fork. The
    chance that as many workers as in the run do not hang, at the rate without the remedy, must be below LUCK.
    """
    run = findings.measurement
    if run.verdict != "hung_request" or remedied.master_threads <= 1 or not run.hung_in_request:
        return False
    share = run.hung_in_request / (run.hung_in_request + run.respawns)
    return bool((1 - share) ** remedied.trials > LUCK)
