"""`serve --url`: one run with a uWSGI that the user has started, under the load of the web UI.

The run watches its workers if the user names the master (--pid). It neither signals nor stops the uWSGI.
"""

from __future__ import annotations

import argparse
import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stacks.campaign.ui_lines import JUDGEMENT_KEYS, print_line
from stacks.catalogue import ROOT, UsageError, load
from stacks.observe import host, proc
from stacks.run import run_command, run_directory
from stacks.run.run_directory import OVERTIME_LIMIT_S, START_LIMIT_S

DEFAULT_PORTS = {"http": 80, "https": 443}


def attach(options: argparse.Namespace, longest_s: float) -> Path:
    """Execute the run until the user stops the load, `longest_s` at most. Returns the directory of the run.

    Raises UsageError and OSError.
    """
    port = _port(options.url)
    if options.pid and not proc.is_alive(options.pid):
        raise UsageError(f"there is no process {options.pid}: name the uWSGI master that runs now")
    catalogue = load()
    directory = run_directory.make_directory("attached")
    directory.chmod(0o755)
    plan = {"users": options.users, "duration_s": longest_s, "workers": 0, "respawns": catalogue.plan.respawns}
    plan |= {"start_limit_s": START_LIMIT_S, "limit_s": OVERTIME_LIMIT_S, "external": options.locust, "gated": True}
    run_directory.write_plan(
        directory,
        plan | {"attached": {"pid": options.pid, "port": port}},
        {"scenario": options.scenario},
        url=options.url,
        scenario=Path(options.scenario).stem,
        git=host.git(ROOT),
    )
    _execute(directory, port)
    return directory


def _port(url: str) -> int:
    """Return the port that `url` names, or the default port of its scheme. Raises UsageError."""
    address = urlsplit(url)
    if address.scheme not in DEFAULT_PORTS or not address.hostname:
        raise UsageError(f"{url}: name the stack like http://HOST:PORT")
    return address.port or DEFAULT_PORTS[address.scheme]


def _execute(directory: Path, port: int) -> None:
    """Execute the planned run, and print a line for the UI whenever the phase or the verdict has changed."""
    with run_command.running(directory, stdout=subprocess.PIPE) as process:
        printed: dict[str, Any] = {}
        for line in process.stdout or ():
            row = json.loads(line)
            state = {"phase": row["phase"]} | {name: row[name] for name in JUDGEMENT_KEYS if name in row}
            if state != printed and row["phase"] != "done":
                printed = state
                print_line(directory=str(directory), port=port, **state)
