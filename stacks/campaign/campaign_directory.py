"""The directory of a campaign: it is new or resumed, and one process at a time works in it."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Any

from stacks.catalogue import UsageError
from stacks.lifecycle.reading import read_record
from stacks.lifecycle.records import RUN_FILE, RecordError

LOCK_FILE = ".lock"
INTERRUPTED_DIR = "interrupted"  # runs without a verdict, moved there when their campaign was resumed


def make_directory(results: Path) -> Path:
    """Make a directory that is named after this second. Raises RecordError if a thousand names are taken."""
    results.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    for number in range(1, 1000):
        directory = results / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            directory.mkdir()
        except FileExistsError:
            continue
        return directory
    raise RecordError(f"{results} has a thousand campaigns of this second. Start the campaign again.")


def lock(directory: Path) -> int:
    """Keep other processes from resuming this campaign until this process ends. Returns the lock's file descriptor.

    Raises UsageError if another process has the lock.
    """
    handle = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        why = f"Another process works on the campaign in {directory}. Wait until it ends, or end it."
        raise UsageError(why) from None
    return handle


def finished_record(run_directory: Path) -> dict[str, Any] | None:
    """Return run.json of a run that has its verdict, and None for any other run, a damaged one included."""
    try:
        record = read_record(run_directory / RUN_FILE, "status")
    except RecordError:
        return None
    return record if record["status"] == "done" else None


def set_aside(run_directory: Path) -> None:
    """Move a run without a verdict, with all its files, so that the run can be repeated under its name."""
    folder = run_directory.parent / INTERRUPTED_DIR
    folder.mkdir(exist_ok=True)
    run_directory.rename(folder / f"{run_directory.name}-{time.time_ns()}")
