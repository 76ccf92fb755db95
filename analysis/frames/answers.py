"""requests.parquet -> counts, answers a bin and every worker's first response, aggregated by DuckDB.

An answer counts at the moment when it was complete. Throughput is answers over the fixed load
window, whoever was still running in it: that is what makes an outage visible.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from stacks.lifecycle.episode import Episode
from stacks.lifecycle.records import RecordError

MOST_BINS = 60  # of a window; more make a figure of a hundred millimetres noisy
SHORTEST_BIN_S = 0.1
MEMORY_LIMIT = "1GB"  # exact quantiles of 5e7 rows fit
_END = "start_ns + latency_us * 1000"


@dataclass(frozen=True, slots=True)
class Load:
    """When requests were offered: the fixed window begins with the load, which may end later or earlier."""

    begin_ns: int | None
    end_ns: int | None
    window_s: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What became of a run's requests; `first_response_ns` has an entry for each of the episodes given."""

    requests: int
    lost: int
    answered: int
    first_response_ns: list[int | None]
    seconds: list[dict[str, float]]  # t_s, bin_s, answered, answered_rps


def bin_width_s(window_s: float) -> float:
    """The least of 0.1, 0.2, 0.5, 1, 2, 5, ... s that gives at most 60 bins, and so at least 24 of a long window."""
    for power in range(-1, 9):
        for step in (1, 2, 5):
            # Rounded, because 2 * 10 ** -1 is not quite 0.2.
            width = round(step * 10.0**power, 1)
            if width >= SHORTEST_BIN_S and window_s / width <= MOST_BINS:
                return width
    raise ValueError(f"a load window of {window_s} s")


@cache
def connection() -> Any:
    """DuckDB, once a process; what does not fit goes to disk instead of killing the reader."""
    import duckdb

    return duckdb.connect(":memory:", config={"memory_limit": MEMORY_LIMIT, "preserve_insertion_order": False})


def _counts(path: Path, load: Load) -> tuple[int, int, int]:
    begin, end = load.begin_ns, None if load.begin_ns is None else load.begin_ns + int(load.window_s * 1e9)
    query = f"""
        SELECT count(*), count(*) FILTER (error <> ''),
               count(*) FILTER (error = '' AND {_END} >= ? AND {_END} < ?)
        FROM read_parquet(?)"""  # noqa: S608 - _END is a constant of this module
    requests, lost, answered = connection().execute(query, [begin, end, str(path)]).fetchall()[0]
    return requests, lost, answered


def _seconds(path: Path, load: Load) -> list[dict[str, float]]:
    """Answers a bin from the begin of the load to its end; a bin without an answer is a row too."""
    if load.begin_ns is None:
        return []
    width = bin_width_s(load.window_s)
    span_s = max(load.window_s, ((load.end_ns or load.begin_ns) - load.begin_ns) / 1e9)
    query = f"""
        SELECT ({_END} - ?) // ?, count(*) FROM read_parquet(?)
        WHERE error = '' AND {_END} >= ? GROUP BY 1"""  # noqa: S608 - as above
    arguments = [load.begin_ns, round(width * 1e9), str(path), load.begin_ns]
    counts: dict[int, int] = dict(connection().execute(query, arguments).fetchall())
    # The small amount keeps 2.0 / 0.1 from asking for a 21st bin.
    return [
        {"t_s": index * width, "bin_s": width, "answered": answered, "answered_rps": answered / width}
        for index in range(math.ceil(span_s / width - 1e-9))
        for answered in (counts.get(index, 0),)
    ]


def _first_response_ns(path: Path, episodes: Sequence[Episode]) -> list[int | None]:
    """The first answer that each episode's worker completed after its fork.

    The worker is known by slot and pid. A request that waited in the accept backlog while nobody
    was there began before the fork, and its answer is the worker's all the same.
    """
    forked = [(i, e.slot, e.pid, e.forked_ns) for i, e in enumerate(episodes) if e.pid and e.forked_ns]
    query = f"""
        WITH forks AS (SELECT unnest(?::BIGINT[]) AS episode, unnest(?::BIGINT[]) AS slot,
                              unnest(?::BIGINT[]) AS pid, unnest(?::BIGINT[]) AS forked_ns)
        SELECT episode, min({_END}) FROM read_parquet(?) JOIN forks USING (slot, pid)
        WHERE error = '' AND {_END} >= forked_ns GROUP BY episode"""  # noqa: S608 - as above
    columns = [list(column) for column in zip(*forked, strict=True)] or [[], [], [], []]
    found = dict(connection().execute(query, [*columns, str(path)]).fetchall())
    return [found.get(index) for index in range(len(episodes))]


def read_load(path: Path, load: Load, episodes: Sequence[Episode]) -> Answers:
    """Aggregate a run's requests. Raises RecordError naming the file when it cannot be read."""
    import duckdb

    if not path.is_file():
        raise RecordError(f"{path}: missing; the run wrote no requests. Delete the run or repeat it.")
    try:
        return Answers(*_counts(path, load), _first_response_ns(path, episodes), _seconds(path, load))
    except duckdb.Error as error:
        first_line = str(error).splitlines()[0]
        raise RecordError(
            f"{path}: cannot be read ({first_line}); the file is truncated or damaged. "
            "The run is left out; repeat it, or delete its directory."
        ) from None
