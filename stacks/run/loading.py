"""The load of a run: wait for the turn of this run, then keep the load on until its window is over."""

from __future__ import annotations

import time
from typing import Any

from stacks.run.live_run import LiveRun
from stacks.run.load_window import LoadWindow
from stacks.run.trigger_runner import TriggerRunner
from stacks.run.way_runner import WayRunner


def await_turn(live: LiveRun, window: LoadWindow, limit_s: float) -> None:
    """Wait until the load may begin. Raises Interrupted if that does not happen within `limit_s`."""
    waiting_since_s = time.monotonic()
    live.until("waiting", window.may_begin, limit_s)
    live.reporter.exclude(time.monotonic() - waiting_since_s)
    live.observer.context.processes.update(dict.fromkeys(window.begin(), "locust"))


def apply_load(
    live: LiveRun,
    window: LoadWindow,
    record: dict[str, Any],
    mercy_s: float,
    triggers: TriggerRunner | WayRunner | None,
) -> None:
    """Let the load begin, step the stack's triggers, and return when the window is over.

    Adds the begin and the end to `record["load"]`. The load itself goes on until it is told to stop. `mercy_s` is how
    long a worker may take to leave before its master kills it; the judge needs it.
    """
    observer, times = live.observer, record["load"]
    observer.emit("load_begin", window_s=record["plan"]["duration_s"], limit_s=window.limit_s, mercy_s=mercy_s)
    begin_ns = observer.lifecycle.load_begin_ns
    assert begin_ns is not None  # noqa: S101 - the row above set it
    times["begin_ns"] = begin_ns
    live.load.send("go")

    def is_over() -> bool:
        if triggers is not None and triggers.left and not live.is_certain():
            triggers.step()
        return window.is_over(live, has_triggers_left=triggers is not None and triggers.left > 0)

    live.until("loading", is_over, window.limit_s)
    times["end_ns"] = time.monotonic_ns()
    times["window_s"] = window.window_s(begin_ns, times["end_ns"])
    observer.emit("load_end")
