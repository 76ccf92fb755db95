"""`page`: makes the catalogue of stacks as Markdown."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "Print the catalogue of the stacks, and the known defects of each, as Markdown."
EXAMPLE = "python -m stacks page --write"
EXIT_CODES = {
    exit_codes.OK: "the page is printed or written",
    exit_codes.NOT_MEASURED: "a file could not be read or written",
    exit_codes.USAGE: "the command line or a file of the catalogue is wrong",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the page goes."""
    parser.add_argument("--write", action="store_true", help="write stacks/README.md instead of printing the page")


def main(options: argparse.Namespace) -> int:
    """Print the page, or write it."""
    from stacks import catalogue
    from stacks.catalogue import readme

    text = readme.page(catalogue.load())
    if options.write:
        readme.PAGE.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return exit_codes.OK
