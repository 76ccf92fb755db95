"""A uWSGI that was running before: the run observes and hammers it, and neither signals nor stops it."""

from __future__ import annotations

from dataclasses import replace

from stacks.lifecycle.counted import counted
from stacks.lifecycle.stopping import MERCY_S
from stacks.lifecycle.verdict import Judgement
from stacks.observe.attached import AttachedObserver
from stacks.observe.observer import Observer
from stacks.run.live_run import LiveRun
from stacks.run.run_directory import PlannedRun

LOOK_LIMIT_S = 3.0  # a worker that neither serves nor hangs after this time is shown as starting
UNWATCHED = "only the load was recorded: PID= names the uWSGI master whose workers to watch"


class AttachedInstance:
    """An `Instance` with the port, and perhaps the master's pid, that the plan's `attached` names."""

    def __init__(self, planned: PlannedRun) -> None:
        self.planned = planned
        self.port: int = planned.plan["attached"]["port"]
        self.master_pid: int = planned.plan["attached"]["pid"]  # 0: the workers are not watched

    def observe(self) -> Observer:
        return AttachedObserver(self.planned.directory, self.master_pid, self.port)

    def await_ready(self, live: LiveRun) -> None:
        """Wait until the state of every worker is known, so that the UI shows it before the load begins."""
        lifecycle = live.observer.lifecycle
        if self.master_pid:
            live.until("starting", lambda: bool(lifecycle.slots) and lifecycle.undecided() == 0, LOOK_LIMIT_S)

    def can_start_again(self, error: str) -> bool:
        return False

    def accepts_load(self, live: LiveRun) -> bool:
        """Return True, always: the user may want to see what a hung instance does under load."""
        return True

    def mercy_s(self) -> float:
        """Return uWSGI's default: the instance's own value is not known."""
        return MERCY_S

    def explain(self, judgement: Judgement) -> Judgement:
        """Replace a reason that gives advice about options of a run that started uWSGI itself."""
        if judgement.verdict != "invalid":
            return judgement
        if not self.master_pid:
            return replace(judgement, reason=UNWATCHED)
        if judgement.respawns >= self.planned.plan["respawns"]:
            return judgement
        seen = f"{counted(judgement.respawns, 'respawn', 'respawns')} seen, {self.planned.plan['respawns']} wanted"
        return replace(judgement, reason=f"{seen}: too few to say anything. Hammer it for longer.")

    def stop(self, live: LiveRun) -> None:
        """End only the watching: rows after this one do not count."""
        live.observer.emit("stop")
