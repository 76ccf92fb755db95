"""The program `uwsgi-respawn-pack` of an installed pack: the commands of `stacks` and `analysis`, and the web UI.

In a wheel the folders of the pack lie below `uwsgi_respawn_pack/`, beside this file, which is its `__main__.py` there.
So nothing of the pack can collide with other packages of names such as `stacks`. The imports of the pack stay as they
are in a clone: the launcher puts its own folder on the path of its own process, and every process that the pack starts
begins in that folder. Results and environments go to the working directory.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent
PLACES = {"PACK_RESULTS": "results", "PACK_VENVS": ".venvs"}  # variable: folder in the working directory
ANALYSIS = ("summary", "report", "demand", "compare", "notebooks")
UI, COMPLETION = "ui", "completion"


def main() -> None:
    """Run the command that the arguments of this process name, and end with its exit code."""
    for variable, folder in PLACES.items():
        os.environ.setdefault(variable, str(Path.cwd() / folder))
    sys.path.insert(0, str(HOME))
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command == UI:
        sys.argv = [f"{Path(sys.argv[0]).name} {UI}", *sys.argv[2:]]
        runpy.run_path(str(HOME / "locustfiles" / "workers_ui"), run_name="__main__")
        return
    if command == COMPLETION:
        add_further_commands()
    package = "analysis" if command in ANALYSIS else "stacks"
    sys.exit(importlib.import_module(f"{package}.__main__").command())


def add_further_commands() -> None:
    """Let the completion know the commands of `analysis`, and the web UI."""
    further = importlib.import_module("stacks.commands.completion").further
    parser = importlib.import_module("analysis.command_line").parser()
    [commands] = (action.choices for action in parser._actions if action.dest == "command")
    further.update({**commands, UI: None})


if __name__ == "__main__":
    main()
