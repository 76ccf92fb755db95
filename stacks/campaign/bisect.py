"""`bisect`: finds the version at which a stack changes between good and bad, by a binary search with real runs."""

from __future__ import annotations

import argparse
from typing import Any

from rich.console import Console

from stacks.campaign.bisect_steps import answer, step, table
from stacks.campaign.campaign import SEARCH, Campaign
from stacks.campaign.plan import make_plan
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.progress import Progress, prepared
from stacks.campaign.runner import carry_out
from stacks.campaign.version_search import UNKNOWN, Search
from stacks.catalogue import Catalogue, UsageError, Version, load
from stacks.lifecycle.rates import respawns_to_rule_out
from stacks.lifecycle.records import SCHEMA, write_json

DEFAULT_STACK, DEFAULT_FIXED = "threads", "3.12"
RULED_OUT = 0.10  # a hang rate that every good step rules out at 95 %: this takes 35 respawns
BISECT_FILE = "bisect.json"


def candidates(catalogue: Catalogue, fixed: str) -> list[Version]:
    """Return the versions to search, oldest first: every pin for a Python `fixed`, or every Python for a pin `fixed`.

    Raises UsageError if `fixed` is neither.
    """
    from packaging.version import Version as Order

    wheels = [version for version in catalogue.versions.values() if version.package == "pyuwsgi"]
    with_python = [version for version in wheels if version.python == fixed]
    with_pin = [version for version in wheels if version.pin == fixed]
    if with_python:
        return sorted(with_python, key=lambda version: Order(version.pin))
    if with_pin:
        return sorted(with_pin, key=lambda version: Order(version.python))
    pythons, pins = (", ".join(dict.fromkeys(getattr(v, name) for v in wheels)) for name in ("python", "pin"))
    raise UsageError(f"VERSION={fixed}: hold a Python ({pythons}) or a pin ({pins}) fixed.")


def main(options: argparse.Namespace) -> int:
    """Search step by step. Returns 0 if a version was judged, otherwise 1. Raises UsageError."""
    catalogue = load()
    plan_options = PlanOptions(
        stack=options.stack or DEFAULT_STACK,
        version=",".join(version.id for version in candidates(catalogue, options.version or DEFAULT_FIXED)),
        trials=1,
        confidence=RULED_OUT if options.confidence is None else options.confidence,
    )
    plan, cells, scenario = make_plan(catalogue, plan_options)
    if len({cell.stack.name for cell in cells}) > 1:
        raise UsageError("STACK: name one stack; a search compares the versions of one stack")
    console = Console(stderr=True)
    campaign = Campaign(plan, plan_options, cells, scenario, kind=SEARCH)
    with prepared(campaign, console):
        tested = [index for index in range(len(cells)) if index not in campaign.not_tested]
        share = plan_options.confidence or RULED_OUT
        respawns = respawns_to_rule_out(share)
        console.print(f"every good step rules out a hang rate above {share:.0%} at 95 % ({respawns} respawns)")
        steps: list[dict[str, Any]] = []

        def judge(position: int) -> str:
            index = tested[position]
            campaign.set_runs([(index, 1)])
            with Progress(console) as progress:
                carry_out(campaign, progress)
            if campaign.status != "done":
                raise KeyboardInterrupt
            steps.append(step(cells[index].version, campaign.done[-1][1]))
            return str(steps[-1]["judgement"])

        search = Search(len(tested), judge)
        try:
            change = search.run()
        except KeyboardInterrupt:
            console.print("interrupted")
            return 1
    not_needed = {index for position, index in enumerate(tested) if position not in search.judged}
    campaign.leave_out(not_needed, "the search did not need it")
    sentence = answer(cells[0].stack.name, [cells[index].version for index in tested], search.judged, change)
    stdout = Console(width=None if console.is_terminal else 200)
    stdout.print(table(steps), "", sentence, highlight=False, soft_wrap=True)
    write_json(campaign.directory / BISECT_FILE, {"schema": SCHEMA, "answer": sentence, "steps": steps})
    print(f"everything recorded is in {campaign.directory}")
    return 0 if set(search.judged.values()) - {UNKNOWN} else 1
