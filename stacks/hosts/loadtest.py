"""`loadtest --hosts FILE`: every cell of the plan as a run on many machines, whose pieces are started by ssh.

Locust's master runs here. Each run is closed by its coordinator; this process waits for that, and says what came of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from stacks.campaign.cell import Cell
from stacks.campaign.plan import make_plan, run_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import ROOT, SCENARIOS, UsageError, load
from stacks.hosts import remote
from stacks.hosts.coordinator import CLOSE_LIMIT_S, TALLY_LIMIT_S
from stacks.hosts.fleet_file import Fleet
from stacks.hosts.location import Location
from stacks.lifecycle import strict_json
from stacks.lifecycle.parts import clean
from stacks.lifecycle.records import RESULTS, RUN_FILE, RecordError
from stacks.run import supervisor

# A cell whose workers recycle sees its respawns in this time. The load does not end early, as on one machine.
SHORTEST_LOAD_S = 8.0
LOCUST_LIMIT_S = 600.0  # beside the load: for the hosts to come, and for the users to finish
MASTER_LIMIT_S = 60  # for the pieces there to find the master, which is started at once after them, or was killed
WORKERS_LIMIT_S = 120  # for the master to get its workers: each of them has to start a Python on a busy machine
POLL_S = 0.2
EXIT_OK, EXIT_NOT_MEASURED, EXIT_UNEXPECTED = 0, 1, 3


def loadtest(fleet: Fleet, options: PlanOptions) -> int:
    """Carry the plan out. Returns 0 as expected, 1 if a run is not `done`, 3 for an unexpected verdict.

    Raises UsageError and RecordError.
    """
    plan, cells, scenario = make_plan(load(), options)
    if scenario.parent != SCENARIOS:
        raise UsageError(f"{scenario}: with HOSTS= a scenario is one of locustfiles/, which every machine has")
    remote.require_same_pack(fleet)
    try:
        Location(fleet.location).require_writable()
    except RecordError as error:
        raise RecordError(f"{error} Nothing was started.") from None
    started = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    codes = []
    for trial in range(1, plan.trials + 1):
        for cell in cells:
            name = clean(f"{started}-{cell.name}-{trial}")
            numbers = run_plan(plan, options, cell.stack)
            record = _Run(fleet, cell, name, scenario, numbers).execute()
            print(f"{name}: {record['verdict']} ({record['status']}, {cell.expected} expected): {record['reason']}")
            is_expected = record["verdict"] == cell.expected
            codes.append(EXIT_NOT_MEASURED if record["status"] != "done" else 0 if is_expected else EXIT_UNEXPECTED)
    print(f"python -m stacks collect {fleet.location}/NAME copies a run for the reports")
    return max(codes, default=EXIT_OK)


class _Run:
    """One run: its pieces, and the logs of them in a directory here."""

    def __init__(self, fleet: Fleet, cell: Cell, name: str, scenario: Path, numbers: dict[str, Any]) -> None:
        """`numbers` are those of the plan for this cell."""
        self.fleet, self.cell, self.name, self.scenario, self.numbers = fleet, cell, name, scenario, numbers
        self.users = numbers["users"]
        self.load_s = max(numbers["duration_s"], SHORTEST_LOAD_S)
        self.logs = RESULTS / "hosts" / name
        self.environment = {"PACK_LOCATION": fleet.location, "PACK_CAMPAIGN": name}
        self.environment |= {"PACK_OBSERVERS": "1", "PACK_PORT_HOSTS": str(fleet.master_port + 1)}

    def execute(self) -> dict[str, Any]:
        """Start every piece, and return run.json when the coordinator has closed it. Raises RecordError."""
        self.logs.mkdir(parents=True)
        processes = [self._start_observer(), *map(self._start_load, self.fleet.loads)]
        processes.append(self._start_master())
        try:
            return self._await(processes[-1])
        finally:
            for process in processes:
                supervisor.kill(process.pid)  # of ssh here: the pieces end with their run
                process.wait()

    def _start_observer(self) -> subprocess.Popen[bytes]:
        fleet, cell = self.fleet, self.cell
        words = ["-m", "stacks", "observe", "--master", f"{fleet.master}:{fleet.master_port + 1}"]
        words += ["--location", fleet.location, "--stack", cell.stack.name, "--version", cell.version.id]
        words += ["--address", fleet.uwsgi.address, "--users", self.users, "--scenario", self.scenario.stem]
        words += ["--wait", str(MASTER_LIMIT_S)]
        words += ["--workers", self.numbers["workers"], "--max-requests", self.numbers["max_requests"]]
        return remote.start(fleet, fleet.uwsgi, self.logs / "uwsgi.log", *words, environment=self.environment)

    def _start_load(self, machine: Any) -> subprocess.Popen[bytes]:
        fleet = self.fleet
        words = ["-m", "locust", *self._files(Path("locustfiles")), "--worker", "--processes", machine.processes]
        words += ["--master-host", fleet.master, "--master-port", fleet.master_port]
        log = self.logs / f"load-{fleet.loads.index(machine) + 1}.log"
        environment = self.environment | {"PACK_MASTER_LIMIT_S": str(MASTER_LIMIT_S)}
        return remote.start(fleet, machine, log, *words, environment=environment)

    def _start_master(self) -> subprocess.Popen[bytes]:
        fleet = self.fleet
        command: list[object] = [sys.executable, "-m", "locust", *self._files(SCENARIOS), "--master", "--headless"]
        command += ["--master-bind-port", fleet.master_port, "--expect-workers", fleet.processes]
        command += ["--expect-workers-max-wait", WORKERS_LIMIT_S]
        command += ["-u", self.users, "-r", self.users, "-t", f"{self.load_s:.0f}s", "--stop-timeout", 10]
        command += ["--host", f"http://{fleet.uwsgi.address}", "--exit-code-on-error", 0]
        with (self.logs / "master.log").open("wb") as output:
            return subprocess.Popen(
                list(map(str, command)),
                cwd=ROOT,
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _files(self, folder: Path) -> list[str]:
        return ["-f", f"{folder / self.scenario.name},{folder / 'recording' / '_recorder.py'}"]

    def _await(self, master: subprocess.Popen[bytes]) -> dict[str, Any]:
        location = Location(self.fleet.location).below(self.name)
        close_s = TALLY_LIMIT_S + CLOSE_LIMIT_S
        end_s = time.monotonic() + LOCUST_LIMIT_S + self.load_s + close_s
        while time.monotonic() < end_s:
            if master.poll() is not None:  # its coordinator closes the run now, if nothing has killed it
                end_s = min(end_s, time.monotonic() + close_s)
            try:
                record = strict_json.loads(location.read(RUN_FILE))
                if record["status"] != "running":
                    return dict(record)
            except FileNotFoundError:
                if master.poll() is not None:
                    break
            time.sleep(POLL_S)
        raise RecordError(
            f"{location.url}: the run was not closed. Close it: python -m stacks close {location.url}; "
            f"the logs of its pieces are in {self.logs}"
        )
