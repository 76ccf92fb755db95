"""The end of a run, whatever happened before: end the load, turn its rows into Parquet, write the last run.json."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stacks.lifecycle.lost_threads import thread_table
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import REQUESTS_FILE, RUN_FILE, write_json
from stacks.observe.observer import Observer
from stacks.run.item_count import ItemCount
from stacks.run.load import Load
from stacks.run.run_directory import PlannedRun

LOAD_LIMIT_S = 2.0  # for a load that is told not to let its users finish


def end_load(load: Load) -> dict[str, Any]:
    """End the load at once. Returns what run.json says of it: its exit code."""
    if load.exit_code is None:
        load.send("kill")
        load.send("stop")
        with contextlib.suppress(subprocess.TimeoutExpired):
            load.wait(LOAD_LIMIT_S)
    exit_code = load.exit_code
    load.close()
    return {"exit_code": exit_code}


def collectors(observer: Observer) -> dict[str, str]:
    """Return for each collector `on`, or why it was not available."""
    reasons = observer.unavailable | {
        collector.name: collector.off for collector in observer.collectors if collector.off
    }
    return {name: f"not available: {reason}" if reason else "on" for name, reason in reasons.items()}


def fork_threads(observer: Observer) -> dict[str, Any] | None:
    """Return which threads of the master its workers have; None if nobody looked."""
    table = thread_table(observer.lifecycle.thread_looks)
    return asdict(table) if table is not None else None


def write_files(planned: PlannedRun, observer: Observer | None, items: ItemCount | None = None) -> None:
    """Write requests.parquet, samples.parquet and run.json. `items` has counted those that the app sent."""
    from stacks.run import parquet  # here, because its import takes half a second, which would delay the start

    record = planned.record
    is_complete = parquet.write_requests(planned.directory)
    if "locust" in record:
        record["locust"]["complete"] = is_complete
    if items is not None and (row := items.record(planned.directory)) is not None:
        record["items"] = row
    if observer is not None:
        parquet.write_samples(planned.directory, list(observer.context.samples))
    planned.save()


def record_killed_observer(directory: Path) -> None:
    """If run.json still says `running`, the observer was killed (SIGKILL): say so there, and save the requests."""
    record = read_json(directory / RUN_FILE)
    if record["status"] == "running":
        record |= {"status": "interrupted", "error": "the observer was killed before its verdict"}
        from stacks.run import parquet

        if not (directory / REQUESTS_FILE).exists():  # it is complete if the observer ended while it wrote run.json
            parquet.write_requests(directory)
        write_json(directory / RUN_FILE, record)
        print("The observer of this run was killed, so the run has no verdict.", file=sys.stderr)
