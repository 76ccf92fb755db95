"""Why somebody's stack did not serve: its log -> one sentence that says what to do."""

from __future__ import annotations

import re

from stacks.check.effective import missing_plugin
from stacks.check.measurement import Measured

_ERROR = re.compile(r"^(?:[\w.]+\.)?\w*(?:Error|Exception|Exit|Interrupt)\b.*")
NO_CALLABLE = re.compile(r"unable to find .* callable|\(callable not found or import error\)")
_STDOUT = re.compile(r"No such device or address.*/(?:dev/std(?:out|err)|proc/self/fd/\d|dev/fd/\d)")


def needs_pipe(log: str) -> bool:
    """Whether the app opened its standard output by path, which a socket does not allow."""
    return bool(_STDOUT.search(log))


def explain(log: str, error: str) -> str:
    """The plain reason, or `error` itself, which is what the run knows."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    plugin = re.search(r"UNABLE to load uWSGI plugin: (\S+?):", log)
    app_missing = "unable to load app" in log or "no python application found" in log or "no app loaded" in log
    if "Traceback (most recent call last)" in log and app_missing:
        raised = next((line for line in reversed(lines) if _ERROR.match(line)), "an exception")
        return (
            f"The app could not be imported: {raised}. Start where it is started in production (--chdir), or name "
            "it with --app module:callable; its packages must be in the venv of the uWSGI that is checked."
        )
    if match := re.search(r"Python Home is not a directory: (.+)", log):
        return f"The virtualenv {match[1]} does not exist here: check where it does, or take it out of a copy."
    if match := re.search(r"failed to open python file (\S+)", log):
        return f"The file {match[1]} does not exist from here: see --chdir, or name the app with --app."
    if said := next((line for line in lines if NO_CALLABLE.search(line)), ""):
        return f"The module has no such callable (uWSGI says: {said}): name it with --app module:callable."
    if app_missing and plugin:
        return missing_plugin(plugin[1])
    if "no python application found" in log or "no app loaded" in log:
        return (
            "uWSGI has loaded no app: the configuration names none (module, wsgi-file, mount). Name it with "
            "--app module:callable."
        )
    if "PyImport_AppendInittab" in log:
        return (
            "This pyuwsgi cannot start on this Python (unbit/uwsgi#2579, pyuwsgi before 2.0.23.post0 on 3.12). "
            "Upgrade pyuwsgi to 2.0.28.post1 or later."
        )
    if match := re.search(r"chdir\(\): (.+?) \[", log):
        return f"The directory that the configuration changes to cannot be entered ({match[1]}): name it with --chdir."
    if "no worker was ready" in error and "WSGI app" not in log:
        return (
            f"{error.partition(';')[0]}: the import of the app has not ended. If it waits for a service, start that "
            "or configure the app without it; if it is only slow, raise --start-limit. `py-spy dump` shows where it is."
        )
    return error


def too_few(base: Measured) -> str:
    """Why a stack that served has recycled too little to say anything."""
    if "held up" in base.reason:
        return f"{base.reason}; leave the machine to the check."
    if base.recycle_median_s is not None:
        return (
            f"Only {base.respawns} workers came back in the time there was, since a recycle takes "
            f"{base.recycle_median_s:.1f} s here: too few to say anything. Take what makes its import slow "
            "out of a copy, or check without lazy-apps."
        )
    slow = f" (it takes {base.latency_p50_s:.1f} s)" if base.latency_p50_s else ""
    return (
        f"No worker recycled: too few requests were answered{slow}. Name a page that answers quickly with --url "
        "(URL=/path)."
    )
