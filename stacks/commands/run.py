"""`run`: executes one planned run. A campaign starts this command once for each of its runs."""

from __future__ import annotations

import argparse
from pathlib import Path

from stacks.commands import exit_codes

HELP = "Execute the run that a campaign has planned in DIRECTORY. Campaigns call this command."
EXAMPLE = "python -m stacks run results/20250101-120000/threads@py312-2.0.26-1"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {exit_codes.OK: "the run was measured"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the directory."""
    parser.add_argument("directory", type=Path, metavar="DIRECTORY", help="directory with the run.json of the plan")
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="end when this parent process has ended")


def main(options: argparse.Namespace) -> int:
    """Execute the run, against a stack of the pack or against a uWSGI that is running already."""
    try:
        from stacks.run import run

        return run.main(options.directory, options.parent)
    except KeyboardInterrupt:  # a signal has come before the observer was there, which would record it
        from stacks.console import interrupts
        from stacks.run import run_end

        interrupts.ignore()
        run_end.record_killed_observer(options.directory, "interrupted before its verdict")
        raise
