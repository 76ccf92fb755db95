"""`python -m stacks COMMAND`: the table of the commands.

A new command is one file in `stacks/commands/` and one line of this table.
"""

# Ctrl-C during the imports below ends the process without a traceback. The import of `signal` takes 10 ms, because it
# imports enum; `_signal` is built into Python.
import _signal as signals  # type: ignore[import-not-found]

if __name__ == "__main__" and signals.getsignal(signals.SIGINT) is signals.default_int_handler:
    signals.signal(signals.SIGINT, signals.SIG_DFL)

import sys

from stacks.commands import command_line
from stacks.console import absent_packages, interrupts
from stacks.console.closed_output import flush_output, forgive_closed_output

COMMANDS = (
    "loadtest",
    "matrix",
    "bisect",
    "claims",
    "libraries",
    "check",
    "watch",
    "observe",
    "close",
    "collect",
    "capacity",
    "list",
    "licences",
    "completion",
    "page",
    "judge",  # for `git bisect run`
    "serve",  # for the web UI
    "run",  # for campaigns
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command that `arguments`, or the arguments of this process, name. Return its exit code."""
    return command_line.run(COMMANDS, sys.argv[1:] if arguments is None else arguments)


def command() -> int:
    """Run the command of this process, as `main` does, with the streams and the signals of a whole process."""
    absent_packages.hide("numpy", "pandas")  # no command of this table needs them
    forgive_closed_output()
    interrupts.catch()  # SIGTERM and SIGHUP too: a command that is interrupted ends the commands that it has started
    return flush_output(main())


if __name__ == "__main__":
    sys.exit(command())
