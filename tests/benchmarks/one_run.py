"""Carries out one run of a stack of the default plan for the parts of `make bench`, and reads what it left."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from stacks import catalogue
from stacks.lifecycle.reading import read_events, read_json
from stacks.lifecycle.records import EVENTS_FILE, RUN_FILE, Event

LIMIT_S = 300.0


def loadtest(results: Path, stack: str, version: str, *options: str) -> tuple[dict[str, Any], list[Event]]:
    """Run `loadtest` once. Return run.json and the rows."""
    command = [sys.executable, "-m", "stacks", "loadtest", "--trials", "1", "--stack", stack, "--version", version]
    done = subprocess.run(
        [*command, *options],
        cwd=catalogue.ROOT,
        env=os.environ | {"PACK_RESULTS": str(results), "PACK_NO_PDF": "1"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    runs = sorted(results.glob(f"*/*/{RUN_FILE}"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise RuntimeError(done.stdout + done.stderr)
    return read_json(runs[-1]), list(read_events(runs[-1].parent / EVENTS_FILE))
