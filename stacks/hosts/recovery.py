"""Saves the rows of a part whose file was cut off or damaged after it was written.

A Parquet file has the places of its row groups at its end, in its footer. So a file that lacks its end cannot be read.
The agent leaves a copy of the footer in the location: with it, every row group whose bytes are there can be read,
before and behind a damage. Each page has a checksum, so damaged rows are never taken for rows.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stacks.hosts.location import Location
from stacks.lifecycle.parts import DAMAGED_DIR, PARTS_DIR, Part, parse
from stacks.lifecycle.records import RecordError

FOOTERS_DIR = "footers"
UNREADABLE = (OSError, ValueError, pa.ArrowException)  # what a damaged file makes pyarrow raise


def footer_file(part: Part) -> str:
    """Return the name of the copy of a part's footer in the location."""
    return f"{FOOTERS_DIR}/{part.text}.footer"


def write_footer(location: Location, part: Part, footer: pq.FileMetaData) -> None:
    """Leave the copy. Raises RecordError."""
    sink = pa.BufferOutputStream()
    footer.write_metadata_file(sink)
    location.write(footer_file(part), sink.getvalue().to_pybytes())


def count_rows(location: Location, name: str) -> int | None:
    """Return the rows of a file below `requests/`, by its footer. Return None if the file is cut off or damaged."""
    try:
        with location.open(f"{PARTS_DIR}/{name}") as stream:
            return int(pq.ParquetFile(stream).metadata.num_rows)
    except (RecordError, *UNREADABLE):
        return None


def is_sound(location: Location, part: Part) -> bool:
    """Read every page of a part's file. Return False if it is cut off or damaged anywhere. Raises RecordError."""
    with _here(location, part) as path:
        footer = _footer(path)
        return footer is not None and sum(group.num_rows for group in _groups(path, footer)) == footer.num_rows


def recover(location: Location, part: Part) -> None:
    """Move the damaged file of a part to `damaged/`, and leave a piece with the rows that can be read.

    Pieces that are still there stay instead if they have more rows. The damaged file is moved at the end, so a recovery
    that was interrupted can be repeated. Raises RecordError.
    """
    files = [file for file in map(parse, location.names(PARTS_DIR)) if file is not None and file.part == part]
    pieces = [file.name for file in files if file.piece]
    with tempfile.TemporaryDirectory() as folder, _here(location, part) as path:
        copy, recovered = Path(folder) / "footer", Path(folder) / part.file
        with contextlib.suppress(FileNotFoundError):
            location.download(footer_file(part), copy)
        footer = _footer(copy) or _footer(path)
        rows = _write(recovered, _groups(path, footer)) if footer else 0
        if rows and rows >= sum(count_rows(location, piece) or 0 for piece in pieces):
            for piece in pieces:
                location.delete(f"{PARTS_DIR}/{piece}")
            location.upload(recovered, f"{PARTS_DIR}/{part.piece(1)}")
    location.move(f"{PARTS_DIR}/{part.file}", f"{DAMAGED_DIR}/{part.file}")


@contextlib.contextmanager
def _here(location: Location, part: Part) -> Iterator[Path]:
    """Yield the file of a part on this machine: what cannot be read of it is damaged, and not out of reach."""
    name = f"{PARTS_DIR}/{part.file}"
    if location.path is not None:
        yield location.path / name
        return
    with tempfile.TemporaryDirectory() as folder:
        location.download(name, Path(folder) / part.file)
        yield Path(folder) / part.file


def _footer(path: Path) -> pq.FileMetaData | None:
    """Return the footer in a file, or None if there is none, or it is damaged."""
    try:
        return pq.read_metadata(path)
    except UNREADABLE:
        return None


def _groups(path: Path, footer: pq.FileMetaData) -> Iterator[pa.Table]:
    """Yield the row groups of a file that can be read."""
    for number in range(footer.num_row_groups):
        try:
            with pq.ParquetFile(path, metadata=footer, page_checksum_verification=True) as file:
                yield file.read_row_group(number, use_threads=False)
        except UNREADABLE:
            continue


def _write(path: Path, groups: Iterator[pa.Table]) -> int:
    """Write the groups into one file, if there is one. Returns the number of rows."""
    first = next(groups, None)
    if first is None:
        return 0
    rows: int = first.num_rows
    with pq.ParquetWriter(path, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for group in groups:
            writer.write_table(group)
            rows += group.num_rows
    return rows
