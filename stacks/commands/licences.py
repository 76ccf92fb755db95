"""`licences`: lists the licences of the pack and of the packages that it is installed with."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "List the licences of the installed packages, and say which of them a person should look at."
EXAMPLE = "python -m stacks licences"
EXIT_CODES = exit_codes.MEANINGS | {
    exit_codes.OK: "every licence allows commercial use",
    exit_codes.UNEXPECTED: "a licence is unknown, or not one of those that allow it",
}
PACK = "The pack itself: MIT (the file LICENSE)."
MEASURED = "It calls, and does not contain: uWSGI (GPL-2.0 with a linking exception), eu-stack, gdb, nginx, browsers."


def add_arguments(_parser: argparse.ArgumentParser) -> None:
    """Declare nothing."""


def main(_options: argparse.Namespace) -> int:
    """Print a line for each package, and what is to be looked at."""
    from stacks.catalogue import licences

    found = licences.installed()
    width = max((len(f"{one.package} {one.version}") for one in found), default=0)
    for one in found:
        print(f"{f'{one.package} {one.version}':<{width}}  {one.text}{'' if one.is_usable else '   <- look at it'}")
    bad = [one.package for one in found if not one.is_usable]
    print(f"\n{PACK}\n{MEASURED}")
    print(
        f"{len(found)} packages; " + (f"look at: {', '.join(bad)}" if bad else "every licence allows commercial use.")
    )
    return exit_codes.UNEXPECTED if bad else exit_codes.OK
