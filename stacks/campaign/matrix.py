"""`matrix`: stacks at every version as one campaign. A campaign that was interrupted is resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.campaign.campaign import MATRIX
from stacks.campaign.campaign_record import shared_settings
from stacks.campaign.cell import Cell
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.resume import find_unfinished
from stacks.campaign.selection import split_names
from stacks.catalogue import Catalogue, Plan
from stacks.lifecycle.records import RESULTS

ALL = "all"  # as the name of a stack: every stack


def matrix_plan(catalogue: Catalogue, options: PlanOptions) -> tuple[Plan, list[Cell], Path]:
    """Return the plan with every version of each stack, its cells, and the file of the scenario.

    A cell has one run if `options` do not say how many. Raises UsageError.
    """
    if options.stack == ALL:
        options = replace(options, stack=",".join(catalogue.stacks))
    stacks = list(dict.fromkeys([*catalogue.plan.matrix, *split_names(options.stack)]))
    cells = tuple((stack, version) for stack in stacks for version in catalogue.versions)
    return make_plan(replace(catalogue, plan=replace(catalogue.plan, trials=1, cells=cells)), options)


def unfinished(plan: Plan, options: PlanOptions, results: Path = RESULTS) -> Path | None:
    """Return the directory of the newest matrix with the same plan, or None if it is done or there is none."""

    def has_same_cells(cells: list[dict[str, Any]]) -> bool:
        return tuple((cell["stack"], cell["version"]) for cell in cells) == plan.cells

    return find_unfinished(MATRIX, shared_settings(plan, options), has_same_cells, results)
