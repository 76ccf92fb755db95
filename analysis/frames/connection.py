"""Runs SQL in DuckDB, which aggregates inside Parquet files: the rows of a long run need no room in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

MEMORY_LIMIT = "1GB"  # exact quantiles of 5e7 requests fit; with 512 MB they do not
MOST_LETTERS = 200  # of an error's text


class QueryError(Exception):
    """A query failed, most often because a file is damaged. The text is DuckDB's first line."""


@cache
def _connection() -> Any:
    """Return the DuckDB connection of this process. Data beyond the memory limit go to disk."""
    import duckdb

    return duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT, "preserve_insertion_order": False})


def literal(path: str) -> str:
    """Return a path as DuckDB takes it: it reads `*`, `?` and `[` as a pattern of names."""
    return re.sub(r"[*?\[]", r"[\g<0>]", path)


class RequestFiles(tuple[Path, ...]):
    """The Parquet files that hold the requests of one run, as an argument of a query."""


def _value(value: Any) -> Any:
    if isinstance(value, RequestFiles):
        return [literal(str(path)) for path in value]
    return literal(str(value)) if isinstance(value, Path) else value


def execute(text: str, arguments: Sequence[Any]) -> Any:
    """Return the result of a query as DuckDB has it. Raises QueryError.

    A Path among the arguments is a file, and `RequestFiles` are several.
    """
    import duckdb

    values = [_value(value) for value in arguments]
    try:
        return _connection().execute(text, values)
    except (duckdb.Error, MemoryError, UnicodeError, OverflowError, ValueError, RuntimeError) as error:
        _connection.cache_clear()  # DuckDB gives up a database after an internal error
        raise QueryError((str(error).splitlines() or [type(error).__name__])[0][:MOST_LETTERS]) from None


def query(text: str, arguments: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return all rows of a query. Raises QueryError."""
    import duckdb

    result = execute(text, arguments)
    try:
        rows: list[tuple[Any, ...]] = result.fetchall()
    except (duckdb.Error, MemoryError, UnicodeError, OverflowError, ValueError, RuntimeError) as error:
        _connection.cache_clear()
        raise QueryError((str(error).splitlines() or [type(error).__name__])[0][:MOST_LETTERS]) from None
    return rows
