"""`bisect`: finds the version at which a stack changes between good and bad."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes
from stacks.console.quantities import share

HELP = "Find the version at which a stack changes between good and bad, by binary search."
EXAMPLE = "python -m stacks bisect --stack threads --version 3.12"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {
    exit_codes.OK: "at least one version was judged",
    exit_codes.NOT_MEASURED: "no version could be judged, or the search was interrupted",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the stack, the part of the version that stays fixed, and the confidence."""
    parser.add_argument("--stack", metavar="NAME", help="a stack from `list` (default: threads)")
    parser.add_argument(
        "--version",
        metavar="FIXED",
        help="a Python, such as 3.12, to search all pins; or a pin, to search all Pythons (default: 3.12)",
    )
    parser.add_argument(
        "--confidence",
        type=share,
        metavar="RATE",
        help="hang rate that every good version rules out at 95 %% confidence (default: 10%%)",
    )


def main(options: argparse.Namespace) -> int:
    """Search, and print every step and the answer."""
    from stacks.campaign import bisect

    return bisect.main(options)
