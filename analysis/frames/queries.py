"""Runs DuckDB queries over the Parquet files of runs.

DuckDB aggregates inside the files and returns small results: the rows of a long run need no room in memory.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

MEMORY_LIMIT = "1GB"  # exact quantiles of 5e7 requests fit; with 512 MB they do not
# SQL: the moment (ns) at which a row of requests.parquet was complete. The columns are start_ns and latency_us.
END_NS = "start_ns + latency_us * 1000"


@cache
def connection() -> Any:
    """Return the DuckDB connection of this process. Data beyond the memory limit go to disk."""
    import duckdb

    return duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT, "preserve_insertion_order": False})


def query_runs(runs: pd.DataFrame, file_name: str, select: str, where: str = "TRUE") -> pd.DataFrame:
    """Return `SELECT select FROM rows WHERE where` over one Parquet file of every run.

    `runs` is a runs frame. The rows have the columns of the file and `run_key`. A run without the file adds no row; if
    no run has the file, the result has no columns. `select` and `where` are SQL of the caller and are not escaped.
    """
    files = {str(Path(run["path"]) / file_name): run["run_key"] for run in runs[["path", "run_key"]].to_dict("records")}
    files = {path: key for path, key in files.items() if Path(path).is_file()}
    if not files:
        return pd.DataFrame()
    query = f"""
        WITH names AS (SELECT unnest(?) AS filename, unnest(?) AS run_key),
             rows AS (SELECT * EXCLUDE (filename) FROM read_parquet(?, filename = true) JOIN names USING (filename))
        SELECT {select} FROM rows WHERE {where}"""  # noqa: S608 - SQL of the caller, as documented
    paths = list(files)
    result: pd.DataFrame = connection().execute(query, [paths, [files[p] for p in paths], paths]).df()
    return result
