"""Finds the files with the requests of a run: requests.parquet, or the parts of a run on many hosts."""

from __future__ import annotations

from pathlib import Path

from analysis.frames.connection import RequestFiles
from analysis.frames.parquet_files import health
from stacks.lifecycle.parts import PARTS_DIR, current_files
from stacks.lifecycle.records import REQUESTS_FILE, RecordError

SAVE = " `python -m stacks close` with the directory of the run saves what can be read of it."


def request_files(directory: Path) -> list[Path]:
    """Return the Parquet files with the requests of the run in `directory`: requests.parquet, or those of its parts."""
    folder = directory / PARTS_DIR
    if (directory / REQUESTS_FILE).exists() or not folder.is_dir():
        return [directory / REQUESTS_FILE]
    names = [path.name for path in folder.iterdir()]
    return [folder / file.name for file in current_files(names)]


def usable_requests(directory: Path) -> RequestFiles:
    """Return the files of the run that can be read; there may be none."""
    return RequestFiles(path for path in request_files(directory) if not health(path).unusable)


def require_requests(directory: Path) -> tuple[RequestFiles, list[str]]:
    """Return the files of the run that can be read, and one sentence for each file or row that is left out.

    Raises RecordError if no file can be read.
    """
    files = request_files(directory)
    if not files:
        raise RecordError(f"{directory}: the run has no requests. Repeat it, or delete its directory.")
    found = {path: health(path) for path in files}
    usable = RequestFiles(path for path, state in found.items() if not state.unusable)
    if not usable:
        why = found[files[0]].unusable
        raise RecordError(f"{why} The run is left out; repeat it, or delete its directory.")
    hint = {path: SAVE for path in files if path.parent.name == PARTS_DIR and found[path].unusable}
    return usable, [state.text + hint.get(path, "") for path, state in found.items() if state.text]
