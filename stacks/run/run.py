"""One run from start to end: uWSGI and Locust start, the load comes, the run gets its verdict, and both are stopped."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace
from pathlib import Path

from stacks.catalogue.triggers import parse
from stacks.console import interrupts
from stacks.lifecycle.records import EVENTS_FILE, LOG_FILE, RecordError
from stacks.lifecycle.verdict import Judgement
from stacks.observe import proc, stats_socket
from stacks.observe.memory_kills import MemoryKills
from stacks.observe.observer import Observer
from stacks.run import loading, private_directory, run_end, starting, supervisor
from stacks.run.answer_count import AnswerCount
from stacks.run.attached_instance import AttachedInstance
from stacks.run.errors import CannotMeasure, Interrupted
from stacks.run.external_load import ExternalLoad
from stacks.run.hammer import Hammer
from stacks.run.instance import Instance
from stacks.run.item_count import ItemCount
from stacks.run.live_run import LiveRun
from stacks.run.load import Load
from stacks.run.load_window import LoadWindow, PlannedWindow, ProbedWindow
from stacks.run.own_instance import OwnInstance
from stacks.run.page_probe import PageProbe
from stacks.run.reporter import Reporter
from stacks.run.run_directory import OVERTIME_LIMIT_S, PlannedRun
from stacks.run.settling import settle
from stacks.run.trigger_runner import TriggerRunner
from stacks.run.way_runner import WayRunner

START_ATTEMPTS = 3  # another process may take the free port before uWSGI binds it
FIRST_LOOKS_LIMIT_S = 1.0  # the load waits so long for the looks at the threads of the master and of a worker
STDIN_FD = 0  # the campaign or the web UI writes to it


class Run:
    """Takes a planned run through its phases, and keeps what must be ended whatever happens."""

    def __init__(self, planned: PlannedRun, instance: Instance, kills: MemoryKills) -> None:
        self.planned, self.record, self.plan = planned, planned.record, planned.plan
        self.instance, self.kills = instance, kills
        self.reporter = Reporter()
        self.observer: Observer | None = None
        self.load: Load | None = None
        self.live: LiveRun | None = None
        self.probe: PageProbe | None = None
        self.items: ItemCount | None = None

    def execute(self) -> int:
        """Go through all phases, then end and write everything. Returns the exit code: 0 measured, 1 not measured."""
        self.planned.reserve()
        try:
            self._measure()
        except CannotMeasure as error:
            why = run_end.explain_kills(str(error), None, self.kills)
            self.record |= {"status": "failed", "error": why, "verdict": "invalid", "reason": why}
        except (Interrupted, KeyboardInterrupt):
            why = run_end.explain_kills("interrupted before its verdict", None, self.kills)
            self.record |= {"status": "interrupted", "error": why}
        except Exception as error:
            run_end.fail_with(self.record, error, self.planned.directory)
        finally:
            interrupts.ignore()
            self._finish()
        self.reporter.print_line("done")
        return 0 if self.record["status"] == "done" else 1

    def _measure(self) -> None:
        live, window = self._start()
        live.await_evidence(FIRST_LOOKS_LIMIT_S)
        self._record_ready(live.observer)
        probe = self._probe(live)  # while Locust loads the scenario
        starting.await_load(live, self.planned)
        if probe is not None:
            probe.wait()
            window = ProbedWindow(window, probe)
        if self.plan.get("gated"):
            loading.await_turn(live, window, self.plan["limit_s"])
        if self.instance.accepts_load(live):
            loading.apply_load(live, window, self.record, self.instance.mercy_s(), self._triggers(live.observer))
        else:
            live.load.send("cancel")
        judgement = settle(live, self.planned.directory, self.plan.get("settle_s", self.plan["limit_s"]))
        if probe is not None:
            judgement = probe.conclude(judgement)
        judgement = self.instance.explain(judgement)
        judgement = replace(judgement, reason=run_end.explain_kills(judgement.reason, live.load, self.kills))
        self._record_verdict(judgement)
        live.observer.emit("verdict", verdict=judgement.verdict, reason=judgement.reason)
        self.reporter.print_line("stopping", judgement)
        if self.items is not None:
            self.items.await_items(live, self.instance.port, judgement)
        if (stats := stats_socket.read(self.planned.private)) is not None:
            self.record["stats"] = stats

    # -- the start ------------------------------------------------------------------------------

    def _start(self) -> tuple[LiveRun, LoadWindow]:
        """Start uWSGI and Locust, up to START_ATTEMPTS times. Raises CannotMeasure."""
        for attempt in itertools.count(1):
            if self.plan.get("sink"):
                self.items = ItemCount(self.plan["sink"])
                self.planned.environment |= self.items.environment
            self.observer = self.instance.observe()
            self.reporter.port = self.instance.port
            self.load, window = self._new_load()
            live = self.live = LiveRun(self.observer, self.load, self.plan["respawns"], self.reporter)
            try:
                self.instance.await_ready(live)
                break
            except CannotMeasure as error:
                if attempt == START_ATTEMPTS or not self.instance.can_start_again(str(error)):
                    raise
                self._discard()
        return live, window

    def _new_load(self) -> tuple[Load, LoadWindow]:
        if self.plan.get("external"):
            external = ExternalLoad(self.plan["external"], STDIN_FD, limit_s=self.plan["duration_s"])
            return external, external
        host = f"http://127.0.0.1:{self.instance.port}"
        limit_s = self.plan["start_limit_s"] + OVERTIME_LIMIT_S + self.plan["limit_s"]
        hammer = Hammer(self.planned.directory, self.planned.paths["scenario"], host, self.plan["users"], limit_s)
        return hammer, PlannedWindow(self.plan, STDIN_FD, AnswerCount(self.planned.directory).read)

    def _discard(self) -> None:
        """Undo a start that has failed. Locust ends as well, because it aims at the port of this start."""
        for part in (self.observer, self.load, self.items):
            if part is not None:
                part.close()
        self.observer = self.load = self.live = self.items = None
        supervisor.sweep()
        for name in (EVENTS_FILE, LOG_FILE):
            (self.planned.directory / name).unlink(missing_ok=True)

    # -- the phases before and after the load ---------------------------------------------------

    def _record_ready(self, observer: Observer) -> None:
        """Record memory and the master's threads before any worker has recycled."""
        pids = [observer.pid, *(worker.pid for worker in observer.lifecycle.current().values())]
        self.record["at_ready"] = {
            "pss_kib": sum(max(0, proc.pss_kib(pid)) for pid in pids),
            "master_threads": len(proc.tasks(observer.pid) or ()),
        }

    def _probe(self, live: LiveRun) -> PageProbe | None:
        """Request an unknown page once before it is hammered."""
        if not (self.plan.get("probe") and live.observer.lifecycle.serving()):
            return None
        self.probe = PageProbe(live, self.instance.port, self.plan["probe"])
        return self.probe

    def _triggers(self, observer: Observer) -> TriggerRunner | WayRunner | None:
        """Return what makes the workers recycle where the load alone does not."""
        if ways := self.plan.get("ways"):
            private = self.planned.private
            return WayRunner(ways, private, lambda: observer.pid, observer.lifecycle, observer.emit, self.reporter)
        if not self.plan.get("trigger"):
            return None
        trigger = parse(self.plan["trigger"])
        return TriggerRunner(trigger, self.planned.private, observer.pid, observer.lifecycle, observer.emit)

    def _record_verdict(self, judgement: Judgement) -> None:
        self.record |= {"verdict": judgement.verdict, "reason": judgement.reason, "evidence": judgement.evidence}
        self.record |= {"status": "done", "counts": asdict(judgement), "duration_s": self.reporter.elapsed_s}

    # -- the end --------------------------------------------------------------------------------

    def _finish(self) -> None:
        """End the load and uWSGI, and leave complete files, whatever happened before, and whichever step fails."""
        for step in (self._end_load, self._end_stack, self._end_items, supervisor.sweep):
            try:
                step()
            except Exception as error:
                run_end.fail_with(self.record, error, self.planned.directory)
        run_end.write_files(self.planned, self.observer, self.items, self.load)

    def _end_load(self) -> None:
        if self.probe is not None:
            self.record["probe"] = self.probe.record()
        if self.load is not None:
            self.record["locust"] = run_end.end_load(self.load)

    def _end_stack(self) -> None:
        if self.observer is None:
            return
        if self.live is not None and self.record["status"] == "done":
            self.instance.stop(self.live)
        self.record["collectors"] = run_end.collectors(self.observer)
        self.record["fork_threads"] = run_end.fork_threads(self.observer)
        self.observer.close()

    def _end_items(self) -> None:
        if self.items is not None:
            self.items.end()


def main(directory: Path, parent: int = 0) -> int:
    """Execute the run that is planned in `directory` under a guard. Returns 0 if it was measured.

    The run ends when the process `parent`, which has started this process, ends. 0 stands for any process.
    """
    interrupts.block()  # until the guard can forward them: whatever ends it then, the private directory is removed
    private = private_directory.make()
    kills = MemoryKills()

    def execute() -> int:
        try:
            planned = PlannedRun.read(directory, private)
        except RecordError:  # it is raised once more below, where the command says it
            return 1
        is_attached = "attached" in planned.plan
        instance: Instance = AttachedInstance(planned) if is_attached else OwnInstance(planned)
        return Run(planned, instance, kills).execute()

    def close(kills: MemoryKills) -> None:
        run_end.record_killed_observer(directory, run_end.killed_observer(kills))

    code = supervisor.guarded(execute, private, parent=parent, fault_directory=directory, after_kill=close)
    if code in (0, 1):  # the observer came to its end, or `close` has told that it was killed
        run_end.record_killed_observer(directory, "its last run.json could not be written", "failed")
    else:
        close(kills)
    return code
