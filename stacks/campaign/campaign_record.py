"""The content of campaign.json: the plan of a campaign, its cells, and how far it is."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stacks.campaign.plan_options import PlanOptions
from stacks.catalogue import ROOT, Plan
from stacks.lifecycle.records import SCHEMA
from stacks.observe import host

if TYPE_CHECKING:
    from stacks.campaign.campaign import Campaign


def shared_settings(plan: Plan, options: PlanOptions) -> dict[str, Any]:
    """Return what two campaigns must have in common, beside their cells, so that one can resume the other."""
    numbers = {name: value for name, value in asdict(plan).items() if name not in ("cells", "matrix")}
    return numbers | {"options": options.uwsgi_options, "app": options.app, "rate": options.rate}


def campaign_record(campaign: Campaign) -> dict[str, Any]:
    """Return the content of campaign.json at this moment."""
    plan = campaign.plan
    record = {
        "schema": SCHEMA,
        "campaign": campaign.directory.name,
        "kind": campaign.kind,
        "status": campaign.status,
        "plan": shared_settings(plan, campaign.options),
        "seed": plan.seed,
        "trials": plan.trials,
        "scenario": plan.scenario,
        "command": shlex.join(["python", "-m", "stacks", *sys.argv[1:]]),
        "host": host.host(),
        "git": host.git(ROOT),
        "clock": host.clock(),
        "cells": [_cell_record(campaign, index) for index in range(len(campaign.cells))],
    }
    return record | campaign.extra


def _cell_record(campaign: Campaign, index: int) -> dict[str, Any]:
    cell = campaign.cells[index]
    trials = 0 if index in campaign.not_tested else cell.trials or campaign.plan.trials
    packages = {"packages": list(cell.stack.packages)} if cell.stack.packages else {}
    also_expected = {"also_expected": cell.also_expected} if cell.also_expected else {}
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
        "not_tested_because": campaign.not_tested.get(index),
        "runs": [campaign.run_id(index, trial) for trial in range(1, trials + 1)],
    }
