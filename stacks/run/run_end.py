"""The end of a run, whatever happened before: end the load, turn its rows into Parquet, write the last run.json."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stacks.lifecycle import pack_fault
from stacks.lifecycle.disk_room import cannot_write, is_about_writing
from stacks.lifecycle.lost_threads import thread_table
from stacks.lifecycle.reading import read_record
from stacks.lifecycle.records import REQUEST_PART, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE, RecordError, write_json
from stacks.observe.memory_kills import MemoryKills
from stacks.observe.observer import Observer
from stacks.run.item_count import ItemCount
from stacks.run.load import Load
from stacks.run.run_directory import ROOM_FILE, PlannedRun

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


def write_files(
    planned: PlannedRun, observer: Observer | None, items: ItemCount | None = None, load: Load | None = None
) -> None:
    """Write requests.parquet, samples.parquet and run.json. `items` has counted those that the app sent.

    A file that cannot be written makes the run `failed`; what was written before stays. Raises no error.
    """
    record, directory = planned.record, planned.directory
    if observer is not None:
        for file in observer.unwritten():
            fail(record, cannot_write(file.error or OSError(), file.path, "what was written before is kept"))
    if load is not None and load.write_error is not None:
        part = directory / REQUEST_PART.format(pid=load.pid)
        fail(record, cannot_write(load.write_error, part, "the rows before are kept", record["plan"]["duration_s"]))
    is_complete = _write_parquet(record, directory, observer)
    if "locust" in record:
        record["locust"]["complete"] = is_complete
    _tell_fault(record, directory)
    with contextlib.suppress(RecordError):  # requests.parquet could not be written, and the reason is known
        if items is not None and (row := items.record(directory)) is not None:
            record["items"] = row
    try:
        planned.save()
    except OSError as error:
        verdict = f" The verdict is {record['verdict']}: {record['reason']}" if record["status"] == "done" else ""
        print(cannot_write(error, directory / RUN_FILE, f"it says `running`.{verdict}"), file=sys.stderr)
        fail(record, cannot_write(error, directory / RUN_FILE))
        with contextlib.suppress(OSError):  # the disk may have room again
            planned.save()


def _write_parquet(record: dict[str, Any], directory: Path, observer: Observer | None) -> bool:
    """Write both Parquet files. Return True if every request of every recorder is in its file."""
    from stacks.run import parquet  # here, because its import takes half a second, which would delay the start

    is_complete = False
    try:
        is_complete = parquet.write_requests(directory)
    except Exception as error:
        fail_with(record, error, directory, directory / REQUESTS_FILE, "the rows are kept in requests-*.tsv")
    if observer is not None:
        try:
            parquet.write_samples(directory, list(observer.context.samples))
        except Exception as error:
            fail_with(record, error, directory, directory / SAMPLES_FILE, "the run has no samples")
    return is_complete


def _tell_fault(record: dict[str, Any], directory: Path) -> None:
    """Make a run `failed` if one of its processes has left the file of a fault of the pack, and nobody told of it."""
    fault = directory / pack_fault.FAULT_FILE
    if not fault.exists() or pack_fault.is_told(record["error"] or ""):
        return
    why = f"{pack_fault.sentence_of(fault)}."
    if record["status"] == "failed":
        record["error"] = f"{why} Besides: {record['error']}"
    else:
        fail(record, why)


def fail(record: dict[str, Any], why: str) -> None:
    """Make a run `failed`. Its verdict, if it has one, stays in the text: it was given before the failure."""
    if record["status"] == "failed":
        record["error"] = f"{record['error']} {why}"
        return
    verdict = f" The verdict was {record['verdict']}: {record['reason']}" if record["status"] == "done" else ""
    record |= {"status": "failed", "error": f"{why}{verdict}", "verdict": "invalid", "reason": why}


def fail_with(
    record: dict[str, Any],
    error: Exception,
    directory: Path,
    path: Path | None = None,
    kept: str = "what was written before is kept",
) -> None:
    """Make a run `failed` because of an exception: a disk that cannot be written, or a fault of the pack.

    `path` is the file that was to be written, if the exception does not name it.
    """
    if isinstance(error, OSError) and is_about_writing(error):
        name = error.filename if isinstance(error.filename, str) else directory
        fail(record, cannot_write(error, path or Path(name), kept, record["plan"]["duration_s"]))
    else:
        fail(record, pack_fault.report(error, directory))


def killed_observer(kills: MemoryKills) -> str:
    """Return the reason of a run whose observer was killed. `kills` counts since the run began."""
    return f"the observer was killed before its verdict; {kills.cause()}"


def explain_kills(reason: str, load: Load | None, kills: MemoryKills) -> str:
    """Add to a reason that the load was killed, or that the kernel has killed a process, if that is so.

    The run itself must not have killed the load yet.
    """
    is_killed = load is not None and load.exit_code == -signal.SIGKILL
    more = f"Locust was killed; {kills.cause()}" if is_killed else kills.sentence()
    return f"{reason.rstrip('.')}. {more}" if more else reason


def record_killed_observer(directory: Path, why: str, status: str = "interrupted") -> None:
    """If run.json still says `running`, the observer ended before it wrote it: say `why`, and save the requests.

    What was written of the next run.json goes.

    `status` is that of the run if no fault of the pack is the reason. A run.json that cannot be read stays as it is.
    Raises RecordError for it.
    """
    for unfinished in directory.glob(f".{RUN_FILE}.*"):  # what write_json was about to rename
        unfinished.unlink(missing_ok=True)
    record = read_record(directory / RUN_FILE, "status")
    if record["status"] != "running":
        return
    (directory / ROOM_FILE).unlink(missing_ok=True)
    fault = directory / pack_fault.FAULT_FILE
    if fault.exists():
        fail(record, pack_fault.sentence_of(fault))
    else:
        record |= {"status": status, "error": why}
    from stacks.run import parquet

    try:
        if not (directory / REQUESTS_FILE).exists():  # it is complete if the observer ended while it wrote run.json
            parquet.write_requests(directory)
        write_json(directory / RUN_FILE, record)
    except OSError as error:
        path = Path(str(error.filename or directory))
        print(cannot_write(error, path, "the rows are kept in requests-*.tsv"), file=sys.stderr)
    print(f"The run has no verdict: {record['error']}.", file=sys.stderr)
