"""`collect`: copies a run on many hosts from its results location to this machine, as a campaign for the reports."""

from __future__ import annotations

import argparse
from pathlib import Path

from stacks.commands import exit_codes

HELP = "Copy a run on many hosts from its results location to this machine, for the reports."
EXAMPLE = "python -m stacks collect s3://bucket/results/20250101-120000"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {exit_codes.OK: "the run was copied"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the run and the place for the copy."""
    parser.add_argument("run", metavar="LOCATION/CAMPAIGN", help="the run in its results location")
    parser.add_argument("to", nargs="?", type=Path, metavar="DIRECTORY", help="default: the results directory")


def main(options: argparse.Namespace) -> int:
    """Copy the run, and print the directory of the campaign."""
    from stacks.hosts.collecting import collect
    from stacks.hosts.location import Location
    from stacks.lifecycle.records import RESULTS

    print(collect(Location(options.run), options.to or RESULTS))
    return exit_codes.OK
