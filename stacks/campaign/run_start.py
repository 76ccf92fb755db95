"""Starts one run of a campaign: writes its plan into a directory of its own, and starts its process there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from stacks.campaign.campaign import Campaign
from stacks.campaign.cell import Cell
from stacks.campaign.environments import environment
from stacks.campaign.plan import run_plan
from stacks.catalogue import APPS, ROOT, SCENARIOS
from stacks.observe import host
from stacks.run.run_directory import OVERTIME_LIMIT_S, START_LIMIT_S, write_plan
from stacks.run.run_process import RunProcess


def start_run(campaign: Campaign, number: int) -> RunProcess:
    """Start the run at place `number` of the campaign's order, counted from 0."""
    index, trial = campaign.runs[number]
    cell = campaign.cells[index]
    venv = campaign.venvs[environment(cell)]
    scenario = _scenario(campaign, cell)
    plan = _plan(campaign, cell, trial)
    directory = campaign.directory / campaign.run_id(index, trial)
    directory.mkdir()
    write_plan(
        directory,
        plan,
        {
            "uwsgi": venv.uwsgi,
            "python": venv.python,
            # What a reload executes: pyuwsgi is a module of its Python.
            "binary": venv.python if cell.version.package == "pyuwsgi" else venv.uwsgi,
            "ini": cell.stack.path,
            "app": APPS / cell.stack.app,
            "scenario": scenario,
        },
        campaign=campaign.directory.name,
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
        seed=campaign.plan.seed,
        expected=cell.expected,
        git=host.git(ROOT),
        collectors={},
    )
    rate = {"OPEN_RATE": str(plan["rate"] / plan["users"])} if "rate" in plan else {}  # of each user of `open`
    return RunProcess.start(
        index, directory, os.environ | rate, campaign.servers, inherits_stdin=bool(campaign.external)
    )


def _plan(campaign: Campaign, cell: Cell, trial: int) -> dict[str, Any]:
    plan = run_plan(campaign.plan, campaign.options, cell.stack) | {"start_limit_s": START_LIMIT_S, **cell.overrides}
    return plan | {
        "limit_s": OVERTIME_LIMIT_S + (0 if campaign.external else plan["duration_s"]),
        "patient": campaign.patient or trial <= cell.patient_trials,
        "external": campaign.external,
        **({"address": campaign.address} if campaign.address else {}),
        "gated": True,
    }


def _scenario(campaign: Campaign, cell: Cell) -> Path:
    """Return the cell's own scenario, else that of the command line, else the stack's, else the plan's."""
    if cell.scenario is not None:
        return cell.scenario
    if cell.stack.scenario and campaign.options.scenario is None:
        return SCENARIOS / f"{cell.stack.scenario}.py"
    return campaign.scenario
