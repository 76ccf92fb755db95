"""`close`: closes a run on many hosts whose master host has died, by what lies in its results location."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "Close a run on many hosts whose master has died: name what is missing, and judge what is there."
EXAMPLE = "python -m stacks close s3://bucket/results/20250101-120000"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {exit_codes.OK: "nothing is missing"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the run."""
    parser.add_argument("run", metavar="LOCATION/CAMPAIGN", help="the run in its results location")


def main(options: argparse.Namespace) -> int:
    """Write the last run.json of the run once more."""
    from stacks.hosts import closing, part_entries
    from stacks.hosts.location import Location

    location = Location(options.run)
    part_entries.save_damaged(location)
    record = closing.close(location)
    print(closing.describe(location, record))
    return exit_codes.OK if record["status"] == "done" else exit_codes.NOT_MEASURED
