"""Turns the rows of a run into Parquet when it has ended: the recorder's lines of text, and the observer's samples.

It also reads the rows of requests.parquet back, for the rooms above.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from stacks.lifecycle import schema_check
from stacks.lifecycle.records import (
    REQUEST_COLUMNS,
    REQUEST_PART,
    REQUESTS_FILE,
    SAMPLE_COLUMNS,
    SAMPLES_FILE,
    RecordError,
)

PARSING = pa_csv.ParseOptions(delimiter="\t", quote_char=False)
READING = pa_csv.ReadOptions(use_threads=False)
COMPLETE = b"# complete\n"  # the last line of a recorder that was not killed


def read_requests(path: Path, columns: Sequence[str]) -> dict[str, list[Any]]:
    """Return columns of requests.parquet. Raises RecordError, which names the file and what to do."""
    try:
        with pq.ParquetFile(path) as file:  # pq.read_table imports pandas
            table = file.read(columns=list(columns))  # it leaves out what is not there
        if missing := set(columns) - set(table.column_names):
            raise ValueError(f"the column {min(missing)} is missing")
        for field in table.schema:
            is_right = pa.types.is_string if REQUEST_COLUMNS[field.name] == "string" else pa.types.is_integer
            if not is_right(field.type) or table[field.name].null_count:
                raise ValueError(f"the column {field.name} has values of another type")
        values: dict[str, list[Any]] = table.to_pydict()
    except FileNotFoundError:
        raise RecordError(f"{path}: missing; the run wrote no requests. Repeat the run.") from None
    except (OSError, ValueError, KeyError, MemoryError, pa.ArrowException) as error:
        what = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise RecordError(f"{path}: cannot be read ({what}); the file is damaged. Repeat the run.") from None
    return values


def write_requests(directory: Path) -> bool:
    """Replace the recorders' part files by one requests.parquet, ordered by start.

    Returns True if there is a part and every part is complete. A part that was cut short keeps its whole lines. A part
    with a row that cannot be read stays as it is. Raises OSError; every part stays then.
    """
    schema = _schema("request", REQUEST_COLUMNS)
    tables, are_complete, unread = [read_rows(header(schema), schema)], True, set[Path]()
    parts = sorted(directory.glob(REQUEST_PART.format(pid="*")))
    for part in parts:
        data = part.read_bytes()
        are_complete &= data.endswith(COMPLETE)
        rows = data.removesuffix(COMPLETE)
        rows = rows[: rows.rfind(b"\n") + 1]
        if rows.count(b"\n") > 1:  # the first line is the header
            try:
                tables.append(read_rows(rows, schema))
            except pa.ArrowInvalid:  # a row that is none: the part stays as it is, so that no row is lost
                unread.add(part)
    table = pa.concat_tables(tables).sort_by("start_ns")
    _write(table, directory / REQUESTS_FILE)
    for part in set(parts) - unread:
        part.unlink()
    return are_complete and bool(parts) and not unread


def write_samples(directory: Path, samples: list[tuple[object, ...]]) -> None:
    """Write samples.parquet. Each sample has the values of SAMPLE_COLUMNS, in their order."""
    schema = _schema("sample", SAMPLE_COLUMNS)
    rows = "".join("\t".join(map(str, sample)) + "\n" for sample in samples)
    _write(read_rows(header(schema) + rows.encode(), schema), directory / SAMPLES_FILE)


def header(schema: pa.Schema) -> bytes:
    """Return the first line of the recorder's files: the names of the columns."""
    return "\t".join(schema.names).encode() + b"\n"


def read_rows(text: bytes, schema: pa.Schema) -> pa.Table:
    """Return the lines of `text`, which begin with `header(schema)`, as a table. Raises pa.ArrowInvalid.

    It takes text, because pyarrow imports pandas, half a second of CPU time, as soon as it gets a Python object.
    """
    convert = pa_csv.ConvertOptions(column_types=schema, strings_can_be_null=False)
    table = pa_csv.read_csv(pa.BufferReader(text), READING, parse_options=PARSING, convert_options=convert)
    return pa.Table.from_arrays(table.columns, schema=schema)  # the text knows no units


def _write(table: pa.Table, path: Path) -> None:
    """Write a Parquet file as a whole, or leave none: a Parquet file without its end cannot be read. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        pq.write_table(table, unfinished, compression="zstd")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _schema(name: str, columns: dict[str, str]) -> pa.Schema:
    """Return the columns with what the file contract says of each, the schema `name`: unit and meaning as metadata."""
    contract = schema_check.schema(name)["properties"]
    return pa.schema(
        pa.field(column, pa.type_for_alias(alias), metadata=_metadata(contract[column]))
        for column, alias in columns.items()
    )


def _metadata(field: dict[str, Any]) -> dict[str, str]:
    unit = {"unit": field["x-unit"]} if "x-unit" in field else {}
    return {"description": field["description"], **unit}
