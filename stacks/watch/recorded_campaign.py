"""The directory of a recording: campaign.json with one cell a uWSGI, and one directory a run."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

from stacks.catalogue import ROOT
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, SCHEMA, RecordError, write_json
from stacks.observe import host
from stacks.run.run_directory import first_record

KIND = "watch"
# The name of a run: its begin, its number and the pid of its master. Nothing else in the directory is ever removed.
NAME = re.compile(r"watch-(?P<time>\d{8}-\d{6})-(?P<number>\d{4,})-\d+")
SCENARIO = "none"  # the load is that of the users
VERSION = "running"  # what runs is not asked for its version: that would need a connection or another process
PYTHON = re.compile(r"(?:libpython|bin/python)(3\.\d+)")
# What a load test plans and a recording does not have. One respawn is enough to say that the workers come back: the
# number behind the verdict says how sure that is.
RUN_PLAN = {"users": 0, "workers": 0, "max_requests": 0, "respawns": 1, "start_limit_s": 0.0, "limit_s": 0.0}
CAMPAIGN_PLAN = {"trials": 1, "seed": 0, "scenario": SCENARIO, "users": 0, "duration_s": 0.0, "workers": 0}
CAMPAIGN_PLAN |= {"max_requests": 0, "respawns": 1, "options": {}, "app": None, "rate": None}


class RecordedCampaign:
    """Reads what an earlier watcher left in the directory, and adds runs to it. Methods raise OSError."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory.absolute()
        self._git = host.git(ROOT)
        try:
            self._cells: list[dict[str, Any]] = read_json(self.directory / CAMPAIGN_FILE)["cells"]
        except (RecordError, KeyError):
            self._cells = []
        self._time, self._number = max((age(run.name) for run in self.runs()), default=("", 0))

    def write(self, status: str) -> None:
        """Replace campaign.json."""
        record = {
            "schema": SCHEMA,
            "campaign": self.directory.name,
            "kind": KIND,
            "status": status,
            "plan": CAMPAIGN_PLAN,
            **{"seed": 0, "trials": 1, "scenario": SCENARIO},
            "command": shlex.join(["python", "-m", "stacks", *sys.argv[1:]]),
            **{"host": host.host(), "git": self._git, "clock": host.clock()},
            "cells": [cell for cell in self._cells if cell["runs"]],
        }
        write_json(self.directory / CAMPAIGN_FILE, record)

    def new_run(self, pid: int, name: str, longest_s: float) -> Path:
        """Make the directory of a run of this master, with its run.json, and add it to campaign.json."""
        self._number += 1
        # A wall clock that jumps back does not make this run older than those before it: the oldest are removed first.
        self._time = max(self._time, time.strftime("%Y%m%d-%H%M%S", time.gmtime()))
        run = self.directory / f"watch-{self._time}-{self._number:04}-{pid}"
        cell = self._cell(pid, name)
        run.mkdir()
        try:
            shared = {key: cell[key] for key in ("stack", "version", "python", "package", "app", "expected")}
            # A load test would not start with so little room as a recording may have: a full disk does not end it.
            record = first_record(
                run.name,
                RUN_PLAN | {"duration_s": longest_s, "attached": {"pid": pid, "port": 0}},
                {"scenario": SCENARIO},
            )
            record |= {**shared, "campaign": self.directory.name, "trial": len(cell["runs"]) + 1, "scenario": SCENARIO}
            write_json(run / RUN_FILE, record | {"package_version": VERSION, "git": self._git})
            cell["runs"].append(run.name)
            self.write("running")
        except OSError:
            cell["runs"] = [known for known in cell["runs"] if known != run.name]
            shutil.rmtree(run, ignore_errors=True)
            raise
        return run

    def _cell(self, pid: int, name: str) -> dict[str, Any]:
        for cell in self._cells:
            if cell["stack"] == name:
                return cell
        cell = {
            "stack": name,
            **{"variant": "", "what": "a uWSGI that was running", "app": "", "version": VERSION},
            **{"python": python_of(pid), "package": "uwsgi", "pin": VERSION, "expected": "recovers"},
            **{"causes": [], "not_tested_because": None, "runs": []},
        }
        self._cells.append(cell)
        return cell

    def runs(self) -> list[Path]:
        """Return the directories of the runs that there are, the oldest first."""
        return sorted((path for path in self.directory.iterdir() if any(age(path.name))), key=lambda run: age(run.name))

    def unfinished(self) -> list[Path]:
        """Return the runs that a killed watcher left without a verdict."""
        unfinished = []
        for run in self.runs():
            try:
                status = read_json(run / RUN_FILE).get("status")
            except RecordError:
                continue
            if status == "running":
                unfinished.append(run)
        return unfinished

    def remove_oldest(self, limit_bytes: int, written: Collection[Path]) -> None:
        """Remove the oldest runs until all together are within the limit. The runs that are `written` now stay."""
        runs = self.runs()
        sizes = [sum(map(size_of, run.rglob("*"))) for run in runs]
        total, removed = sum(sizes), set()
        for run, size in zip(runs, sizes, strict=True):
            if total <= limit_bytes:
                break
            if run in written:
                continue
            shutil.rmtree(run, ignore_errors=True)
            removed.add(run.name)
            total -= size
        if removed:
            for cell in self._cells:
                cell["runs"] = [run for run in cell["runs"] if run not in removed]
            self.write("running")


def age(name: str) -> tuple[str, int]:
    """Return what orders runs by age, from the name of one: its begin and number; ("", 0) if it is no run."""
    match = NAME.fullmatch(name)
    return (match["time"], int(match["number"])) if match is not None else ("", 0)


def size_of(path: Path) -> int:
    """Return the size of a file; 0 for a directory, or if another process has replaced the file meanwhile."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def python_of(pid: int) -> str:
    """Return the Python of a process, such as `3.12`, from the files that it has mapped; '' if that is not known."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text(errors="replace")
    except OSError:
        return ""
    match = PYTHON.search(maps)
    return match[1] if match else ""
