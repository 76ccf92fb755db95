"""The plan of a campaign and of each of its runs: the default plan, narrowed and changed by the command line."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.campaign.cell import Cell
from stacks.campaign.plan_options import PlanOptions, app_path
from stacks.campaign.selection import select_pairs, select_scenario, select_stacks, select_versions
from stacks.catalogue import Catalogue, Plan, Stack, UsageError
from stacks.lifecycle.rates import respawns_to_rule_out


def make_plan(catalogue: Catalogue, options: PlanOptions) -> tuple[Plan, list[Cell], Path]:
    """Return the plan, its cells and the file of the scenario. Raises UsageError with every mistake at once."""
    errors = options.number_errors()
    plan = replace(catalogue.plan, **options.plan_numbers)
    if options.confidence is not None:
        if 0 < options.confidence < 1:
            respawns = respawns_to_rule_out(options.confidence)
            plan = replace(plan, respawns=math.ceil(respawns / max(1, plan.trials)))
        else:
            errors.append(f"CONFIDENCE: {options.confidence:%} is not between 0 % and 100 %")
    scenario = select_scenario(options.scenario or plan.scenario, catalogue, errors)
    app = app_path(options, errors)
    stacks = select_stacks(options.stack, catalogue, errors)
    versions = select_versions(options.version, catalogue, errors)
    if errors:
        raise UsageError("\n".join(errors))
    pairs = select_pairs(plan.cells, stacks, versions)
    cells = [_cell(catalogue, *pair, options.threads or 0) for pair in pairs]
    if app:
        cells = [replace(cell, stack=replace(cell.stack, app=app)) for cell in cells]
    return replace(plan, scenario=scenario.stem, cells=tuple(pairs)), cells, scenario


def _cell(catalogue: Catalogue, stack_name: str, version_id: str, threads: int) -> Cell:
    stack, version = catalogue.stacks[stack_name], catalogue.versions[version_id]
    # Threads of the command line bring the defects of threads to every stack.
    meets = stack.meets + ("thread-state",) * (threads >= 1) + ("exit-stall",) * (threads > 1)
    with_threads = replace(stack, meets=meets)
    expected, causes = catalogue.expected(with_threads, version), catalogue.causes(with_threads, version)
    return Cell(stack, version, expected, causes=causes)


def run_plan(plan: Plan, options: PlanOptions, stack: Stack) -> dict[str, Any]:
    """Return the numbers of one run, in the form of run.json's `plan`.

    A number comes from the command line; if it has none, from the stack; if that has none, from the plan.
    """
    numbers = {
        "users": options.users or stack.users or plan.users,
        "duration_s": options.duration_s or stack.duration_s or plan.duration_s,
        "workers": options.workers or stack.workers or plan.workers,
        "max_requests": options.max_requests or stack.max_requests or plan.max_requests,
        "options": options.uwsgi_options,
        "respawns": plan.respawns if options.confidence else _stack_respawns(options, stack) or plan.respawns,
        "initial": stack.initial,
        "trigger": str(stack.trigger) if stack.trigger else None,
        "files": [str(stack.path.parent / name) for name in stack.files],
    }
    return numbers | ({} if options.rate is None else {"rate": options.rate})


def _stack_respawns(options: PlanOptions, stack: Stack) -> int | None:
    """Return how many respawns the stack wants. With fewer workers a trigger makes fewer of them."""
    if not (stack.trigger and stack.respawns and stack.workers and options.workers):
        return stack.respawns
    return max(1, stack.respawns * min(options.workers, stack.workers) // stack.workers)
