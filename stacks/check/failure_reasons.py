"""Explains why a checked configuration could not be measured: its log and its run -> one text that says what to do."""

from __future__ import annotations

import re

from stacks.check.measurement import Measurement
from stacks.check.plugins import missing_plugin
from stacks.lifecycle import pack_fault
from stacks.lifecycle.counted import counted
from stacks.lifecycle.recycle_time import PHASES, SLOW_S, Recycle

_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Exit|Interrupt)\b.*")
# What is not found may be found elsewhere. Other exceptions do not depend on the directory.
_NOT_FOUND = re.compile(r"(?:ModuleNotFound|Import|FileNotFound)Error\b")
# The app's own module: without a frame of Python's there is no traceback.
_NO_MODULE = re.compile(r"^(?:ModuleNotFound|Import)Error: No module named '?([\w.]+)'?", re.MULTILINE)
NO_CALLABLE = re.compile(r"unable to find .* callable|\(callable not found or import error\)")
_STDOUT = re.compile(r"No such device or address.*/(?:dev/std(?:out|err)|proc/self/fd/\d|dev/fd/\d)")

KEPT_S = 2.0  # uWSGI closes a silent connection after 4 s (socket-timeout)
# What makes each phase of a recycle shorter.
SHORTER = {
    "exit": "If the worker waits for a thread that runs in the master only, such as the thread of an exporter that the "
    "app makes at import, lazy-apps = true or py-call-uwsgi-fork-hooks = true shortens it. Otherwise shorten what the "
    "app does at its exit (atexit).",
    "reap": "See what keeps the master busy, such as hooks or the forks of other programs.",
    "start": "Check a copy without the code that makes the import slow, or check without lazy-apps.",
}


def needs_pipe(log: str) -> bool:
    """Return True if the app failed to open its standard output by path, which a socket does not allow."""
    return bool(_STDOUT.search(log))


def explain_failed_start(log: str, error: str) -> str:
    """Return why uWSGI did not serve. `error` is the run's own reason, and the result if the log tells no more."""
    if pack_fault.is_told(error):  # it says nothing about the stack, whatever the log says
        return error
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    is_app_missing = any(text in log for text in ("unable to load app", "no python application found", "no app loaded"))
    if "Traceback (most recent call last)" in log and is_app_missing:
        return _import_failed(lines)
    return _explain_known_line(log, lines, is_app_missing) or _explain_slow_import(log, error) or error


def _import_failed(lines: list[str]) -> str:
    exception = next((line for line in reversed(lines) if _ERROR.match(line)), "an exception")
    if not _NOT_FOUND.match(exception):
        return f"The app could not be imported: {exception}. The traceback is in the log."
    return (
        f"The app could not be imported: {exception}. Name the directory that production starts in with --chdir, or "
        "name the app with --app module:callable. The packages of the app must be in the venv of the checked uWSGI."
    )


def _explain_known_line(log: str, lines: list[str], is_app_missing: bool) -> str:
    """Return the reason that a known line of the log gives, or ''."""
    if match := re.search(r"Python Home is not a directory: (.+)", log):
        return (
            f"The virtualenv {match[1]} does not exist here: run the check where it exists, or check a copy without it."
        )
    if match := re.search(r"failed to open python file (\S+)", log):
        if match[1].startswith("/"):
            return f"The file {match[1]} does not exist: correct its path, or name another app with --app."
        return f"The file {match[1]} does not exist from here: name the directory with --chdir, or the app with --app."
    if is_app_missing and (match := _NO_MODULE.search(log)):
        return (
            f"The module {match[1]} does not exist from here ({match[0]}): correct its name, or name the directory "
            "that production starts in with --chdir, or the app with --app module:callable. The packages of the app "
            "must be in the venv of the checked uWSGI."
        )
    if line := next((line for line in lines if NO_CALLABLE.search(line)), ""):
        return f"The module has no such callable (uWSGI reports: {line}): name it with --app module:callable."
    plugin = re.search(r"UNABLE to load uWSGI plugin: (\S+?):", log)
    if is_app_missing and plugin:
        return missing_plugin(plugin[1])
    if "no python application found" in log or "no app loaded" in log:
        return (
            "uWSGI has loaded no app: the configuration names none (module, wsgi-file, mount). Name the app with "
            "--app module:callable."
        )
    if "PyImport_AppendInittab" in log:
        return (
            "This pyuwsgi cannot start on this Python (unbit/uwsgi#2579, pyuwsgi before 2.0.23.post0 on 3.12). "
            "Upgrade pyuwsgi to 2.0.28.post1 or later."
        )
    if match := re.search(r"chdir\(\): (.+?) \[", log):
        return f"uWSGI cannot enter the directory that the configuration names ({match[1]}): name another with --chdir."
    return ""


def _explain_slow_import(log: str, error: str) -> str:
    """Return the reason if the import of the app has not ended within the start limit, or ''."""
    if "no worker was ready" not in error or "WSGI app" in log:
        return ""
    return (
        f"{error.partition(';')[0]}: the import of the app has not ended. If the import waits for a service, start the "
        "service, or configure the app without it. If the import is only slow, raise --start-limit. `py-spy dump` "
        "shows where the import is."
    )


def explain_unmeasured(run: Measurement, log: str) -> str:
    """Return why a run has no verdict, and what to do. `log` is the log of its uWSGI."""
    return explain_failed_start(log, run.error) if run.error else explain_too_few_respawns(run)


def explain_too_few_respawns(run: Measurement) -> str:
    """Return why a configuration that served has recycled too little for a verdict."""
    if "held up" in run.reason:
        return f"{run.reason}; run nothing else on this machine during the check."
    if run.probe_tail_s >= KEPT_S:
        return (
            f"Each answer was complete for a client only when its connection ended, {run.probe_tail_s:.0f} s after the "
            "last byte: the app sends no Content-Length, and the socket keeps the connection open, as http11-socket "
            "does. Let the app send a Content-Length, or use http-socket."
        )
    if not run.respawns and (run.exit_max_s or 0.0) >= SLOW_S:
        return (
            f"No worker came back in the time limit: a worker that had served began to exit, and still lived "
            f"{run.exit_max_s:.0f} s later. See what the app does at its exit: handlers (atexit), and threads that are "
            "no daemons, such as one that sends again and again to a service that cannot be reached."
        )
    if run.crashed and not run.respawns:
        died = f"{counted(run.crashed, 'worker', 'workers')} died, and none came back in the time limit"
        return f"{died}: too few for a verdict. The uwsgi.log in {run.directory} says how they ended."
    back = f"Only {counted(run.respawns, 'worker', 'workers')} came back in the time limit"
    if run.recycle_median_s is not None and run.recycle_median_s >= SLOW_S:
        return f"{back}: too few for a verdict. {explain_slow_recycle(run)}"
    slow = f" (an answer takes {run.latency_p50_s:.1f} s)" if run.latency_p50_s else ""
    return (
        f"{back if run.respawns else 'No worker recycled'}, because too few requests were answered{slow}. Name a page "
        "that answers quickly with --url (URL=/path)."
    )


def explain_slow_recycle(run: Measurement) -> str:
    """Say which phase of a recycle takes the time, and what makes that phase shorter."""
    phases = run.recycle_phases_s
    return f"{describe_slow_recycle(run)} {SHORTER[recycle_of(phases).longest_phase] if phases else ''}".rstrip()


def describe_slow_recycle(run: Measurement) -> str:
    """Say how long a recycle takes, and which phase takes most of it if that is known."""
    phases = run.recycle_phases_s
    if not phases:
        return f"A recycle takes {run.recycle_median_s:.1f} s here."
    return f"A {recycle_of(phases).describe().removeprefix('a ')}."


def recycle_of(phases: dict[str, float]) -> Recycle:
    """Return the recycle whose phases, by the names of PHASES, take so many seconds."""
    return Recycle(*(phases[name] for name in PHASES))
