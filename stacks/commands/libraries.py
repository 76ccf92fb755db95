"""`libraries`: runs real libraries below a fork, in three modes, and makes a page of what became of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from stacks.commands import exit_codes

HELP = "Run real libraries in preforking, lazy-apps and with the fork hooks. It continues where it was interrupted."
EXAMPLE = "python -m stacks libraries --name apscheduler_background --pin 3.11.3 --version py313-2.0.30.post1"
EXIT_CODES = exit_codes.MEANINGS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which libraries run, how often, and where the page goes."""
    parser.add_argument("--name", metavar="NAMES", help="libraries of stacks/libraries.toml, separated by commas")
    parser.add_argument("--pin", metavar="VERSION", help="another version of the package of one library")
    parser.add_argument("--mode", metavar="MODES", help="preforking, lazy-apps, fork-hooks, separated by commas")
    parser.add_argument("--version", metavar="ID", help="a version id from `list` (default: as in libraries.toml)")
    parser.add_argument("--trials", type=int, metavar="N", help="runs of each library in each mode")
    parser.add_argument("--dry-run", action="store_true", help="print the plan and its duration, and run nothing")
    parser.add_argument(
        "--results", type=Path, action="append", metavar="DIR", help="make the page of this campaign, and run nothing"
    )
    parser.add_argument("--write", action="store_true", help="write the page to stacks/LIBRARIES.md as well")


def main(options: argparse.Namespace) -> int:
    """Run the campaign, print its summary and write its page; or print its plan."""
    from stacks import catalogue
    from stacks.campaign.libraries import campaign, describe
    from stacks.campaign.library_cells import LibraryOptions
    from stacks.campaign.library_report import write_page
    from stacks.catalogue.libraries import load_libraries
    from stacks.commands.run_campaign import run_campaign

    libraries = load_libraries()
    wanted = LibraryOptions(options.name, options.pin, options.mode, options.version, options.trials)
    if options.write and not wanted.is_whole:
        raise catalogue.UsageError("--write: stacks/LIBRARIES.md has every library; leave out the name, pin and mode")
    if options.results:
        print(f"page: {write_page(options.results, libraries, is_for_pack=options.write)}")
        return exit_codes.OK
    planned = campaign(catalogue.load(), libraries, wanted)
    if options.dry_run:
        print(describe(planned))
        return exit_codes.OK
    code = run_campaign(planned)
    if planned.status == "done":
        print(f"page: {write_page([planned.directory], libraries, is_for_pack=options.write)}")
    return code
