"""`matrix`: runs stacks at every version, and continues a matrix that was interrupted."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes
from stacks.commands.plan_arguments import add_plan_arguments, plan_options

HELP = "Run stacks at every version, as `loadtest` does. It continues where an earlier matrix was interrupted."
EXAMPLE = "python -m stacks matrix --stack threads,threads-lazy --dry-run"
EXIT_CODES = exit_codes.MEANINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the plan, and the dry run."""
    add_plan_arguments(parser)
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its duration, and run nothing")


def main(options: argparse.Namespace) -> int:
    """Run the matrix and print its summary, or print its plan."""
    from stacks import catalogue
    from stacks.campaign.campaign import MATRIX, Campaign
    from stacks.campaign.dry_run import describe
    from stacks.campaign.matrix import matrix_plan, unfinished
    from stacks.commands.run_campaign import run_campaign

    wanted = plan_options(options)
    planned, cells, scenario = matrix_plan(catalogue.load(), wanted)
    resumed = unfinished(planned, wanted)
    if options.dry_run:
        print(describe(cells, planned.trials, resumed))
        return exit_codes.OK
    return run_campaign(Campaign(planned, wanted, cells, scenario, kind=MATRIX, resumed=resumed))
