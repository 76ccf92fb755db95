"""Diagnoses a checked configuration: which known defect explains the verdict of its run."""

from __future__ import annotations

from dataclasses import dataclass, field

from stacks.check.measurement import Measurement
from stacks.check.options import Options, is_set
from stacks.check.remedy_trial import RemedyTrial
from stacks.check.server import Server, is_before

TURNS_THREADS_ON = ("enable-threads", "threads", "gevent", "py-tracebacker", "py-autoreload", "py-auto-reload")
AT_FORK = ("hung_worker", "hung_master")  # the verdicts of the two deadlocks at a fork
# With one of these options no thread of the app holds the GIL at a fork.
FORK_SAFE = ("lazy-apps", "lazy", "py-call-uwsgi-fork-hooks")


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
    is_threaded = is_set(findings.options, *TURNS_THREADS_ON)
    if run.verdict in AT_FORK and has_thread_state_defect(server) and is_threaded:
        return "thread-state-in-master" if run.verdict == "hung_master" else "thread-state"
    if run.verdict == "hung_worker" and (threads or (threads is None and run.master_threads > 1)):
        return "thread-at-fork"
    if run.verdict == "hung_request" and threads:
        return "lock-at-fork"
    is_old = is_before(server.pin or server.version, "2.0.24")
    if run.verdict == "hung_exit" and is_old and is_set(findings.options, "threads"):
        return "exit-stall"
    if run.verdict == "crash_loop" and is_set(findings.options, "py-call-osafterfork"):
        return "after-fork-crash"
    return None


def has_thread_state_defect(server: Server) -> bool:
    """Return True for a pyuwsgi that hangs at every recycle as soon as threads are on (unbit/uwsgi#2659)."""
    is_new_python = not is_before(server.python or "0", "3.12")
    return bool(server.pin) and is_before(server.pin or "", "2.0.27") and is_new_python


def has_two_defects(findings: Findings) -> bool:
    """Return True if a thread of the app would hang workers even without the thread-state defect of this pyuwsgi."""
    return bool(findings.import_threads) and (likely_defect(findings) or "").startswith("thread-state")


def leaves_threads(findings: Findings, options: Options) -> bool:
    """Return True if with `options` a thread of the app still runs in the master when the master forks.

    A few forks without a hang prove little then: forks come in herds, which find the thread either busy or at rest.
    """
    is_fork_safe = any(is_set(options, name) for name in FORK_SAFE)
    return findings.measurement.verdict in AT_FORK and bool(findings.import_threads) and not is_fork_safe
