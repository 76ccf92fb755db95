"""The probe of a run: it finds a page that cannot be hammered, and lets the load begin where only the load can tell.

The request gets PATIENCE_S before the load begins. A page that hangs its worker hangs every worker that the load
reaches, so the load brings the proof that is missing after one request. A page that is only slow is hammered as well,
unless it takes LIMIT_S. A worker that ended in the request ended by chance, or is the first one of a crash loop.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from stacks.lifecycle.incarnation import Incarnation
from stacks.lifecycle.verdict import Judgement, judge
from stacks.run.errors import CannotMeasure
from stacks.run.live_run import LiveRun
from stacks.run.probe import LIMIT_S, Answer, Probe, objection

# The proof of a hang takes two looks at the workers that serve, which are a second apart, and a second between them. So
# the verdict is there a few seconds later, and a page that answers within this time is measured without any overlap.
PATIENCE_S = 1.0
DEATH_S = 0.3  # a pidfd reports the end of a worker at once
UNHARMED = ("recovers", "throttled", "invalid")  # the verdicts that are none on a page that hangs or ends its workers


class PageProbe:
    """The request of `path`, what is known about it, and what speaks against the page."""

    def __init__(self, live: LiveRun, port: int, path: str) -> None:
        """Send the request."""
        self.path = path
        self._live = live
        self._thread = Probe(port, path)
        self._began_ns = time.monotonic_ns()
        self._thread.start()

    @property
    def answer(self) -> Answer | None:
        """None while the request is open."""
        return self._thread.answer

    def wait(self) -> None:
        """Observe until the request has ended, a hang is certain, or it has had PATIENCE_S.

        Raises CannotMeasure if the page cannot be hammered.
        """
        live, lifecycle = self._live, self._live.observer.lifecycle

        def is_enough() -> bool:
            return self.answer is not None or live.is_certain() or bool(lifecycle.deadlocks())

        live.until("starting", is_enough, max(0.0, PATIENCE_S - self._open_s()))
        if self.answer is not None and self.answer.error:
            live.observer.until(lambda: self.dead_worker() is not None, DEATH_S)
        if self.is_refused():
            raise CannotMeasure(self._objection())

    def dead_worker(self) -> Incarnation | None:
        """Return the first worker that ended by itself since the request was sent, or None."""
        workers = self._live.observer.lifecycle.workers.every()
        dead = [i for i in workers if i.ended_by_itself and (i.exited_ns or 0) >= self._began_ns]
        return min(dead, key=lambda incarnation: incarnation.exited_ns or 0, default=None)

    def is_refused(self) -> bool:
        """Return True if the load can tell nothing more about the page."""
        return bool(self._objection()) and self.dead_worker() is None

    def _objection(self) -> str:
        return objection(self.answer, self.path, self.dead_worker()) if self.answer is not None else ""

    def conclude(self, judgement: Judgement) -> Judgement:
        """Return the judgement of the run after its load, once the request has ended.

        Raises CannotMeasure if the page cannot be hammered and `judgement` shows no harm that explains it.
        """
        live = self._live
        if judgement.verdict not in UNHARMED:
            return judgement
        live.observer.until(lambda: self.answer is not None, LIMIT_S + 1.0)
        judgement = judge(live.observer.lifecycle, live.wanted_respawns, finished=True)
        is_told_by_load = self.dead_worker() is not None and judgement.verdict != "invalid"
        if judgement.verdict in UNHARMED and self._objection() and not is_told_by_load:
            raise CannotMeasure(self._objection())
        return judgement

    def record(self) -> dict[str, Any]:
        """Return what run.json says about the probe."""
        error = "no answer when the run had its verdict"
        return asdict(self.answer or Answer(error=error, latency_s=round(self._open_s(), 3)))

    def _open_s(self) -> float:
        return (time.monotonic_ns() - self._began_ns) / 1e9
