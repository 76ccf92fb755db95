"""`loadtest`: runs stacks under load until their workers recycle, and judges them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stacks.commands import exit_codes
from stacks.commands.plan_arguments import add_plan_arguments, plan_options

HELP = "Run stacks under load until their workers recycle, and give each stack a verdict."
EXAMPLE = "python -m stacks loadtest --stack threads --version 2.0.26,2.0.30.post1 --trials 1"
EXIT_CODES = exit_codes.MEANINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the plan, and how a run stops its stack."""
    add_plan_arguments(parser)
    parser.add_argument(
        "--stop", choices=("wait",), help="`wait` measures how long uWSGI takes to stop after one INT, a minute or more"
    )
    parser.add_argument("--hosts", type=Path, metavar="FILE", help="run on the machines of this file, by ssh")


def main(options: argparse.Namespace) -> int:
    """Run the campaign and print its summary."""
    from stacks import catalogue
    from stacks.campaign.campaign import Campaign
    from stacks.campaign.plan import make_plan
    from stacks.campaign.selection import explain_versions
    from stacks.commands.run_campaign import run_campaign

    if options.hosts:
        from stacks.hosts.fleet_file import read_fleet
        from stacks.hosts.loadtest import loadtest

        return loadtest(read_fleet(options.hosts), plan_options(options))
    wanted, loaded = plan_options(options), catalogue.load()
    planned, cells, scenario = make_plan(loaded, wanted)
    for sentence in explain_versions(wanted.version, loaded):
        print(sentence, file=sys.stderr)
    return run_campaign(Campaign(planned, wanted, cells, scenario, patient=options.stop == "wait"))
