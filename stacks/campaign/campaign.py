"""A campaign: makes the venvs, runs the plan interleaved, shows how far it is, and survives a run that does not."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from stacks.campaign.plan import Asked, Cell, order, run_plan
from stacks.catalogue import APPS, ROOT, SCENARIOS, Plan, UsageError, venvs
from stacks.catalogue.interpreters import NotFound
from stacks.lifecycle.records import (
    CAMPAIGN_FILE,
    RESULTS,
    RUN_FILE,
    SCHEMA,
    RecordError,
    point_to,
    read_json,
    write_json,
)
from stacks.observe import host
from stacks.run import supervisor
from stacks.run.run import LIMIT_S, START_LIMIT_S
from stacks.run.run_directory import plan_run
from stacks.run.run_process import Active

MATRIX, SEARCH = "matrix", "bisect"
LOCK_FILE = ".lock"
ASIDE = "interrupted"  # runs of a campaign that was taken up again, without a verdict
POLL_S = 0.03
# Stacks that settle or are being stopped hardly use the machine, so the next run gets ready meanwhile - but not beside
# a crowd, and its load begins only when the one before has its verdict.
MOST_STOPPING = 2
INTERRUPT_LIMIT_S = 15.0


class View(Protocol):
    """What shows a campaign to a person."""

    def update(self, campaign: Campaign) -> None:
        """Something changed, or some time passed."""

    def finished(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """The run of cell `index` has its verdict."""


Environment = tuple[str, tuple[str, ...]]  # a version's id, and what must be beside it


def environment(cell: Cell) -> Environment:
    """What tells the virtual environment of `cell`."""
    return cell.version.id, cell.stack.packages


def numbers(plan: Plan, asked: Asked) -> dict[str, Any]:
    """What two campaigns must share, beside their cells, to be one."""
    shared = {name: value for name, value in asdict(plan).items() if name not in ("cells", "matrix")}
    return shared | {"options": asked.options, "app": asked.app, "rate": asked.rate}


def hold(directory: Path) -> int:
    """Keep others from taking up the campaign in `directory` until this process ends. Raises UsageError if one has."""
    handle = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise UsageError(f"somebody is at work in {directory}: wait for them, or end them.") from None
    return handle


@dataclass
class Campaign:
    """A seeded plan of interleaved runs and what has become of them."""

    plan: Plan
    asked: Asked
    cells: list[Cell]
    scenario: Path
    patient: bool = False
    kind: str = "loadtest"
    resumed: Path | None = None  # the directory of the same plan that was interrupted
    external: int = 0  # the process of somebody else's Locust, which sends the load and talks to the run on our stdin
    results: Path = RESULTS
    directory: Path = field(init=False)
    not_tested: dict[int, str] = field(default_factory=dict)
    runs: list[tuple[int, int]] = field(default_factory=list)  # (cell index, trial), in order
    done: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    active: list[Active] = field(default_factory=list)
    stood: int = 0  # of `done`: runs that stood already when it was taken up again
    began: float = field(default_factory=time.monotonic)
    _venvs: dict[Environment, venvs.Venv] = field(default_factory=dict)
    status: str = "running"
    more: dict[str, Any] = field(default_factory=dict)  # what else campaign.json says
    patient_runs: frozenset[tuple[int, int]] = frozenset()  # (cell index, trial) whose stop is waited for
    _lock: int = -1

    def prepare(self, note: Callable[[int, int], None] = lambda done, of: None) -> None:
        """Make the venvs that can be made; what cannot be tested is noted, not fatal. `note` hears how far it is."""
        found: dict[Environment, venvs.Venv | str] = {}
        wanted = {environment(cell): cell.version for cell in self.cells}
        for number, (name, version) in enumerate(wanted.items(), start=1):
            note(number, len(wanted))
            try:
                found[name] = venvs.ensure(version.python, version.package, version.pin, name[1])
            except (NotFound, venvs.VenvError) as error:
                found[name] = str(error)
        for index, cell in enumerate(self.cells):
            made = found[environment(cell)]
            if isinstance(made, str):
                self.not_tested[index] = made
            elif objection := cell.stack.objection(cell.version):
                self.not_tested[index] = objection
            else:
                self._venvs[environment(cell)] = made
        runs = order(self.cells, self.plan.trials, self.plan.seed)
        self.runs = [(index, trial) for index, trial in runs if index not in self.not_tested]
        self.directory = self.resumed or self._new_directory()
        self._lock = hold(self.directory)
        point_to(self.directory)
        if self.resumed is not None:
            self._take_up()
        self._write()

    def untested_versions(self) -> dict[str, str]:
        """Why a version is not tested, by its id."""
        return {self.cells[index].version.id: why for index, why in self.not_tested.items()}

    def _take_up(self) -> None:
        """Keep the runs that have their verdict; the others are moved aside, whole, and made again."""
        for index, trial in list(self.runs):
            directory = self.directory / self.run_id(index, trial)
            if not directory.is_dir():
                continue
            try:
                record = read_json(directory / RUN_FILE)
            except RecordError:
                record = {"status": "damaged"}
            if record["status"] == "done":
                self.done.append((index, record))
                self.runs.remove((index, trial))
            else:
                aside = self.directory / ASIDE
                aside.mkdir(exist_ok=True)
                directory.rename(aside / f"{directory.name}-{time.time_ns()}")
        self.stood = len(self.done)

    def _new_directory(self) -> Path:
        self.results.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
        for number in range(1, 1000):
            directory = self.results / (stamp if number == 1 else f"{stamp}-{number}")
            try:
                directory.mkdir()
            except FileExistsError:
                continue
            return directory
        raise RecordError(f"{self.results}: has a thousand campaigns of this second")

    def run_id(self, index: int, trial: int) -> str:
        cell = self.cells[index]
        return f"{cell.name}-{trial}"

    def _scenario(self, cell: Cell) -> Path:
        """The cell's own, else the one asked for, else the stack's, else the plan's."""
        if cell.scenario is not None:
            return cell.scenario
        own = cell.stack.scenario if self.asked.scenario is None else None
        return SCENARIOS / f"{own}.py" if own else self.scenario

    def _write(self) -> None:
        cells = [
            {
                "stack": cell.stack.name,
                "variant": cell.variant,
                "what": cell.stack.what,
                "app": cell.stack.app,
                "version": cell.version.id,
                "python": cell.version.python,
                "package": cell.version.package,
                "pin": cell.version.pin,
                "expected": cell.expected,
                "causes": [
                    {"what": cause.what, "remedy": cause.remedy, "upstream": cause.upstream} for cause in cell.causes
                ],
                "not_tested_because": self.not_tested.get(index),
                "runs": []
                if index in self.not_tested
                else [self.run_id(index, trial) for trial in range(1, (cell.trials or self.plan.trials) + 1)],
            }
            for index, cell in enumerate(self.cells)
        ]
        write_json(
            self.directory / CAMPAIGN_FILE,
            {
                "schema": SCHEMA,
                "campaign": self.directory.name,
                "kind": self.kind,
                "status": self.status,
                "plan": numbers(self.plan, self.asked),
                "seed": self.plan.seed,
                "trials": self.plan.trials,
                "scenario": self.plan.scenario,
                "command": shlex.join(["python", "-m", "stacks", *sys.argv[1:]]),
                "host": host.host(),
                "git": host.git(ROOT),
                "clock": host.clock(),
                "cells": cells,
            }
            | self.more,
        )

    def _start(self, number: int) -> Active:
        """Plan run `number` in its directory and start it."""
        index, trial = self.runs[number]
        cell = self.cells[index]
        venv = self._venvs[environment(cell)]
        planned = run_plan(self.plan, self.asked, cell.stack) | dict(cell.own)
        scenario = self._scenario(cell)
        directory = self.directory / self.run_id(index, trial)
        directory.mkdir()
        plan_run(
            directory,
            planned
            | {
                "start_limit_s": START_LIMIT_S,
                "limit_s": LIMIT_S + (0 if self.external else planned["duration_s"]),
                "patient": self.patient or (index, trial) in self.patient_runs,
                "external": self.external,
                "gated": True,
            },
            {
                "uwsgi": venv.uwsgi,
                "python": venv.python,
                # What a reload executes: pyuwsgi is a module of its Python.
                "binary": venv.python if cell.version.package == "pyuwsgi" else venv.uwsgi,
                "ini": cell.stack.path,
                "app": APPS / cell.stack.app,
                "scenario": scenario,
            },
            campaign=self.directory.name,
            trial=trial,
            order=number + 1,
            stack=cell.stack.name,
            version=cell.version.id,
            python=cell.version.python,
            python_full=venv.python_full,
            package=cell.version.package,
            package_version=venv.package_version,
            app=cell.stack.app,
            scenario=scenario.stem,
            seed=self.plan.seed,
            expected=cell.expected,
            git=host.git(ROOT),
            collectors={},
        )
        with (directory / "run.err").open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "stacks", "run", str(directory)],
                stdin=None if self.external else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=ROOT,
                # of each user of the scenario `open`
                env=os.environ | ({"OPEN_RATE": str(planned["rate"] / planned["users"])} if "rate" in planned else {}),
                start_new_session=True,  # Ctrl-C is for the campaign, which ends its runs in order
            )
        if process.stdout is not None:
            os.set_blocking(process.stdout.fileno(), False)
        return Active(index, directory, process)

    def run(self, view: View) -> int:
        """All runs. Returns 0 when every one of them was measured, otherwise 1."""
        supervisor.become_subreaper()
        self.status = "interrupted"

        def interrupt(_number: int, _frame: object) -> None:
            raise KeyboardInterrupt

        signal.signal(signal.SIGTERM, interrupt)
        signal.signal(signal.SIGHUP, interrupt)
        try:
            for number in range(len(self.runs)):
                while not self._has_room():
                    self._look(view)
                self.active.append(self._start(number))
            while self.active:
                self._look(view)
            self.status = "done"
        except KeyboardInterrupt:
            self._interrupt(view)
        finally:
            supervisor.sweep()
            self._write()
        measured = all(record["status"] == "done" for _, record in self.done)
        untested = self.not_tested and self.kind not in (MATRIX, SEARCH)  # of which some are not to be had
        return 0 if self.status == "done" and measured and not untested else 1

    def leave_out(self, indexes: set[int], why: str) -> None:
        """Cells that turned out not to be needed."""
        self.not_tested |= dict.fromkeys(indexes, why)
        self._write()

    def _has_room(self) -> bool:
        return all(a.load_is_over for a in self.active) and len(self.active) <= MOST_STOPPING

    def _look(self, view: View) -> None:
        time.sleep(POLL_S)
        for active in list(self.active):
            active.listen()
            if active.ended:
                active.listen()
                self.active.remove(active)
                self._note(view, active)
        for active in self.active:
            if active.phase == "waiting" and not active.gone and all(a.is_over for a in self.active if a is not active):
                active.go()
        view.update(self)

    def _note(self, view: View, active: Active) -> None:
        for pipe in (active.process.stdin, active.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        errors = active.directory / "run.err"
        record = read_json(active.directory / RUN_FILE)
        if errors.stat().st_size == 0:
            errors.unlink()
        if record["status"] == "running":  # it ended without a word: killed, or an error of the pack
            why = f"the run itself failed, see {errors}" if errors.exists() else "the run was killed"
            record |= {"status": "failed", "error": why}
            write_json(active.directory / RUN_FILE, record)
        self.done.append((active.index, record))
        view.finished(self, active.index, record)

    def _interrupt(self, view: View) -> None:
        """End the runs under way; what they have recorded stays."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for active in self.active:
            supervisor.kill(active.process.pid, signal.SIGTERM)
        end = time.monotonic() + INTERRUPT_LIMIT_S
        while self.active and time.monotonic() < end:
            self._look(view)
