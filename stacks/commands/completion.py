"""`completion`: prints the completion of the commands and options of `uwsgi-respawn-pack` for a shell."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TypeAlias, cast

from stacks.commands import exit_codes

HELP = "Print the completion of uwsgi-respawn-pack for a shell."
EXAMPLE = "python -m stacks completion bash"
EXIT_CODES = exit_codes.WITHOUT_EXPECTATION | {exit_codes.OK: "printed"}
Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
Choices = Mapping[str, argparse.ArgumentParser]
SHELLS = ("bash", "zsh", "fish", "tcsh")
# Further commands of the installed program, by name: a parser, or None for a command without options. The launcher adds
# them, because `stacks` does not import `analysis`.
further: dict[str, argparse.ArgumentParser | None] = {}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the shell."""
    parser.add_argument("shell", choices=SHELLS, help='in its start file: eval "$(uwsgi-respawn-pack completion bash)"')


def main(options: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    from stacks.commands.command_line import INSTALLED, INTERNAL, parser

    whole = parser([name for name in options.names if name not in INTERNAL], INSTALLED)
    [subparsers] = (action for action in whole._actions if action.dest == "command")
    for name, one in further.items():
        help_, parents = (one.description or name, [one]) if one else (name, [])  # a command without help is left out
        cast("Subparsers", subparsers).add_parser(name, help=help_, parents=parents, add_help=not parents)
    commands = cast(Choices, subparsers.choices)
    for action in (action for name in commands for action in commands[name]._actions):
        if kind := {"FILE": shtab.FILE, "PATH": shtab.FILE, "DIR": shtab.DIRECTORY}.get(str(action.metavar)):
            action.complete = kind  # type: ignore[attr-defined]  # shtab reads it
    print(shtab.complete(whole, options.shell))
    return exit_codes.OK
