"""A run between its start and its verdict: the observed uWSGI, the load on it, and the verdict so far."""

from __future__ import annotations

import time
from collections.abc import Callable

from stacks.lifecycle.verdict import Judgement, judge
from stacks.observe.collectors import python_threads
from stacks.observe.observer import Observer
from stacks.run.load import Load
from stacks.run.reporter import Reporter

REPORT_S = 0.2  # between two lines for the campaign
# After an hour of load there are tens of thousands of episodes, and to judge them takes long. So at most this share of
# the observer's time goes into judging.
JUDGING_SHARE = 1 / 50


class LiveRun:
    """What all phases of a run work with. A second start after a failed one has a LiveRun of its own."""

    def __init__(self, observer: Observer, load: Load, wanted_respawns: int, reporter: Reporter) -> None:
        self.observer = observer
        self.load = load
        self.wanted_respawns = wanted_respawns  # so many must be seen before a stack without a hang counts as healthy
        self.reporter = reporter
        self.judgement: Judgement | None = None  # the newest one
        self._next_report_s = 0.0

    def report(self, phase: str) -> None:
        """Judge the rows so far and tell the campaign, unless that was done a moment ago."""
        now_s = time.monotonic()
        if now_s >= self._next_report_s:
            self.judgement = judge(self.observer.lifecycle, self.wanted_respawns, finished=False)
            self.reporter.print_line(phase, self.judgement)
            self._next_report_s = now_s + max(REPORT_S, (time.monotonic() - now_s) / JUDGING_SHARE)

    def until(self, phase: str, condition: Callable[[], bool], limit_s: float) -> bool:
        """Observe, and report `phase`, until `condition` holds or `limit_s` have passed. Returns whether it holds."""

        def reported_condition() -> bool:
            self.report(phase)
            return condition()

        return self.observer.until(reported_condition, limit_s)

    def await_evidence(self, limit_s: float) -> None:
        """Observe until no collector has evidence to wait for, or `limit_s` have passed.

        Workers that hang in their requests hang alike, so the backtrace of one of them is enough, with the looks at
        threads that are under way or due: only these name the line of the app.
        """
        lifecycle = self.observer.lifecycle

        def has_evidence() -> bool:
            busy = {collector.name for collector in self.observer.collectors if collector.busy}
            is_traced = any(map(lifecycle.hangs.has_backtrace, lifecycle.deadlocks()))
            return not busy or (is_traced and python_threads.Collector.name not in busy)

        self.observer.until(has_evidence, limit_s)

    def is_certain(self) -> bool:
        """Return True if more load cannot change the verdict: no worker can answer, or none will come back."""
        if self.observer.exit_code is not None or self.observer.lifecycle.is_outage():
            return True
        return self.judgement is not None and self.judgement.verdict in ("hung_master", "dead_master", "crash_loop")
