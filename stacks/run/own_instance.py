"""A uWSGI that the run starts from a stack file, waits for, and stops."""

from __future__ import annotations

from stacks.catalogue.triggers import parse
from stacks.lifecycle.records import INI_FILE
from stacks.lifecycle.verdict import Judgement
from stacks.observe.observer import Observer
from stacks.run import stack_files, starting, stopping
from stacks.run.live_run import LiveRun
from stacks.run.ports import free_port
from stacks.run.run_directory import PlannedRun


class OwnInstance:
    """An `Instance` on a free port of the loopback address, or on the address that the plan names for other hosts."""

    def __init__(self, planned: PlannedRun) -> None:
        self.planned = planned
        self.port = 0

    def observe(self) -> Observer:
        planned, plan, paths = self.planned, self.planned.plan, self.planned.paths
        address = plan.get("address", "")
        self.port = int(address.rpartition(":")[2]) if address else free_port()
        ini, environment = stack_files.write(planned, self.port)
        for text in filter(None, [plan.get("trigger"), *(way["trigger"] for way in plan.get("ways", ()))]):
            if touched := parse(text).file:
                (planned.private / touched).touch()
        command = [str(paths["uwsgi"]), "--ini", str(ini)]
        has_pipe = plan.get("log") == "pipe"
        return Observer(planned.directory, command, environment, self.port, paths.get("cwd"), has_pipe)

    def await_ready(self, live: LiveRun) -> None:
        live.observer.context.processes[live.load.pid] = "locust"
        starting.await_ready(live, self.planned)

    def can_start_again(self, error: str) -> bool:
        return starting.can_start_again(self.planned.record, error)

    def accepts_load(self, live: LiveRun) -> bool:
        """Return True if a worker can answer or will be able to: all may be recycling by age at this moment."""
        lifecycle = live.observer.lifecycle
        are_coming = lifecycle.undecided() > 0 and not live.is_certain()
        return lifecycle.serving() > 0 or lifecycle.spawns_on_demand() or are_coming

    def mercy_s(self) -> float:
        return stack_files.mercy_s(self.planned.directory / INI_FILE)

    def explain(self, judgement: Judgement) -> Judgement:
        return judgement

    def stop(self, live: LiveRun) -> None:
        stopping.stop_instance(live, self.planned.record, self.port)
