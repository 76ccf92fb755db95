"""The sentences of the advice about options: each function here looks at one option or one group of options."""

from __future__ import annotations

from pathlib import Path

from stacks.catalogue import similar
from stacks.catalogue.version_order import is_before
from stacks.check.diagnosis import TURNS_THREADS_ON, Findings, hangs_at_every_fork, has_thread_state_defect
from stacks.check.known_rates import CURE, partial_defect
from stacks.check.options import Options, is_set, numbers
from stacks.check.ways.master_commands import EFFECTS, signal_effects
from stacks.check.ways.way import STOP

# Options that make an instance execute itself again. The other touch- options only recycle workers.
RELOADS = ("touch-reload", "fs-reload", "master-fifo", "py-autoreload", "py-auto-reload")
WORKER_LIMITS = ("max-requests", "max-worker-lifetime", "reload-on-rss", "reload-on-as")


def reload_advice(findings: Findings) -> str:
    """Return a sentence if a reload would end the instance: a check makes no reload. '' otherwise.

    A reload of a pyuwsgi in a venv executes the interpreter outside the venv, unless binary-path is set.
    """
    python = lost_interpreter(findings)
    if python is None:
        return ""
    options = findings.options
    a = next((f"{name} is set, and a" for name in RELOADS if is_set(options, name)), "A")
    sigterm = "" if is_set(options, "die-on-term") else "; SIGTERM as well, because die-on-term is not set"
    return (
        f"{a} reload (SIGHUP, touch-reload, the master fifo{sigterm}) ends an instance of pyuwsgi in a venv with the "
        f"error \"No module named 'pyuwsgi'\" (unbit/uwsgi#2478). Set binary-path = {python}."
    )


def lost_interpreter(findings: Findings) -> Path | None:
    """Return the Python that a reload of this pyuwsgi must name as binary-path, or None if it needs none."""
    server = findings.server
    python = server.interpreter or server.uwsgi.parent / "python"
    is_outside_venv = server.interpreter is not None and not (python.parent.parent / "pyvenv.cfg").exists()
    if not server.pin or is_outside_venv or is_set(findings.options, "binary-path"):
        return None
    return python


def option_advice(findings: Findings) -> list[str]:
    """Return every sentence about the options, the most important first."""
    sentences = [
        _about_threads(findings),
        _about_mules(findings),
        _about_reload_freeze(findings),
        _about_master(findings.options),
        _about_sigterm(findings.options),
        _about_osafterfork(findings),
        _about_delta(findings),
        _about_exit_stall(findings),
        _about_lifetime(findings),
        _about_graceful_stop(findings),
        _about_fifos(findings),
        *_about_unknown_options(findings),
    ]
    return [sentence for sentence in sentences if sentence]


def _about_threads(findings: Findings) -> str:
    if not has_thread_state_defect(findings.server) or is_set(findings.options, *TURNS_THREADS_ON):
        return ""
    return (
        f"{findings.server.describe()} hangs at every recycle as soon as threads are on (unbit/uwsgi#2659): upgrade "
        "pyuwsgi to 2.0.28.post1 or later before you turn threads on."
    )


def _about_mules(findings: Findings) -> str:
    if not (hangs_at_every_fork(findings.server, findings.options) and is_set(findings.options, "mule", "mules")):
        return ""
    return (
        f"{findings.server.describe()} with threads never starts a mule, not even the first time (unbit/uwsgi#2659). "
        "This check runs no mules. Upgrade pyuwsgi to 2.0.28.post1 or later."
    )


def _about_reload_freeze(findings: Findings) -> str:
    version = findings.server.version
    if not is_before(version, "2.0.28") or is_before(version, "2.0.27"):
        return ""
    return (
        "uWSGI 2.0.27 freezes at SIGHUP, at touch-reload and at a reload through the master fifo (unbit/uwsgi#2689): "
        "upgrade to 2.0.28.post1."
    )


def _about_master(options: Options) -> str:
    if is_set(options, "master"):
        return ""
    event = "reaches its limit ends the instance" if is_set(options, *WORKER_LIMITS) else "crashes does not come back"
    return f"master is not set. Without a master, a worker that {event}. Set master = true."


def _about_sigterm(options: Options) -> str:
    if is_set(options, "die-on-term") or EFFECTS[signal_effects(options)["TERM"]].kind == STOP:
        return ""
    return "die-on-term is not set: SIGTERM, which containers send, reloads the instance and does not stop it."


def _about_osafterfork(findings: Findings) -> str:
    if not is_set(findings.options, "py-call-osafterfork") or findings.measurement.is_hang:
        return ""
    return "py-call-osafterfork makes every respawned worker crash from Python 3.13 on (unbit/uwsgi#2692): remove it."


def _about_delta(findings: Findings) -> str:
    options = findings.options
    if not is_set(options, "max-requests") or not _lacks_delta(findings):
        return ""
    delta = recommended_delta(findings)
    return (
        "max-requests is set without max-requests-delta: workers that start together reach the limit together, and are "
        "away together for up to a second (measured on 2.0.30: p95 latency 0.74 s, with a delta 0.04 s). "
        f"Add max-requests-delta{delta and f' = {delta}'}."
    )


def _lacks_delta(findings: Findings) -> bool:
    """Return True if the configuration sets no max-requests-delta, and this uWSGI knows the option."""
    return "max-requests-delta" in findings.binary_options and not is_set(findings.options, "max-requests-delta")


def recommended_delta(findings: Findings) -> str:
    """Return the max-requests-delta that spreads the first recycles evenly over the life of a worker.

    Return '' if the configuration has a delta, needs none or does not tell the number of its workers.
    """
    values = numbers(findings.options)
    workers = next((values[name] for name in ("processes", "workers") if name in values), 0)
    if not _lacks_delta(findings) or workers < 2 or not values.get("max-requests"):
        return ""
    return str(values["max-requests"] // workers or 1)


def _about_exit_stall(findings: Findings) -> str:
    run = findings.measurement
    defect = partial_defect(findings.server.version, findings.options)
    if defect is None or run.is_hang:
        return ""
    seen = f" This check has not seen it in {run.trials} respawns, and cannot rule it out." if run.trials else ""
    return (
        f"uWSGI before 2.0.25 with threads: {defect.what} ({', '.join(defect.upstream)}).{seen} Upgrade to 2.0.28 or "
        f"later, or set {CURE} = true."
    )


def _about_lifetime(findings: Findings) -> str:
    options = findings.options
    if not is_set(options, "max-worker-lifetime") or numbers(options).get("threads", 1) <= 1:
        return ""
    if is_before(findings.server.version, "2.0.25"):
        return (
            "max-worker-lifetime is set with threads: before 2.0.25 a worker whose lifetime is over does not wait for "
            "the requests of its other threads, and nginx answers 502 (unbit/uwsgi-docs#410; with requests of 0.3 s, "
            "40 of 389 on 2.0.21 and none on 2.0.26). Upgrade to 2.0.28 or later, or set threads = 1."
        )
    return (
        "max-worker-lifetime is set with threads: a worker whose lifetime is over mostly stays until a request reaches "
        "it, and at night that may never happen (unbit/uwsgi#1760). max-requests and reload-on-rss have no such defect."
    )


def _about_graceful_stop(findings: Findings) -> str:
    hooks = [value for key, value in findings.options if key == "hook-master-start"]
    is_graceful = any("gracefully_kill_them_all" in value for value in hooks)
    if not is_graceful or is_before(findings.server.version, "2.0.27"):
        return ""
    return (
        "hook-master-start has gracefully_kill_them_all: from 2.0.27 on such a stop waits for every request, however "
        "long it takes, and worker-reload-mercy does not end the wait. The program that asks for the stop needs a time "
        "limit and SIGKILL."
    )


def _about_fifos(findings: Findings) -> str:
    version = findings.server.version
    fifos = sum(key == "master-fifo" for key, _ in findings.options)
    if fifos <= 1 or is_before(version, "2.0.27") or not is_before(version, "2.0.31"):
        return ""
    return (
        "master-fifo is set several times. If this is for the commands f and 2q: the old master never ends on 2.0.27 "
        "to 2.0.30 (unbit/uwsgi#2722). Use touch-workers-reload or a chain reload instead, or uwsgi 2.0.31."
    )


def _about_unknown_options(findings: Findings) -> list[str]:
    """Return a sentence for each unknown option that is probably a misspelt one."""
    hints = [(name, similar(name, findings.binary_options)) for name in findings.unknown_options]
    return [
        f"This uWSGI has no option {name}{hint}; without strict = true uWSGI ignores it without a message."
        for name, hint in hints
        if hint
    ]
