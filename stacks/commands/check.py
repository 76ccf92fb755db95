"""`check`: checks a user's own uWSGI: its configuration, its binary and its app."""

from __future__ import annotations

import argparse
from pathlib import Path

from stacks.commands import exit_codes
from stacks.commands.check_outputs import add_output_arguments

HELP = "Check your own uWSGI: do its workers come back, and what should you change?"
EXAMPLE = "python -m stacks check --ini /etc/uwsgi/app.ini --uwsgi /srv/app/venv/bin/uwsgi --chdir /srv/app"
EXIT_CODES = exit_codes.MEANINGS | {
    exit_codes.OK: "the workers come back",
    exit_codes.NOT_MEASURED: "the stack could not be measured",
    exit_codes.UNEXPECTED: "workers do not come back, or a limit is exceeded",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the configuration, what it does not contain, and the files to write."""
    parser.add_argument("--ini", metavar="FILE", help="configuration: ini, yaml, json or xml, if needed with :section")
    parser.add_argument("--uwsgi", metavar="PATH", help="uWSGI binary, such as venv/bin/uwsgi (default: that on PATH)")
    parser.add_argument(
        "--app",
        metavar="MODULE:CALLABLE",
        help="instead of the app in the configuration: module:callable, or file.py:callable relative to --chdir",
    )
    parser.add_argument(
        "--chdir", type=Path, metavar="DIR", help="where uWSGI starts (default: the directory of the configuration)"
    )
    parser.add_argument("--url", default="/", metavar="PATH", help="page to request (default: %(default)s)")
    parser.add_argument("--args", default="", metavar="OPTIONS", help="further uWSGI options, as on its command line")
    parser.add_argument(
        "--ways",
        default="all",
        metavar="NAMES",
        help="ways out and back to take, separated by commas: a name, a kind (recycle, reload, death, stop), or all "
        "(default: %(default)s)",
    )
    parser.add_argument("--slow-url", metavar="PATH", help="page that takes longer than 2 s, for the way harakiri")
    parser.add_argument("--deep", action="store_true", help="take each way as often as rules out a hang rate of 5 %%")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write a JUnit report to this file; - is stdout")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result to this file; - is stdout")
    parser.add_argument(
        "--start-limit",
        type=float,
        default=60.0,
        metavar="SECONDS",
        help="time that the app may take to start (default: %(default)g)",
    )
    add_output_arguments(parser)


def main(options: argparse.Namespace) -> int:
    """Check the stack, and print the result and the advice."""
    from stacks.check import check

    return check.main(options)
