"""Ships the rows of one Locust process to the results location: pieces while it runs, one file when it has ended.

The recorder writes lines of text to a local file, the spool. So a location that cannot be reached costs no row and no
time of Locust: the pieces follow when it can be reached again. The memory is bounded, however long the spool is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stacks.hosts.clocks import Offset
from stacks.hosts.location import Location
from stacks.hosts.recovery import write_footer
from stacks.hosts.tallying import COUNTED, tally_of
from stacks.lifecycle.losses import Tally
from stacks.lifecycle.parts import PART_COLUMNS, PARTS_DIR, Part
from stacks.lifecycle.records import REQUEST_COLUMNS
from stacks.run.parquet import COMPLETE, header, read_rows

# A number takes the bits of its difference from the one before, which costs a third less time than zstd and leaves
# nothing to compress. Texts repeat, or have much in common.
TEXTS = [name for name, alias in PART_COLUMNS.items() if alias == "string"]
WRITING: dict[str, Any] = {
    "compression": dict.fromkeys(TEXTS, "zstd"),
    "use_dictionary": TEXTS,
    "column_encoding": {name: "DELTA_BINARY_PACKED" for name in PART_COLUMNS if name not in TEXTS},
    "write_page_checksum": True,
}
BLOCK_BYTES = 16 << 20  # of text that is turned into Parquet at once: 200 000 rows
# Whatever damages a part later costs whole row groups. A group adds 3 KB to its rows, which are 10 bytes each.
GROUPS, LEAST_GROUP, MOST_GROUP, LINE_BYTES = 20, 500, 20_000, 80


class Spool:
    """The rows of one process, in `file` here and as a part in `location`."""

    def __init__(self, file: Path, location: Location, part: Part, clock: str, shift: Callable[[], Offset]) -> None:
        """`shift` returns what to add to the times of this host, as far as it is known at that moment."""
        self.file, self.location, self.part = file, location, part
        self._clock, self._shift = clock, shift
        self.shipped_rows = 0
        self.bad_rows = 0  # lines that are not rows
        # How many bytes of the file were shipped, the tally of their rows, and those of them that it lacks: to count a
        # few takes as long as to count many. One value, because two threads read it.
        self._shipped: tuple[int, Tally, tuple[pa.Table, ...]] = (0, Tally(), ())
        self._pieces = 0

    def ship(self) -> int:
        """Ship the whole lines that are new. Returns how many rows. Raises RecordError; the lines are shipped later."""
        rows = 0
        offset, shipped, uncounted = self._shipped
        for text, end in blocks(self.file, offset):
            table = self._table(text)
            if table.num_rows:
                sink = pa.BufferOutputStream()
                pq.write_table(table, sink, write_statistics=False, **WRITING)
                self.location.write(f"{PARTS_DIR}/{self.part.piece(self._pieces + 1)}", sink.getvalue().to_pybytes())
                self._pieces += 1
            uncounted = (*uncounted, table.select(COUNTED))
            if sum(table.num_rows for table in uncounted) > MOST_GROUP:
                shipped, uncounted = shipped + tally_of(pa.concat_tables(uncounted)), ()
            self._shipped = (end, shipped, uncounted)
            rows += table.num_rows
        self.shipped_rows += rows
        return rows

    def tally(self) -> Tally:
        """Return what became of the requests whose whole lines are in the file, shipped or not."""
        offset, total, uncounted = self._shipped
        if uncounted:
            total = total + tally_of(pa.concat_tables(uncounted))
        for text, _ in blocks(self.file, offset):
            total = total + tally_of(self._parsed(text))
        return total

    def is_complete(self) -> bool:
        """Return True if the recorder has written its last row."""
        try:
            with self.file.open("rb") as file:
                file.seek(max(0, self.file.stat().st_size - len(COMPLETE)))
                return file.read() == COMPLETE
        except OSError:
            return False

    def finish(self) -> int:
        """Write one file with every row; from then on no reader takes the pieces. Returns how many rows it has.

        Raises RecordError and OSError.
        """
        unfinished = self.file.with_suffix(".parquet")
        rows = self.bad_rows = 0
        size = self.file.stat().st_size if self.file.exists() else 0
        group_rows = min(MOST_GROUP, max(LEAST_GROUP, size // LINE_BYTES // GROUPS))
        footers: list[pq.FileMetaData] = []
        statistics = ["start_ns"]  # the rows are sorted by it, so a reader of a span skips the other groups
        with pq.ParquetWriter(
            unfinished, part_schema(), metadata_collector=footers, write_statistics=statistics, **WRITING
        ) as writer:
            for text, _ in blocks(self.file, 0):
                table = self._table(text)
                writer.write_table(table, row_group_size=group_rows)
                rows += table.num_rows
        write_footer(self.location, self.part, footers[0])
        self.location.upload(unfinished, f"{PARTS_DIR}/{self.part.file}")
        unfinished.unlink()
        self.shipped_rows = rows
        return rows

    def tidy(self) -> None:
        """Delete the pieces, which nobody reads any more. Raises RecordError."""
        while self._pieces:
            self.location.delete(f"{PARTS_DIR}/{self.part.piece(self._pieces)}")
            self._pieces -= 1

    def _table(self, text: bytes) -> pa.Table:
        """Turn lines of text into rows, sorted by their start, with the times of the observer's clock."""
        schema = part_schema()
        rows = self._parsed(text).sort_by("start_ns")
        shift = self._shift()
        repeated = _added_rows((self.part.host, self._clock, shift.ns, shift.bound_ns), rows.num_rows)
        columns = {name: table[name] for table in (rows, repeated) for name in table.column_names}
        for name in ("scheduled_ns", "start_ns"):
            columns[name] = pc.add(columns[name], columns["clock_shift_ns"])
        return pa.Table.from_arrays([columns[name] for name in schema.names], schema=schema)

    def _parsed(self, text: bytes) -> pa.Table:
        try:
            return _parse(text)
        except pa.ArrowInvalid:  # a line that is no row: take the lines one by one
            return self._parse_lines(text)

    def _parse_lines(self, text: bytes) -> pa.Table:
        sound = []
        for line in text.splitlines(keepends=True):
            try:
                _parse(line)
                sound.append(line)
            except pa.ArrowInvalid:
                self.bad_rows += 1
        return _parse(b"".join(sound))


def _added_rows(values: tuple[str, str, int, int], count: int) -> pa.Table:
    """Return `count` equal rows with what a part adds to the columns of the recorder."""
    return _many_rows(values, count.bit_length()).slice(0, count)


@lru_cache(4)
def _many_rows(values: tuple[str, str, int, int], bits: int) -> pa.Table:
    """Return 2 ** `bits` equal rows.

    They are made from text, because a Python value makes pyarrow import pandas: as much CPU time as 200 000 rows.
    """
    schema = pa.schema([field for field in part_schema() if field.name not in REQUEST_COLUMNS])
    rows = read_rows(header(schema) + "\t".join(map(str, values)).encode() + b"\n", schema)
    for _ in range(bits):
        rows = pa.concat_tables([rows, rows]).combine_chunks()
    return rows


def _parse(text: bytes) -> pa.Table:
    """Return the rows of whole lines. Raises ArrowInvalid."""
    return read_rows(_header() + text, _row_schema())


@lru_cache(1)
def _header() -> bytes:
    return header(_row_schema())


@lru_cache(1)
def _row_schema() -> pa.Schema:
    """Return the columns that the recorder writes."""
    return pa.schema([(name, pa.type_for_alias(alias)) for name, alias in REQUEST_COLUMNS.items()])


@lru_cache(1)
def part_schema() -> pa.Schema:
    return pa.schema([(name, pa.type_for_alias(alias)) for name, alias in PART_COLUMNS.items()])


def blocks(path: Path, offset: int) -> Iterator[tuple[bytes, int]]:
    """Yield the whole lines of rows from `offset` on, and where they end, at most BLOCK_BYTES at once.

    The header and the line that ends a file are no rows. A file that is not there yet has none.
    """
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while True:
            file.seek(offset)
            new_bytes = os.fstat(file.fileno()).st_size - offset  # so that no memory is taken for more
            data = file.read(min(BLOCK_BYTES, max(0, new_bytes)))
            text = data[: data.rfind(b"\n") + 1]
            if not text:
                return
            end = offset + len(text)
            yield text.removeprefix(_header() if offset == 0 else b"").removesuffix(COMPLETE), end
            offset = end
