"""What to change in somebody's configuration, and on which grounds: facts and measurements -> sentences."""

from __future__ import annotations

from dataclasses import dataclass, field

from stacks.catalogue import Defect, similar
from stacks.check.effective import Options
from stacks.check.measurement import Measured
from stacks.check.neutralise import has
from stacks.check.remedies import Tried, is_before
from stacks.check.server import Server

THREADS = ("enable-threads", "threads", "gevent", "py-tracebacker", "py-autoreload", "py-auto-reload")
AT_FORK = ("hung_worker", "hung_master")  # what the two deadlocks at a fork look like
FORK_SAFE = ("lazy-apps", "lazy", "py-call-uwsgi-fork-hooks")  # with one of them no thread of the app holds the GIL
UNHELPFUL = {"400", "401", "403", "404", "405"}  # answers of a framework, not of a page
# What makes an instance execute itself anew; the other touch- options only recycle workers.
RELOADS = ("touch-reload", "fs-reload", "master-fifo", "py-autoreload", "py-auto-reload")
LIFETIME = ("max-requests", "max-worker-lifetime", "reload-on-rss", "reload-on-as")


@dataclass(frozen=True)
class Facts:
    """Everything that is known of a checked stack."""

    server: Server
    options: Options  # theirs, effective
    known: frozenset[str]
    unknown: list[str]
    base: Measured
    threads: list[str] | None = None  # that importing the app starts
    tried: list[Tried] = field(default_factory=list)


def cause(facts: Facts) -> str | None:
    """The defect of versions.toml that a hang is due to, as far as version, options and threads tell."""
    pin, verdict = facts.server.pin, facts.base.verdict
    modern = not is_before(facts.server.python or "0", "3.12")
    threads = has(facts.options, *THREADS)
    if verdict in AT_FORK and pin and is_before(pin, "2.0.27") and modern and threads:
        return "thread-state-in-master" if verdict == "hung_master" else "thread-state"
    if verdict == "hung_worker" and (facts.threads or (facts.threads is None and facts.base.master_threads > 1)):
        return "thread-at-fork"
    if verdict == "hung_request" and facts.threads:
        return "lock-at-fork"
    if verdict == "hung_exit" and is_before(pin or facts.server.version, "2.0.24") and has(facts.options, "threads"):
        return "exit-stall"
    if verdict == "crash_loop" and has(facts.options, "py-call-osafterfork"):
        return "after-fork-crash"
    return None


def has_two_defects(facts: Facts) -> bool:
    """Whether a thread of the app would hang workers even if the thread state of this pyuwsgi did not."""
    return bool(facts.threads) and (cause(facts) or "").startswith("thread-state")


def leaves_threads(facts: Facts, options: Options) -> bool:
    """Whether a thread of the app still runs in the master when it forks, with these options.

    Forks come in herds that all find it busy or all at rest, so a few of them in peace prove little.
    """
    return facts.base.verdict in AT_FORK and bool(facts.threads) and not any(has(options, name) for name in FORK_SAFE)


def advise(facts: Facts, defects: dict[str, Defect]) -> list[str]:
    """The sentences, the most pressing first."""
    return [*_about_hang(facts, defects), *_about_reload(facts), *_about_losses(facts), *_about_options(facts)]


def _about_hang(facts: Facts, defects: dict[str, Defect]) -> list[str]:
    base, found = facts.base, []
    name = cause(facts)
    cures = [tried for tried in facts.tried if tried.cures]
    if base.is_hang:
        what = f"{base.crashed} workers died" if base.verdict == "crash_loop" else f"{base.hung} of {base.trials} hung"
        if base.verdict == "hung_master":
            what = "the master hung"
        if base.verdict in ("hung_request", "dead_master"):
            what = base.reason
        if name is not None:
            defect = defects[name]
            found.append(f"{facts.server.describe()}: {defect.what} ({', '.join(defect.upstream)}); here {what}.")
        else:
            found.append(
                f"{facts.server.describe()}: {what}, and the pack knows no defect that fits. The backtraces in "
                f"{base.directory}/evidence and uwsgi.log beside it are what an upstream report needs."
            )
        if name in ("thread-at-fork", "lock-at-fork"):
            found[-1] += f" {_threads(facts)}"
        elif has_two_defects(facts):
            found.append(f"{_threads(facts)} That is a deadlock of its own, in every version (unbit/uwsgi#1149).")
        found += [f"{tried.say()}." for tried in facts.tried]
        if cures:
            found.append(f"So: {_best(cures).what}.")
        elif name is not None:
            found.append(f"Known remedy: {defects[name].remedy}.")
    elif facts.threads and not has(facts.options, "lazy-apps", "lazy"):
        found.append(
            f"{_threads(facts)} None of {base.respawns} respawns hung here, but one can on every uWSGI version "
            "whenever such a thread holds a lock at the fork (unbit/uwsgi#1149): lazy-apps = true rules that out, "
            "and py-call-uwsgi-fork-hooks = true does but for locks that Python does not know to renew."
        )
    return found


def _about_reload(facts: Facts) -> list[str]:
    """A pyuwsgi in a venv does not survive a reload, which a check does not make."""
    python = facts.server.interpreter or facts.server.uwsgi.parent / "python"
    outside = facts.server.interpreter is not None and not (python.parent.parent / "pyvenv.cfg").exists()
    if not facts.server.pin or outside or has(facts.options, "binary-path"):
        return []
    a = next((f"{name} is set, and a" for name in RELOADS if has(facts.options, name)), "A")
    term = "" if has(facts.options, "die-on-term") else "; SIGTERM as well, as die-on-term is not set"
    return [
        f"{a} reload (SIGHUP, touch-reload, the master fifo{term}) of a pyuwsgi in a venv ends the instance: "
        f"No module named 'pyuwsgi' (unbit/uwsgi#2478). Set binary-path = {python}."
    ]


def _best(cures: list[Tried]) -> Tried:
    """An upgrade where it helps, otherwise the first in the order of remedies.toml."""
    return next((tried for tried in cures if tried.remedy.upgrade), cures[0])


def _threads(facts: Facts) -> str:
    if facts.threads:
        names = ", ".join(facts.threads)
        return f"Your app starts {len(facts.threads)} thread{'s' * (len(facts.threads) > 1)} at import: {names}."
    return f"The master runs {facts.base.master_threads} threads."


def _about_losses(facts: Facts) -> list[str]:
    base = facts.base
    found: list[str] = []
    if base.is_hang:
        return found
    reset = sum(base.lost.get(word, 0) for word in ("reset", "closed"))
    late = base.lost.get("timeout", 0)
    if (reset or late) and has(facts.options, "http11-socket"):
        found.append(
            f"{reset} of {base.requests} requests were reset and {late} timed out: http11-socket keeps connections "
            "open, so a worker serves nobody else meanwhile and drops them when it recycles. Use http-socket, or the "
            "http router with http-keepalive."
        )
        return found
    if reset:
        found.append(
            f"{reset} of {base.requests} requests were reset: the app raises before it answers, or workers die."
        )
    if late:
        found.append(
            f"{late} of {base.requests} requests timed out though workers came back: look for a lock that a thread "
            "held at the fork, or raise the number of workers."
        )
    if base.statuses and set(base.statuses) <= UNHELPFUL:
        found.append(
            f"Every answer was {'/'.join(base.statuses)}: the workers recycle all the same, but name a page of the app "
            "with --url (URL=/path) to measure its latency."
        )
    return found


def _delta(options: Options) -> str:
    """What spreads the first recycles evenly over the life of a worker, where that can be told."""
    numbers = _numbers(options)
    workers = next((numbers[name] for name in ("processes", "workers") if name in numbers), 0)
    return f" = {numbers['max-requests'] // workers or 1}" if workers and "max-requests" in numbers else ""


def _numbers(options: Options) -> dict[str, int]:
    """The options that have a number; the last one counts."""
    return {key: int(value) for key, value in options if value.isdecimal()}


def _about_options(facts: Facts) -> list[str]:
    options, server, found = facts.options, facts.server, []
    affected = server.pin and is_before(server.pin, "2.0.27") and not is_before(server.python or "0", "3.12")
    if affected and not has(options, *THREADS):
        found.append(
            f"{server.describe()} hangs at every recycle as soon as threads are switched on (unbit/uwsgi#2659): "
            "upgrade pyuwsgi to 2.0.28.post1 or later before you do."
        )
    if affected and has(options, *THREADS) and has(options, "mule", "mules"):
        found.append(
            f"{server.describe()} with threads: a mule never starts, not even the first time (unbit/uwsgi#2659). It is "
            "not part of this check. Upgrade pyuwsgi to 2.0.28.post1 or later."
        )
    if is_before(server.version, "2.0.28") and not is_before(server.version, "2.0.27"):
        found.append(
            "2.0.27 freezes at SIGHUP, touch-reload and fifo reloads (unbit/uwsgi#2689): upgrade to 2.0.28.post1."
        )
    if not has(options, "master"):
        when = "reaches its limit ends the instance" if has(options, *LIFETIME) else "crashes does not come back"
        found.append(f"master is not set: without one, a worker that {when}. Set master = true.")
    if not has(options, "die-on-term"):
        found.append("die-on-term is not set: SIGTERM, which containers send, reloads instead of stopping.")
    if has(options, "py-call-osafterfork") and not facts.base.is_hang:
        found.append(
            "py-call-osafterfork makes every respawn crash from Python 3.13 on (unbit/uwsgi#2692): take it out."
        )
    if has(options, "max-requests") and not has(options, "max-requests-delta") and "max-requests-delta" in facts.known:
        found.append(
            "max-requests without max-requests-delta: workers that start together reach it together, and are away "
            "together for up to a second (p95 latency 0.74 s, with a delta 0.04 s, measured on 2.0.30). "
            f"Add max-requests-delta{_delta(options)}."
        )
    if has(options, "max-worker-lifetime") and _numbers(options).get("threads", 1) > 1:
        found.append(
            "max-worker-lifetime with threads: a worker whose time is over mostly stays until a request reaches it, "
            "which at night may be never (unbit/uwsgi#1760); max-requests and reload-on-rss are not affected."
        )
    graceful = any(key == "hook-master-start" and "gracefully_kill_them_all" in value for key, value in options)
    if graceful and not is_before(server.version, "2.0.27"):
        found.append(
            "hook-master-start with gracefully_kill_them_all: from 2.0.27 on such a stop waits for every request, "
            "however long, and worker-reload-mercy does not end it: whoever stops it needs a limit and SIGKILL."
        )
    fifos = sum(key == "master-fifo" for key, _ in options)
    if fifos > 1 and not is_before(server.version, "2.0.27") and is_before(server.version, "2.0.31"):
        found.append(
            "several master-fifo: if they are there for f and 2q, the old master never ends on 2.0.27 to 2.0.30 "
            "(unbit/uwsgi#2722). Use touch-workers-reload or a chain reload, or uwsgi 2.0.31."
        )
    for name in facts.unknown:
        hint = similar(name, facts.known)
        if hint:
            found.append(f"This uWSGI has no option {name}{hint}; without strict = true it is ignored silently.")
    return found
