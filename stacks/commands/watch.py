"""`watch`: watches a production uWSGI without touching it, and says which workers hang."""

from __future__ import annotations

import argparse
from pathlib import Path

from stacks.commands import exit_codes
from stacks.commands.watch_companions import add_companion_options

HELP = "Watch a uWSGI that runs: what its workers do, how they come back, and which of them hang."
EXAMPLE = "python -m stacks watch --pidfile /run/uwsgi/app.pid --once"
EXIT_CODES = {
    exit_codes.OK: "nothing hangs",
    exit_codes.NOT_MEASURED: "there is nothing that could be watched",
    exit_codes.USAGE: "the command line is wrong",
    exit_codes.UNEXPECTED: "a worker or a master hangs",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare which masters to watch, and the form of the output."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--pid", type=pid, metavar="PID", help="a master, or an emperor (then its vassals)")
    which.add_argument("--ini", type=Path, metavar="FILE", help="every master that was started with this file")
    which.add_argument("--pidfile", type=Path, metavar="FILE", help="the master whose pid is in this file")
    which.add_argument("--all", action="store_true", help="every master on this host")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--once", action="store_true", help="print a table of the workers, and end")
    form.add_argument("--json", action="store_true", help="print one line of JSON for each change")
    form.add_argument(
        "--nagios", action="store_true", help="print one line and end with an exit code of Nagios plugins"
    )
    add_companion_options(parser)


def pid(text: str) -> int:
    """Parse a pid. Raises ArgumentTypeError."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 31:
        raise argparse.ArgumentTypeError(f"{text!r} is not a pid; name the uWSGI master")
    return int(text)


def main(options: argparse.Namespace) -> int:
    """Watch until the user or the masters end."""
    from stacks.watch import command

    return command.main(options)
