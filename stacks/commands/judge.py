"""`judge`: tests one uWSGI binary for `git bisect run`, and answers with git's exit codes."""

from __future__ import annotations

import argparse

from stacks.commands import exit_codes

HELP = "Run a stack once with one uWSGI binary, and answer in the exit codes of `git bisect run`."
EXAMPLE = "git bisect run sh -c 'make && python -m stacks judge --uwsgi ./uwsgi'"
# git-bisect(1), "Bisect run": 125 skips a commit, and every other code from 1 to 127 means bad.
EXIT_CODES = {0: "good", 1: "bad", 2: "the command line is wrong; git takes this as bad", 125: "cannot tell"}
EXIT_CODES[exit_codes.INTERRUPTED] = "interrupted; git ends the search"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the binary and the stack."""
    parser.add_argument("--uwsgi", required=True, metavar="PATH", help="binary that was just built")
    parser.add_argument("--stack", default="threads", metavar="NAME", help="a stack from `list` (default: %(default)s)")


def main(options: argparse.Namespace) -> int:
    """Run the stack once, and print the judgement."""
    from stacks.campaign import judge

    return judge.main(options)
