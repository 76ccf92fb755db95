"""`claims`: tests statements that are published about the bug."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "Test what public articles say about the bug. The statements are in stacks/claims.toml."
EXAMPLE = "python -m stacks claims --trials 1"
EXIT_CODES = exit_codes.MEANINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the number of runs."""
    parser.add_argument("--trials", type=int, metavar="N", help="runs of each cell (default: as in stacks/claims.toml)")


def main(options: argparse.Namespace) -> int:
    """Run every cell that a statement needs, and print which statements hold."""
    from stacks import catalogue
    from stacks.campaign.claims import campaign
    from stacks.commands.run_campaign import run_campaign

    return run_campaign(campaign(catalogue.load(), options.trials))
