"""Ships the rows of one Locust process to the results location: pieces while it runs, one file when it has ended.

The recorder writes lines of text to a local file, the spool. So a location that cannot be reached costs no row and no
time of Locust: the pieces follow when it can be reached again. The memory is bounded, however long the spool is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stacks.hosts.clocks import Offset
from stacks.hosts.location import Location
from stacks.hosts.recovery import write_footer
from stacks.lifecycle.parts import PART_COLUMNS, PARTS_DIR, Part
from stacks.lifecycle.records import REQUEST_COLUMNS
from stacks.run.parquet import COMPLETE, header, read_rows

BLOCK_BYTES = 16 << 20  # of text that is turned into Parquet at once: 200 000 rows


class Spool:
    """The rows of one process, in `file` here and as a part in `location`."""

    def __init__(self, file: Path, location: Location, part: Part, clock: str, shift: Callable[[], Offset]) -> None:
        """`shift` returns what to add to the times of this host, as far as it is known at that moment."""
        self.file, self.location, self.part = file, location, part
        self._clock, self._shift = clock, shift
        self.shipped_rows = 0
        self.bad_rows = 0  # lines that are not rows
        self._offset = 0  # bytes of the file that were shipped
        self._pieces = 0

    def ship(self) -> int:
        """Ship the whole lines that are new. Returns how many rows. Raises RecordError; the lines are shipped later."""
        rows = 0
        for text, end in blocks(self.file, self._offset):
            table = self._table(text)
            if table.num_rows:
                sink = pa.BufferOutputStream()
                pq.write_table(table, sink, compression="zstd")
                self.location.write(f"{PARTS_DIR}/{self.part.piece(self._pieces + 1)}", sink.getvalue().to_pybytes())
                self._pieces += 1
            self._offset = end
            rows += table.num_rows
        self.shipped_rows += rows
        return rows

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
        footers: list[pq.FileMetaData] = []
        with pq.ParquetWriter(unfinished, part_schema(), compression="zstd", metadata_collector=footers) as writer:
            for text, _ in blocks(self.file, 0):
                table = self._table(text)
                writer.write_table(table)
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
        try:
            rows = _parse(text)
        except pa.ArrowInvalid:  # a line that is no row: take the lines one by one
            rows = self._parse_lines(text)
        rows = rows.sort_by("start_ns")
        shift = self._shift()
        columns = dict(zip(rows.column_names, rows.columns, strict=True))
        for name in ("scheduled_ns", "start_ns"):
            columns[name] = pc.add(columns[name], shift.ns)
        more: dict[str, str | int] = {"host": self.part.host, "clock": self._clock}
        more |= {"clock_shift_ns": shift.ns, "clock_bound_ns": shift.bound_ns}
        for name, value in more.items():
            columns[name] = pa.repeat(pa.scalar(value, schema.field(name).type), rows.num_rows)
        return pa.table(columns, schema=schema)

    def _parse_lines(self, text: bytes) -> pa.Table:
        sound = []
        for line in text.splitlines(keepends=True):
            try:
                _parse(line)
                sound.append(line)
            except pa.ArrowInvalid:
                self.bad_rows += 1
        return _parse(b"".join(sound))


def _parse(text: bytes) -> pa.Table:
    """Return the rows of whole lines. Raises ArrowInvalid."""
    schema = _row_schema()
    return read_rows(header(schema) + text, schema)


def _row_schema() -> pa.Schema:
    """Return the columns that the recorder writes."""
    return pa.schema([(name, pa.type_for_alias(alias)) for name, alias in REQUEST_COLUMNS.items()])


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
    names = header(_row_schema())
    with file:
        while True:
            file.seek(offset)
            data = file.read(BLOCK_BYTES)
            text = data[: data.rfind(b"\n") + 1]
            if not text:
                return
            end = offset + len(text)
            yield text.removeprefix(names if offset == 0 else b"").removesuffix(COMPLETE), end
            offset = end
