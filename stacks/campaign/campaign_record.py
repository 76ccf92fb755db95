"""The content of campaign.json: the plan of a campaign, its cells, and how far it is."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import Any

from stacks.campaign.cell import Cell
from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import ROOT, Plan
from stacks.lifecycle.records import SCHEMA
from stacks.observe import host

NOT_SHARED = ("cells", "matrix", "lanes", "alone")  # of the plan: they are not the same numbers for every run


def shared_settings(plan: Plan, options: PlanOptions) -> dict[str, Any]:
    """Return what two campaigns must have in common, beside their cells, so that one can resume the other."""
    numbers = {name: value for name, value in asdict(plan).items() if name not in NOT_SHARED}
    return numbers | {"options": options.uwsgi_options, "app": options.app, "rate": options.rate}


def campaign_record(
    name: str, kind: str, status: str, plan: Plan, options: PlanOptions, cells: list[dict[str, Any]]
) -> dict[str, Any]:
    """Return the content of campaign.json at this moment. `cells` has a `cell_record` for each cell."""
    return {
        "schema": SCHEMA,
        "campaign": name,
        "kind": kind,
        "status": status,
        "plan": shared_settings(plan, options),
        "seed": plan.seed,
        "trials": plan.trials,
        "scenario": plan.scenario,
        "command": shlex.join(["python", "-m", "stacks", *sys.argv[1:]]),
        "host": host.host(),
        "git": host.git(ROOT),
        "clock": host.clock(),
        "cells": cells,
    }


def cell_record(cell: Cell, run_ids: list[str], not_tested_because: str | None) -> dict[str, Any]:
    """Return what campaign.json says of one cell; a cell that is not tested has no runs."""
    packages = {"packages": list(cell.stack.packages)} if cell.stack.packages else {}
    also_expected = {"also_expected": list(cell.also_expected)} if cell.also_expected else {}
    return {
        "stack": cell.stack.name,
        "variant": cell.variant,
        "what": cell.stack.what,
        "app": cell.stack.app,
        "version": cell.version.id,
        "python": cell.version.python,
        "package": cell.version.package,
        "pin": cell.version.pin,
        **packages,
        "expected": cell.expected,
        **also_expected,
        "causes": [{"what": cause.what, "remedy": cause.remedy, "upstream": cause.upstream} for cause in cell.causes],
        "not_tested_because": not_tested_because,
        "runs": run_ids,
    }
