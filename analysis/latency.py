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

from analysis.answers import Load, connection

QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "p999_ms": 0.999}
NEVER = "CAST('infinity' AS FLOAT)"
# The span from when the request was due to its last byte. FLOAT: 24 bits are 1 us in 16 s, and half the memory.
WAITED_US = "CAST((start_ns - scheduled_ns) // 1000 + latency_us AS FLOAT)"


def run_latency(path: Path, load: Load) -> dict[str, Any]:
    """Offered requests/s, quantiles and the share lost, of what was due within the load window."""
    begin = load.begin_ns
    end = None if begin is None else begin + int(load.window_s * 1e9)
    shares = list(QUANTILES.values())
    query = f"""
        SELECT count(*), count(*) FILTER (error <> ''), count(*) FILTER (error = 'missed'),
               quantile_disc(CASE WHEN error = '' THEN {WAITED_US} ELSE {NEVER} END, {shares}),
               max((start_ns - scheduled_ns) / 1e6), median(latency_us) FILTER (error = '')
        FROM read_parquet(?) WHERE scheduled_ns >= ? AND scheduled_ns < ?"""  # noqa: S608 - constants of this module
    row = connection().execute(query, [str(path), begin, end]).fetchall()[0]
    offered, lost, missed, quantiles, late_ms, service_us = row
    found: dict[str, Any] = {"offered": offered, "lost_share": lost / offered if offered else None, "missed": missed}
    values = [float(v) / 1e3 for v in quantiles] if quantiles else [None] * len(shares)
    found |= dict(zip(QUANTILES, values, strict=True))
    found["offered_rps"] = offered / load.window_s
    return found | {"late_ms": late_ms, "median_answer_ms": None if service_us is None else service_us / 1e3}


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
