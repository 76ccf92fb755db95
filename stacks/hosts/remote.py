"""Starts the pieces of a run on other machines by ssh, after a look at the pack that they have.

The system's ssh is used, with the keys and the configuration of the user. It never asks a question.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from stacks.hosts.fleet_file import Fleet, Machine
from stacks.hosts.pack_version import pack_version
from stacks.lifecycle.records import RecordError

LOOK_LIMIT_S = 60.0
OPTIONS = ("-o", "BatchMode=yes", "-o", "ConnectTimeout=15")
VERSION_CODE = "from stacks.hosts.pack_version import pack_version; print(pack_version())"


def command(fleet: Fleet, machine: Machine, *words: object, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the ssh command that runs the pack's Python with `words` in the machine's clone."""
    given = [f"{name}={shlex.quote(value)}" for name, value in (environment or {}).items()]
    inner = shlex.join([".venv/bin/python", *map(str, words)])
    there = f"cd {shlex.quote(machine.directory)} && exec env {' '.join([*given, inner])}"
    return [*fleet.ssh, *OPTIONS, machine.ssh, there]


def require_same_pack(fleet: Fleet) -> None:
    """Raise RecordError with one sentence for each machine that cannot be reached or has another pack."""
    ours = pack_version()
    looks = [(machine, _look(fleet, machine)) for machine in (fleet.uwsgi, *fleet.loads)]
    problems = []
    for machine, process in looks:
        try:
            said, errors = process.communicate(timeout=LOOK_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            problems.append(f"{machine.ssh}: does not answer within {LOOK_LIMIT_S:.0f} s")
            continue
        theirs = said.strip()
        if process.returncode:
            last = (errors.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
            problems.append(f"{machine.ssh}: {last.rstrip('.')}")
        elif theirs != ours:
            problems.append(f"{machine.ssh} has another version of the pack ({theirs}) than this machine ({ours})")
    if problems:
        raise RecordError(f"{'; '.join(problems)}. Nothing was started.")


def _look(fleet: Fleet, machine: Machine) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(fleet, machine, "-c", VERSION_CODE),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start(
    fleet: Fleet, machine: Machine, log: Path, *words: object, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the pack's Python with `words` there. Its output goes to `log` here."""
    with log.open("wb") as output:
        return subprocess.Popen(
            command(fleet, machine, *words, environment=environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
