"""`capacity`: measures an app at many sizes for a capacity plan, then writes the plan.

First one busy worker tells what a request takes; the sizes of all other runs follow from that.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import fields, replace

from rich.console import Console

from stacks.campaign.campaign import Campaign
from stacks.campaign.capacity_cells import SATURATE, capacity_cells
from stacks.campaign.capacity_options import CapacityOptions, read_options
from stacks.campaign.capacity_progress import CapacityProgress
from stacks.campaign.plan_options import PlanOptions
from stacks.campaign.progress import prepared
from stacks.campaign.runner import carry_out
from stacks.campaign.service_time import calibrate
from stacks.catalogue import ROOT, load

EXIT_UNEXPECTED = 3
REPORT_OPTIONS = ("demand", "slo_p99", "headroom")  # of `python -m analysis report`
RUN_OVERHEAD_S = 1.5  # start and judgement of a run, without what overlaps with another run


def main(options: argparse.Namespace, console: Console) -> int:
    """Calibrate, measure, report. Returns 0, 1 if a run was not measured, or 3 if a verdict is unexpected.

    Returns 2 before any run if the report could not understand its options.
    """
    code = _run_analysis("demand", _report_arguments(options))  # minutes before the report would find a mistake
    if code:
        return code
    catalogue = load()
    given = {field.name: getattr(options, field.name) for field in fields(CapacityOptions)}
    capacity_options = read_options(catalogue, given)
    plan = replace(catalogue.plan, trials=capacity_options.trials, seed=capacity_options.seed)
    console.print("calibrating: one busy worker", highlight=False)
    service_s = calibrate(catalogue, capacity_options, plan)
    cells = capacity_cells(catalogue, capacity_options, service_s)
    campaign = Campaign(plan, PlanOptions(), cells, catalogue.scenarios[SATURATE], kind="capacity")
    with prepared(campaign, console):
        runs, needed_s = len(campaign.runs), time_needed_s(campaign)
        console.print(f"a request takes {1e3 * service_s:.1f} ms; {runs} runs, about {needed_s:.0f} s", highlight=False)
        with CapacityProgress(console) as progress:
            code = carry_out(campaign, progress)
    if campaign.status != "done":
        console.print(f"interrupted before the last size was measured; the runs are in {campaign.directory}")
        return code
    if any(record["verdict"] not in (campaign.cells[i].expected, "invalid", None) for i, record in campaign.done):
        code = EXIT_UNEXPECTED
    return max(code, _run_analysis("report", [str(campaign.directory), *_report_arguments(options)]))


def _report_arguments(options: argparse.Namespace) -> list[str]:
    values = {name: getattr(options, name) for name in REPORT_OPTIONS}
    return [f"--{name.replace('_', '-')}={value}" for name, value in values.items() if value]


def _run_analysis(command: str, arguments: list[str]) -> int:
    """Run a command of the analysis, which this package never imports, and return its exit code."""
    done = subprocess.run([sys.executable, "-m", "analysis", command, *arguments], cwd=ROOT, check=False)
    return done.returncode


def time_needed_s(campaign: Campaign) -> float:
    """Return about how long the runs take: their windows, and the overhead of each."""
    return sum(float(campaign.cells[index].overrides["duration_s"]) + RUN_OVERHEAD_S for index, _ in campaign.runs)
