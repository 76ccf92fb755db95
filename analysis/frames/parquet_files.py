"""Says what is wrong with a Parquet file of a run: its columns, its pages, and rows with values that cannot be.

A file is read once as a whole before any number is taken from it. Rows that cannot be are left out of every query.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis.frames.connection import QueryError, query
from stacks.lifecycle.records import (
    REQUEST_COLUMNS,
    REQUEST_ERRORS,
    REQUESTS_FILE,
    SAMPLE_COLUMNS,
    SAMPLES_FILE,
)

TYPES = {"int64": "BIGINT", "int32": "INTEGER", "int16": "SMALLINT", "string": "VARCHAR"}
COLUMNS = {REQUESTS_FILE: REQUEST_COLUMNS, SAMPLES_FILE: SAMPLE_COLUMNS}
# A machine is not up for 100 years, and a request does not take 100 days. In these limits no sum overflows.
MOST_NS, MOST_US = 3_200_000_000 * 10**9, 8_640_000 * 10**6
_TIMES = f"scheduled_ns BETWEEN 0 AND {MOST_NS} AND start_ns BETWEEN 0 AND {MOST_NS}"
# SQL: the row can be. A missing value makes it NULL, which is not true.
SOUND = {
    REQUESTS_FILE: f"{_TIMES} AND latency_us BETWEEN 0 AND {MOST_US} AND status BETWEEN 0 AND 999 AND slot >= 0 "
    f"AND pid >= 0 AND bytes >= 0 AND method IS NOT NULL AND name IS NOT NULL "
    f"AND error IN ('', {', '.join(map(repr, REQUEST_ERRORS))})",
    SAMPLES_FILE: f"t_ns BETWEEN 0 AND {MOST_NS} AND role IS NOT NULL AND slot >= 0 AND pid >= 0 "
    f"AND cpu_ticks BETWEEN 0 AND {MOST_US} AND rss_kib BETWEEN -1 AND {MOST_US} AND pss_kib BETWEEN -1 AND {MOST_US} "
    f"AND threads >= 0 AND wchan IS NOT NULL AND value BETWEEN 0 AND {MOST_US}",
}


@dataclass(frozen=True, slots=True)
class Health:
    """What is wrong with one file. An empty text: nothing."""

    unusable: str = ""  # why no row of it can be read
    left_out: str = ""  # how many of its rows are left out

    @property
    def text(self) -> str:
        """Whatever is wrong, in one sentence with the name of the file."""
        return self.unusable or self.left_out


def health(path: Path) -> Health:
    """Read a Parquet file as a whole, and say what is wrong with it. A file that has not changed is read only once."""
    try:
        state = path.stat()
    except OSError:
        return Health(f"{path}: missing; the run wrote no {path.stem}. Delete the run or repeat it.")
    return _health(path, state.st_mtime_ns, state.st_size)


@cache
def _health(path: Path, _changed_ns: int, size: int) -> Health:
    kind = SAMPLES_FILE if path.name == SAMPLES_FILE else REQUESTS_FILE  # a part has the name of its process
    columns, sound = COLUMNS[kind], SOUND[kind]
    damaged = f"{path}: cannot be read ({{}}); the file is truncated or damaged."
    if not path.is_file() or not size:
        return Health(damaged.format("it is empty"))
    try:
        types = {str(row[0]): str(row[1]) for row in query("DESCRIBE SELECT * FROM read_parquet(?)", [path])}
        for name, kind in columns.items():
            if types.get(name) != TYPES[kind]:
                what = f"is {types[name]} instead of {TYPES[kind]}" if name in types else "is missing"
                return Health(damaged.format(f"the column {name} {what}"))
        # Every column is read, so that a damaged page of any of them is found here.
        sums = ", ".join(f"count(hash({name}))" for name in columns)
        select = f"SELECT count(*), count(*) FILTER ({sound}), {sums} FROM read_parquet(?)"  # noqa: S608 - constants
        rows, sound_rows, *_ = query(select, [path])[0]
    except QueryError as error:
        return Health(damaged.format(error))
    if rows == sound_rows:
        return Health()
    what = f"{rows - sound_rows} of {rows} rows have values that cannot be"
    return Health(left_out=f"{path}: {what}; these rows are left out. Repeat the run.")
