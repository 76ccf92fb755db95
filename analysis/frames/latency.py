"""Computes latencies of a run from requests.parquet, in milliseconds. The file has microseconds.

Latency counts from the moment when a request was scheduled: a request that waited inside the load generator waited for
its user, too. A request that was never answered counts as infinite, so a stack that loses 2 % has no finite p99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.frames.connection import RequestFiles, execute
from analysis.frames.connection import query as fetch
from analysis.frames.load_window import LoadWindow
from analysis.frames.queries import REQUESTS

QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
# SQL: from the scheduled moment to the last byte.
LATENCY_US = "(start_ns - scheduled_ns) // 1000 + latency_us"
_SCHEDULED_WITHIN = f"FROM {REQUESTS} WHERE scheduled_ns >= ? AND scheduled_ns < ?"

ValueCounts = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]  # distinct values in order, and how often each is


def _count_values(expression: str, arguments: list[Any]) -> ValueCounts:
    """Count how often each value of an SQL expression occurs among the answered requests.

    Whole microseconds repeat, so the counts are exact and need no more room for 5e7 rows than for 1e6.
    """
    query = f"SELECT {expression} AS value, count(*) AS n {_SCHEDULED_WITHIN} AND error = '' GROUP BY 1 ORDER BY 1"
    columns = execute(query, arguments).fetchnumpy()
    return np.asarray(columns["value"], float), np.asarray(columns["n"], np.int64)


def quantile_of_counts(counts: ValueCounts, share: float, total: int) -> float:
    """Return the least value that is not exceeded by `share` of `total` requests.

    `total` includes the requests without an answer, which `counts` does not have. The result is infinite if the
    quantile falls among them.
    """
    values, numbers = counts
    index = int(np.searchsorted(np.cumsum(numbers), math.ceil(share * total - 1e-9)))
    return float(values[index]) if index < len(values) else math.inf


def read_latency(files: RequestFiles, window: LoadWindow) -> dict[str, Any]:
    """Return the latency columns of a run, over the requests that were scheduled within the load window.

    `offered`, `offered_rps`, `missed`, `lost_share`, `late_ms`, the QUANTILES and `median_answer_ms`: see RUN_COLUMNS.
    """
    arguments = [files, window.begin_ns, window.end_ns]
    query = f"""
        SELECT count(*), count(*) FILTER (error <> ''), count(*) FILTER (error = 'missed'),
               max((start_ns - scheduled_ns) / 1e6) {_SCHEDULED_WITHIN}"""
    offered, lost, missed, late_ms = fetch(query, arguments)[0]
    row: dict[str, Any] = {"offered": offered, "lost_share": lost / offered if offered else None, "missed": missed}
    counts = _count_values(LATENCY_US, arguments)
    for name, share in QUANTILES.items():
        row[name] = quantile_of_counts(counts, share, offered) / 1e3 if offered else None
    row["offered_rps"] = offered / window.window_s
    row["late_ms"] = late_ms
    answered = offered - lost
    answer_us = quantile_of_counts(_count_values("latency_us", arguments), 0.5, answered) if answered else None
    row["median_answer_ms"] = None if answer_us is None else answer_us / 1e3
    return row


def correct_omission(latencies_s: Sequence[float], expected_interval_s: float) -> np.ndarray[Any, Any]:
    """Add the latencies of the requests that a closed loop did not send while it waited for a slow answer.

    Gil Tene's correction of coordinated omission: one more latency for every `expected_interval_s` of waiting. It is
    for locustfiles that do not record when a request was scheduled. Raises ValueError if the interval is not positive.
    """
    if expected_interval_s <= 0:
        raise ValueError(f"an interval of {expected_interval_s} s")
    values = np.asarray(latencies_s, float)
    missing = [
        value - expected_interval_s * np.arange(1, math.floor(value / expected_interval_s + 1e-9))
        for value in values[values > expected_interval_s]
    ]
    return np.concatenate([values, *missing])
