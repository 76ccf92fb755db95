"""The command line of `python -m analysis`: the options of each command, with an example and its exit codes."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TypeAlias

from stacks.lifecycle.records import LATEST, RESULTS

DEFAULT_RESULTS = RESULTS / LATEST
COULD_NOT_MEASURE, USAGE, NOT_MET, INTERRUPTED = 1, 2, 3, 130
INSTALLED = "uwsgi-respawn-pack"
PROGRAM = INSTALLED if Path(sys.argv[0]).name == INSTALLED else "python -m analysis"
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def parser() -> argparse.ArgumentParser:
    """The parser of the command line."""
    top = argparse.ArgumentParser(prog=PROGRAM, description="Make tables, pages and plans of results.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    one = _command(
        commands,
        "summary",
        "print the table of a campaign, write summary.json and report.html",
        "summary results/latest",
        "a verdict is not the expected one",
    )
    _add_results(one, "directory of a campaign")
    one = _command(
        commands,
        "report",
        "write a capacity plan: capacity.html, capacity.json, capacity.pdf",
        "report results/latest --demand 400 --slo-p99 200ms --verify",
        "with --verify: the recommendation misses the service level",
    )
    one.add_argument(
        "results",
        nargs="*",
        type=Path,
        default=[DEFAULT_RESULTS],
        metavar="DIR",
        help=f"directories of campaigns, runs, or both (default: {DEFAULT_RESULTS})",
    )
    _add_demand(one)
    _add_output(one, "directory to write to (default: the first of the results)")
    one.add_argument("--mixed-hosts", action="store_true", help="allow runs of different machines in one plan")
    one.add_argument("--verify", action="store_true", help="run the recommended configuration under the demand")
    words = "print the demand that the options of `report` describe, or an error"
    _add_demand(_command(commands, "demand", words, "demand --demand 400"))
    one = _command(
        commands,
        "compare",
        "compare two results, before and after a change",
        "compare results/before results/after --margin 5%",
        "B is worse than A by more than the margin",
    )
    one.add_argument("before", metavar="A", help="directory of a campaign or a check; DIR@VERSION takes one version")
    one.add_argument("after", metavar="B", help="the same, after the change")
    one.add_argument("--margin", default="5%", metavar="SHARE", help="how much worse B may be (default: 5%%)")
    _add_output(one, "directory for compare.json and compare.html (default: that of B)")
    one = _command(
        commands,
        "notebooks",
        "execute the notebooks and write them as HTML and .ipynb",
        "notebooks results/latest --only one_run",
    )
    _add_results(one, "directory of results")
    one.add_argument("--only", metavar="NAME", help="the name of the one notebook to execute")
    return top


def _command(commands: Commands, name: str, words: str, example: str, not_met: str = "") -> argparse.ArgumentParser:
    """Add a command. `not_met` is the meaning of exit code 3, for a command that has it."""
    codes = {
        0: "done",
        COULD_NOT_MEASURE: "something could not be read or measured",
        USAGE: "the command line is wrong",
    }
    codes |= {NOT_MET: not_met} if not_met else {}
    lines = [f"  {code:<3} {meaning}" for code, meaning in codes.items()]
    return commands.add_parser(
        name,
        help=words,
        description=f"{words[0].upper()}{words[1:]}.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join([f"Example:\n  {PROGRAM} {example}\n\nExit codes:", *lines]),
    )


def _add_results(command: argparse.ArgumentParser, words: str) -> None:
    command.add_argument(
        "results",
        nargs="?",
        type=Path,
        default=DEFAULT_RESULTS,
        metavar="DIR",
        help=f"{words} (default: %(default)s)",
    )


def _add_output(command: argparse.ArgumentParser, words: str) -> None:
    command.add_argument("--output", type=Path, metavar="DIR", help=words)


def _add_demand(command: argparse.ArgumentParser) -> None:
    """Declare the options that describe a demand."""
    command.add_argument(
        "--demand", default="400", metavar="RATE", help="expected requests a second at the peak (default: %(default)s)"
    )
    command.add_argument(
        "--slo-p99",
        default="200ms",
        metavar="TIME",
        help="the time within which 99 %% of them are answered (default: %(default)s)",
    )
    command.add_argument(
        "--headroom", default="25%", metavar="SHARE", help="what to leave free above the demand (default: 25%%)"
    )
