"""A run that is planned: its directory and the run.json that it begins with, whoever plans it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stacks.lifecycle.records import RESULTS, RUN_FILE, SCHEMA, write_json
from stacks.observe import host


def new_directory(kind: str) -> Path:
    """A directory `KIND-TIME-...` in the results, made; for this user only (mkdtemp)."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(prefix=time.strftime(f"{kind}-%Y%m%d-%H%M%S-", time.gmtime()), dir=RESULTS))


def plan_run(directory: Path, plan: dict[str, Any], paths: Mapping[str, Path | str], **more: Any) -> None:
    """Write run.json into the run's `directory`, which gives it its id; `python -m stacks run` takes it up."""
    record = {
        "schema": SCHEMA,
        "run_id": directory.name,
        "plan": plan,
        "paths": {name: str(path) for name, path in paths.items()},
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
    write_json(directory / RUN_FILE, record | more)
