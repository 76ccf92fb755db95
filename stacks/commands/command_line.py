"""Parses the command line, runs the command that it names, and turns errors into exit codes.

It imports only the file of the command that is named: `run` starts once for each run of a campaign, so every
import delays a campaign many times.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast

from stacks.commands import exit_codes

VERSION = "0.1.0"  # as in pyproject.toml; a test compares them
INSTALLED = "uwsgi-respawn-pack"
PROGRAM = INSTALLED if Path(sys.argv[0]).name == INSTALLED else "python -m stacks"
# Other processes of the pack call these commands. They are not in the list of `-h`, but each has its own help.
INTERNAL = ("page", "run", "serve")
# The installed program has the commands of `analysis` and the web UI as well; the launcher starts them.
FURTHER = "Also: summary, report, demand, compare, notebooks (of results; they need the extra `analysis`), ui.\n"


class Command(Protocol):
    """The contents of a file that is a command."""

    HELP: str  # what the command does, in one sentence
    EXAMPLE: str  # one command line that works
    EXIT_CODES: Mapping[int, str]  # each exit code and its meaning

    @staticmethod
    def add_arguments(parser: argparse.ArgumentParser) -> None:
        """Declare the options of the command."""

    @staticmethod
    def main(options: argparse.Namespace) -> int:
        """Run the command and return its exit code."""


# Options whose value is a command line of uWSGI, which begins with `--` itself. argparse takes such a value only after
# `=`, so `--args --lazy-apps` becomes `--args=--lazy-apps` first.
TAKES_OPTIONS = ("--args",)


class Parser(argparse.ArgumentParser):
    """Reports an error in one line. The usage text is left to `--help`."""

    def error(self, message: str) -> NoReturn:
        """Print the message and exit with code 2, as argparse does, but without the usage text."""
        self.exit(exit_codes.USAGE, f"{self.prog}: {message}\n")


def join_values(arguments: Sequence[str]) -> list[str]:
    """Return the arguments in which each option of TAKES_OPTIONS and its value are one word."""
    joined: list[str] = []
    words = iter(arguments)
    for word in words:
        value = next(words, None) if word in TAKES_OPTIONS else None
        joined.append(word if value is None else f"{word}={value}")
    return joined


def load(name: str) -> Command:
    """Import the command of this name, a file of this folder."""
    return cast(Command, import_module(f"stacks.commands.{name}"))


def parser(names: Sequence[str], program: str = PROGRAM) -> Parser:
    """Return a parser that knows these commands."""
    further = FURTHER if program == INSTALLED else ""
    top = Parser(
        prog=program,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Run uWSGI stacks under load until their workers recycle, and say whether the workers come back.",
        epilog=f"{further}{program} COMMAND -h shows the options of a command.\n\n{describe(exit_codes.MEANINGS)}",
    )
    top.add_argument("--version", action="version", version=f"uwsgi-respawn-pack {VERSION}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in names:
        command = load(name)
        example = command.EXAMPLE.replace("python -m stacks", program)
        one = commands.add_parser(
            name,
            **cast(Any, {} if name in INTERNAL else {"help": command.HELP}),
            description=command.HELP,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"Example:\n  {example}\n\n{describe(command.EXIT_CODES)}",
        )
        command.add_arguments(one)
    return top


def describe(meanings: Mapping[int, str]) -> str:
    """Return the exit codes as lines of a help text."""
    return "\n".join(["Exit codes:", *(f"  {code:<3} {meaning}" for code, meaning in meanings.items())])


def run(names: Sequence[str], arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name, one of `names`. Return its exit code."""
    first = arguments[0] if arguments else ""
    try:
        options = parser([first] if first in names else names).parse_args(join_values(arguments))
        options.names = names
        return load(options.command).main(options)
    except KeyboardInterrupt:
        return interrupted()
    except Exception as error:
        return report(error)


def interrupted() -> int:
    """Say that a signal has ended the command, and return the exit code."""
    print("interrupted", file=sys.stderr)
    return exit_codes.INTERRUPTED


def report(error: Exception) -> int:
    """Print an error for the user, and return the exit code. An unexpected one is a fault of the pack."""
    from stacks.console import interrupts
    from stacks.lifecycle import disk_room, pack_fault

    code = code_of(error)
    if code is None:
        if interrupts.have_come():
            return interrupted()
        print(pack_fault.report(error), file=sys.stderr)
        return exit_codes.NOT_MEASURED
    if isinstance(error, OSError) and isinstance(error.filename, str) and disk_room.is_about_writing(error):
        print(disk_room.cannot_write(error, Path(error.filename)), file=sys.stderr)
    else:
        print(error, file=sys.stderr)
    return code


def code_of(error: Exception) -> int | None:
    """Return the exit code for an error whose text tells the user enough. Return None for a defect of the pack."""
    from stacks.catalogue import UsageError
    from stacks.lifecycle.records import RecordError

    if isinstance(error, UsageError):
        return exit_codes.USAGE
    return exit_codes.NOT_MEASURED if isinstance(error, RecordError | OSError) else None
