"""The stop of an own instance: wait for a calm moment, send the signals, and record which one worked."""

from __future__ import annotations

import time
from typing import Any

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.observe import tcp_table
from stacks.run import stop_signals, unstopped
from stacks.run.live_run import LiveRun

# The stop waits until no worker is on its way up. Until it accepts, a worker has its master's signal handlers and
# swallows the signal; just after that a request thread may take the signal, and the exit of that thread waits for the
# main thread. The workers that left after the last answers are back within the master's 1 s loop.
CALM_S, CALM_LIMIT_S = 0.2, 3.0
# A healthy master ends within its 1 s loop. A run that waits less does not want to know about the stop: then there is
# no need for a calm moment, nor for a backtrace of what is left.
TOLD_S = 1.0


def stop_instance(live: LiveRun, record: dict[str, Any], port: int) -> None:
    """Stop uWSGI, and write into `record["stop"]` which signals were sent and what is left behind."""
    observer = live.observer
    signals = ladder(record)
    is_told = sum(waited_s for _, waited_s in signals) >= TOLD_S
    if is_told:
        observer.until(lambda: live.is_certain() or is_calm(observer.lifecycle, time.monotonic_ns()), CALM_LIMIT_S)
    observer.emit("stop")
    entries: list[dict[str, Any]] = []

    def look(pids: list[int]) -> None:
        # A loadtest waits 3 s only, in which a healthy master may be late, and it has its verdict: no backtrace then.
        is_explained = is_told and "grace_s" in record["plan"] and not record["verdict"].startswith("hung")
        directory, starting = observer.context.directory, observer.lifecycle.starting()
        entries.extend(unstopped.look_at(pids, [observer.pid], starting, directory, with_backtrace=is_explained))

    stop = stop_signals.stop(observer.pids, observer.pid, signals, observer.step, before_kill=look)
    observer.drain()
    left = observer.pids()
    is_listening = tcp_table.backlog(port) is not None
    record["stop"] = {
        "signal": stop.signal,
        "seconds": stop.seconds,
        "tried": [{"signal": name, "waited_s": waited_s} for name, waited_s in stop.tried],
        "left_behind": [*left, *([f"port {port}"] if is_listening else [])],
    }
    observer.emit("stopped", **record["stop"])
    if entries:
        record["stop"]["unstopped"] = entries


def ladder(record: dict[str, Any]) -> tuple[tuple[str, float], ...]:
    """Return the signals for the verdict and the plan, with the seconds to wait for each: a check has its own times."""
    plan, is_hung = record["plan"], record["verdict"].startswith("hung")
    if "grace_s" in plan:
        return (("INT", plan["hung_grace_s" if is_hung else "grace_s"]),)
    if plan.get("patient"):
        return stop_signals.PATIENT_LADDER
    return stop_signals.HUNG_LADDER if is_hung else stop_signals.LADDER


def is_calm(lifecycle: Lifecycle, now_ns: int) -> bool:
    """Return True if no worker comes or goes, and none has come within the last CALM_S."""
    newest_ns = max((i.ready_ns or 0 for i in lifecycle.current().values()), default=0)
    return lifecycle.undecided() == 0 and now_ns - newest_ns > CALM_S * 1e9
