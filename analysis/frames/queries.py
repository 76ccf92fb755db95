"""Queries one Parquet file of every run of a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from analysis.frames.connection import execute, literal
from analysis.frames.parquet_files import COLUMNS, SOUND, health
from analysis.frames.request_files import usable_requests
from stacks.lifecycle.losses import NOT_LOST, open_limit_us
from stacks.lifecycle.records import REQUESTS_FILE

# SQL: the moment (ns) at which a row of requests.parquet was complete. The columns are start_ns and latency_us.
END_NS = "start_ns + latency_us * 1000"
# SQL: what decides how many requests are lost, for `lost_of`.
LOSSES = f"""count(*) FILTER (error NOT IN {NOT_LOST}) AS failed,
             coalesce(max(latency_us) FILTER (error = ''), 0) AS slowest_us,
             coalesce(list(latency_us) FILTER (error = 'in_flight'), []) AS ages_us"""
# SQL: the requests whose values can be. Their file, or files, are a parameter of the query.
REQUESTS = f"(SELECT * FROM read_parquet(?) WHERE {SOUND[REQUESTS_FILE]})"  # noqa: S608 - a constant


def lost_of(failed: int, slowest_us: int, ages_us: Iterable[int]) -> int:
    """Return how many requests are lost, from the columns LOSSES; `slowest_us` is that of the whole run."""
    limit_us = open_limit_us(slowest_us)
    return int(failed + sum(age_us > limit_us for age_us in ages_us))


def query_runs(runs: pd.DataFrame, file_name: str, select: str, where: str = "TRUE") -> pd.DataFrame:
    """Return `SELECT select FROM rows WHERE where` over one Parquet file of every run.

    `runs` is a runs frame. The rows have the columns of the file and `run_key`. A run without the file, or with one
    that cannot be read, adds no row; if no run has the file, the result has no columns, or with `*` those of the file.
    `select` and `where` are SQL of the caller and are not escaped.
    """
    files = {
        str(path): run["run_key"]
        for run in runs[["path", "run_key"]].to_dict("records")
        for path in _usable(Path(run["path"]), file_name)
    }
    if not files:
        return pd.DataFrame(columns=[*COLUMNS[file_name], "run_key"] if select == "*" else [])
    # The columns are named, because an older run may have fewer of them, and a newer one more.
    query = f"""
        WITH names AS (SELECT unnest(?) AS filename, unnest(?) AS run_key),
             rows AS (SELECT {", ".join(COLUMNS[file_name])}, run_key
                      FROM read_parquet(?, filename = true) JOIN names USING (filename) WHERE {SOUND[file_name]})
        SELECT {select} FROM rows WHERE {where}"""  # noqa: S608 - SQL of the caller, as documented
    paths = list(files)
    result: pd.DataFrame = execute(query, [paths, [files[p] for p in paths], list(map(literal, paths))]).df()
    return result


def _usable(directory: Path, file_name: str) -> Sequence[Path]:
    """Return the files of this name in the directory of a run that can be read."""
    if file_name == REQUESTS_FILE:
        return usable_requests(directory)
    return [path for path in (directory / file_name,) if not health(path).unusable]
