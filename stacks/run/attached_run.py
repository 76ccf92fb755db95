"""A run against a uWSGI that somebody else started: it is observed and hammered, never signalled or stopped."""

from __future__ import annotations

import sys
from dataclasses import replace

from stacks.lifecycle.stopping import MERCY_S
from stacks.lifecycle.verdict import Judgement
from stacks.observe.attached import AttachedObserver
from stacks.observe.observer import Observer
from stacks.run.hammer import Hammer
from stacks.run.outside_load import Outside
from stacks.run.run import Run

LOOK_LIMIT_S = 3.0  # a worker that neither serves nor hangs by then is shown as starting
UNWATCHED = "only the load was recorded: PID= names the uWSGI master whose workers to watch"


class AttachedRun(Run):
    """A run against a uWSGI that was there before, and stays."""

    def _start(self) -> tuple[Observer, Hammer | Outside]:
        attached = self.plan["attached"]
        self.port = attached["port"]
        self.observer = AttachedObserver(self.directory, attached["pid"], self.port)
        self.hammer = Outside(self.plan["external"], sys.stdin.fileno())
        return self.observer, self.hammer

    def _await_ready(self, observer: Observer, hammer: Hammer | Outside) -> None:
        def there() -> bool:
            self._report("starting")
            return bool(observer.lifecycle.slots) and observer.lifecycle.undecided() == 0

        if self.plan["attached"]["pid"]:
            observer.until(there, LOOK_LIMIT_S)

    def _can_load(self, observer: Observer) -> bool:
        return True  # somebody wants to see what a hung one does

    def _mercy_s(self) -> float:
        return MERCY_S  # nobody knows theirs, and nobody is told to leave in rows

    def _settle(self, observer: Observer, hammer: Hammer | Outside) -> Judgement:
        found = super()._settle(observer, hammer)
        if found.verdict != "invalid":
            return found
        wanted = self.plan["respawns"]
        few = f"{found.respawns} respawns seen, {wanted} wanted: too few to say anything. Hammer it for longer."
        return replace(found, reason=few if self.plan["attached"]["pid"] else UNWATCHED)

    def _stop(self, observer: Observer) -> None:
        observer.emit("stop")  # of the watching
