"""A campaign: a seeded plan of interleaved runs, its directory, and what has become of each run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.campaign import campaign_directory
from stacks.campaign.campaign_record import campaign_record, cell_record
from stacks.campaign.cell import Cell
from stacks.campaign.environments import Environment, make_venvs
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.run_order import run_order
from stacks.catalogue import Plan
from stacks.catalogue.venvs import Venv
from stacks.lifecycle.records import CAMPAIGN_FILE, RESULTS, point_to, write_json
from stacks.run.run_process import RunProcess
from stacks.run.run_servers import RunServers

LOADTEST = "loadtest"
MATRIX, SEARCH = "matrix", "bisect"  # kinds of campaigns in which some cells cannot be tested on most machines


@dataclass
class Campaign:
    """The plan of a campaign, and how far it is. `prepare` comes first, then `runner.carry_out`."""

    plan: Plan
    options: PlanOptions
    cells: list[Cell]
    scenario: Path
    patient: bool = False  # every run waits until the first stop signal has worked
    kind: str = LOADTEST
    resumed: Path | None = None  # the directory of the same plan, which was interrupted
    external: int = 0  # pid of the web UI's Locust: it sends the load, and writes to the run through our stdin
    address: str = ""  # ADDRESS:PORT on which the stacks listen, for a load from other hosts; '': a free loopback port
    results: Path = RESULTS
    directory: Path = field(init=False)
    not_tested: dict[int, str] = field(default_factory=dict)  # cell index -> why it is not tested
    venvs: dict[Environment, Venv] = field(default_factory=dict)
    runs: list[tuple[int, int]] = field(default_factory=list)  # (cell index, trial), in their order
    done: list[tuple[int, dict[str, Any]]] = field(default_factory=list)  # (cell index, run.json) of ended runs
    earlier_runs: int = 0  # so many of `done` are not of `runs`: they had ended before
    active: list[RunProcess] = field(default_factory=list)
    began_s: float = field(default_factory=time.monotonic)
    last_end_s: float = 0.0  # of a run, on the same clock
    least_left_s: float = float("inf")  # the least time left that was shown so far
    status: str = "running"
    servers: RunServers | None = None  # they fork the runs
    extra: dict[str, Any] = field(default_factory=dict)  # further keys of campaign.json
    _lock: int = -1

    def prepare(self, report: Callable[[int, int], None] = lambda number, of: None) -> None:
        """Make the environments, the order of the runs, and the directory with campaign.json.

        `report` gets the number of the environment that is made next, and how many there are. Raises UsageError if
        another process works in the directory.
        """
        self.venvs, self.not_tested = make_venvs(self.cells, report)
        runs = run_order(self.cells, self.plan.trials, self.plan.seed)
        self.runs = [(index, trial) for index, trial in runs if index not in self.not_tested]
        self.directory = self.resumed or campaign_directory.make_directory(self.results)
        self._lock = campaign_directory.lock(self.directory)
        point_to(self.directory)
        if self.resumed is not None:
            self._keep_finished_runs()
        self.write()

    def _keep_finished_runs(self) -> None:
        """Take the runs that have their verdict out of `runs`, and set the others aside, so that they are repeated."""
        for index, trial in list(self.runs):
            directory = self.directory / self.run_id(index, trial)
            if not directory.is_dir():
                continue
            record = campaign_directory.finished_record(directory)
            if record is None:
                campaign_directory.set_aside(directory)
            else:
                self.done.append((index, record))
                self.runs.remove((index, trial))
        self.earlier_runs = len(self.done)

    def run_id(self, index: int, trial: int) -> str:
        """Return the id of a run, which is the name of its directory."""
        return f"{self.cells[index].name}-{trial}"

    def set_runs(self, runs: list[tuple[int, int]]) -> None:
        """Replace the runs of the plan: the runner carries out these."""
        self.runs, self.earlier_runs = runs, len(self.done)

    def leave_out(self, indexes: set[int], reason: str) -> None:
        """Record why these cells are not tested."""
        self.not_tested |= dict.fromkeys(indexes, reason)
        self.write()

    def untested_versions(self) -> dict[str, str]:
        """Return version id -> why it is not tested."""
        return {self.cells[index].version.id: reason for index, reason in self.not_tested.items()}

    def count_ended(self) -> int:
        """Return how many of `runs` have ended."""
        return len(self.done) - self.earlier_runs

    def was_measured(self) -> bool:
        """Return True if every run came to a verdict, and no cell is missing that a user would miss."""
        are_measured = all(record["status"] == "done" for _, record in self.done)
        are_missing = bool(self.not_tested) and self.kind not in (MATRIX, SEARCH)
        return self.status == "done" and are_measured and not are_missing

    def write(self) -> None:
        """Write campaign.json."""
        cells = [self._cell_record(index) for index in range(len(self.cells))]
        record = campaign_record(self.directory.name, self.kind, self.status, self.plan, self.options, cells)
        write_json(self.directory / CAMPAIGN_FILE, record | self.extra)

    def _cell_record(self, index: int) -> dict[str, Any]:
        cell = self.cells[index]
        trials = 0 if index in self.not_tested else cell.trials or self.plan.trials
        run_ids = [self.run_id(index, trial) for trial in range(1, trials + 1)]
        return cell_record(cell, run_ids, self.not_tested.get(index))
