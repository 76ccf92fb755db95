"""Reads the file that `make loadtest HOSTS=FILE` names: which machine runs what, and where the results go.

It is TOML, and all that is wrong with it is said at once.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stacks.catalogue import UsageError

EXAMPLE = """location = "/mnt/results"       # what every machine reaches: a shared directory, s3://, gs:// or az://
master = "10.0.0.1"             # this machine, as the others reach it
[uwsgi]
ssh = "app1"                    # as on the command line of ssh
directory = "/opt/pack"         # a clone of the pack there, after `make setup`
address = "10.0.0.4:8080"       # where the stacks listen
[[load]]
ssh = "load1"
directory = "/opt/pack"
processes = 4                   # of Locust
"""
TOP: dict[str, type] = {"location": str, "master": str, "ssh": list, "master_port": int, "uwsgi": dict, "load": list}
WORDS = {str: "a text", int: "a number", list: "a list", dict: "a table"}
MACHINE: dict[str, type] = {"ssh": str, "directory": str}


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine that is reached by ssh. `processes` of Locust, or the `address` on which uWSGI listens."""

    ssh: str
    directory: str
    processes: int = 0
    address: str = ""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What takes part in a campaign."""

    location: str
    master: str
    uwsgi: Machine
    loads: tuple[Machine, ...]
    ssh: tuple[str, ...] = ("ssh",)
    master_port: int = 5557

    @property
    def processes(self) -> int:
        return sum(machine.processes for machine in self.loads)


def read_fleet(path: Path) -> Fleet:
    """Read the file. Raises UsageError, whose text has every error."""
    try:
        value = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read ({error}). Write a file such as:\n{EXAMPLE}") from None
    errors: list[str] = []
    _check(value, TOP, ("location", "master", "uwsgi", "load"), "", errors)
    uwsgi: dict[str, Any] = value["uwsgi"] if isinstance(value.get("uwsgi"), dict) else {}
    loads: list[Any] = value["load"] if isinstance(value.get("load"), list) else []
    if "uwsgi" in value:
        _check(uwsgi, MACHINE | {"address": str}, ("ssh", "directory", "address"), "uwsgi.", errors)
    for number, load in enumerate(loads, start=1):
        _check(load, MACHINE | {"processes": int}, ("ssh", "directory"), f"load {number}: ", errors)
    if not errors and any(load.get("processes", 1) < 1 for load in loads):
        errors.append("processes must be 1 or more")
    if not errors and not loads:
        errors.append("[[load]] is missing: a machine that runs Locust")
    ssh = value.get("ssh", ["ssh"])
    if not isinstance(ssh, list) or not ssh or not all(isinstance(word, str) for word in ssh):
        errors.append('ssh must be a list of words, such as ["ssh", "-F", "my_config"]')
    if errors:
        raise UsageError(f"{path}: {'; '.join(errors)}. An example:\n{EXAMPLE}")
    return Fleet(
        value["location"],
        value["master"],
        Machine(**uwsgi),
        tuple(Machine(**{"processes": 1, **load}) for load in loads),
        tuple(ssh),
        value.get("master_port", 5557),
    )


def _check(value: Any, kinds: dict[str, type], needed: tuple[str, ...], where: str, errors: list[str]) -> None:
    if not isinstance(value, dict):
        errors.append(f"{where}is not a table")
        return
    errors += [f"{where}{name} is missing" for name in needed if name not in value]
    errors += [f"{where}{name} is unknown" for name in value if name not in kinds]
    errors += [
        f"{where}{name} must be {WORDS[kind]}"
        for name, kind in kinds.items()
        if name in value and (not isinstance(value[name], kind) or isinstance(value[name], bool) or value[name] == "")
    ]
