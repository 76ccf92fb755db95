"""requests.parquet -> latencies from the scheduled moment, aggregated by DuckDB; milliseconds out, microseconds in.

A request that waited for its turn in the generator waited for its user all the same. One that was
never answered counts as infinite, so a stack that loses 2 % has no p99.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.frames.answers import Load, connection

QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
# The span from when the request was due to its last byte.
WAITED_US = "(start_ns - scheduled_ns) // 1000 + latency_us"
_DUE = "FROM read_parquet(?) WHERE scheduled_ns >= ? AND scheduled_ns < ?"

Counted = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]  # values in order, and how often each of them


def _count(what: str, arguments: list[Any]) -> Counted:
    """Microseconds repeat, so counting them is exact and takes no more room for 5e7 rows than for 1e6."""
    query = f"SELECT {what} AS value, count(*) AS n {_DUE} AND error = '' GROUP BY 1 ORDER BY 1"
    found = connection().execute(query, arguments).fetchnumpy()
    return np.asarray(found["value"], float), np.asarray(found["n"], np.int64)


def _quantile(counted: Counted, share: float, of: int) -> float:
    """The least value that `share` of all `of` do not exceed; infinite where it falls among those never answered."""
    values, counts = counted
    index = int(np.searchsorted(np.cumsum(counts), math.ceil(share * of - 1e-9)))
    return float(values[index]) if index < len(values) else math.inf


def run_latency(path: Path, load: Load) -> dict[str, Any]:
    """Offered requests/s, quantiles and the share lost, of what was due within the load window."""
    begin = load.begin_ns
    end = None if begin is None else begin + int(load.window_s * 1e9)
    arguments = [str(path), begin, end]
    query = f"""
        SELECT count(*), count(*) FILTER (error <> ''), count(*) FILTER (error = 'missed'),
               max((start_ns - scheduled_ns) / 1e6) {_DUE}"""
    offered, lost, missed, late_ms = connection().execute(query, arguments).fetchall()[0]
    found: dict[str, Any] = {"offered": offered, "lost_share": lost / offered if offered else None, "missed": missed}
    waited = _count(WAITED_US, arguments)
    found |= {name: _quantile(waited, share, offered) / 1e3 if offered else None for name, share in QUANTILES.items()}
    found["offered_rps"] = offered / load.window_s
    answered = offered - lost
    served_us = _quantile(_count("latency_us", arguments), 0.5, answered) if answered else None
    return found | {"late_ms": late_ms, "median_answer_ms": None if served_us is None else served_us / 1e3}


def corrected(latencies_s: Sequence[float], expected_interval_s: float) -> np.ndarray[Any, Any]:
    """The latencies of a closed loop with those that it kept itself from sending, one an interval.

    Tene's correction of coordinated omission, for locustfiles that do not record when a request was due.
    """
    if expected_interval_s <= 0:
        raise ValueError(f"an interval of {expected_interval_s} s")
    values = np.asarray(latencies_s, float)
    missing = [
        value - expected_interval_s * np.arange(1, math.floor(value / expected_interval_s + 1e-9))
        for value in values[values > expected_interval_s]
    ]
    return np.concatenate([values, *missing])
