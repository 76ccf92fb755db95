"""Makes the directory of a run, writes its plan into run.json, and reads the plan back when the run begins."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.lifecycle.disk_room import require_room
from stacks.lifecycle.reading import read_record
from stacks.lifecycle.records import RESULTS, RUN_FILE, SCHEMA, write_json
from stacks.observe import host

# The plan's `start_limit_s`: how long a stack may take until its first workers accept. Some imports take a minute.
START_LIMIT_S = 120.0
# The plan's `limit_s` is this and the load window: a run goes on after the window while respawns are missing and
# workers are still on their way.
OVERTIME_LIMIT_S = 90.0
# A run.json has 10 KiB, or 100 with the items of many workers.
ROOM_FILE, ROOM_BYTES = ".room", 256 << 10


def limit_at_once_s(limit_s: float, workers: int) -> float:
    """Return how long `workers` may take to import an app all at once, which one process may import in `limit_s`.

    That happens with lazy-apps. The workers share the CPUs.
    """
    return limit_s * max(1.0, workers / len(os.sched_getaffinity(0)))


def make_directory(kind: str) -> Path:
    """Make a directory `KIND-TIME-...` below the results directory. Only this user may read it (mkdtemp)."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime(f"{kind}-%Y%m%d-%H%M%S-", time.gmtime()), dir=RESULTS))


def write_plan(directory: Path, plan: dict[str, Any], paths: Mapping[str, Path | str], **more: Any) -> None:
    """Write the first run.json into `directory`; `python -m stacks run DIRECTORY` then executes the run.

    `plan` has the numbers of the run, `paths` the files that it needs, `more` further keys of run.json. The name of
    the directory becomes the id of the run.
    """
    record = first_record(directory.name, plan, {name: str(path) for name, path in paths.items()})
    require_room(directory, plan["duration_s"])
    write_json(directory / RUN_FILE, record | more)


def first_record(run_id: str, plan: Mapping[str, Any], paths: Mapping[str, str]) -> dict[str, Any]:
    """Return run.json of a run that begins now."""
    return {
        "schema": SCHEMA,
        "run_id": run_id,
        "plan": plan,
        "paths": paths,
        "host": host.host(),
        "clock": host.clock(),
        "load": {"begin_ns": None, "end_ns": None, "window_s": plan["duration_s"]},
        "status": "running",
        "error": None,
        "verdict": None,
        "reason": "",
        "evidence": None,
        "stop": {"signal": None, "seconds": None, "tried": [], "left_behind": []},
    }


@dataclass
class PlannedRun:
    """A planned run while it is executed: its directories, and run.json in memory, to which the phases add keys."""

    directory: Path
    private: Path  # for sockets, FIFOs and touched files: the path of a Unix socket has 107 bytes at most (unix(7))
    record: dict[str, Any]
    environment: dict[str, str] = field(default_factory=dict)  # further variables for uWSGI

    @classmethod
    def read(cls, directory: Path, private: Path) -> PlannedRun:
        """Read run.json in `directory`. Raises RecordError."""
        return cls(directory, private, read_record(directory / RUN_FILE))

    @property
    def plan(self) -> dict[str, Any]:
        """The numbers of the run, as `write_plan` got them."""
        plan: dict[str, Any] = self.record["plan"]
        return plan

    @property
    def paths(self) -> dict[str, Path]:
        """The files that the run needs, by name: uwsgi, ini, app, scenario, ..."""
        return {name: Path(path) for name, path in self.record["paths"].items()}

    def reserve(self) -> None:
        """Keep some room on the disk for the last run.json. A disk that has none does not end the run."""
        with contextlib.suppress(OSError):
            handle = os.open(self.directory / ROOM_FILE, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(handle, 0, ROOM_BYTES)
            finally:
                os.close(handle)

    def save(self) -> None:
        """Replace run.json with the record in memory, in the room that was reserved. Raises OSError."""
        (self.directory / ROOM_FILE).unlink(missing_ok=True)
        write_json(self.directory / RUN_FILE, self.record)
