"""Counts what became of requests in a table of rows: the same as `stacks.lifecycle.losses` counts from text.

A load host has millions of rows, so no row becomes a Python object. No Python value goes into a function of pyarrow,
because it would import pandas.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stacks.lifecycle.losses import LOSS_OF_ERROR, Tally

COUNTED = ["error", "status", "pid", "latency_us"]


def tally_of(rows: pa.Table) -> Tally:
    """Return the tally of rows with the columns COUNTED."""
    total = Tally()
    rows = rows.select(COUNTED)  # a filter copies every column
    errors = _counts(rows["error"])
    for error, count in errors:
        total.requests += count * (error != "missed")
        total.counts[LOSS_OF_ERROR.get(error, "")] += count
    answered = rows
    if any(error for error, _ in errors):
        in_flight = rows.filter(pc.match_substring(rows["error"], "in_flight"))
        total.ages_us = in_flight["latency_us"].to_pylist()
        has_error = pc.cast(pc.binary_length(rows["error"]), pa.bool_())
        answered = rows.filter(pc.invert(has_error))
    total.answered = answered.num_rows
    total.slowest_us = pc.max(answered["latency_us"]).as_py() or 0
    total.counts["failed"] += sum(count for status, count in _counts(answered["status"]) if str(status)[0] == "5")
    for pid, count in _counts(answered["pid"]):
        total.pids.add(pid)
        total.counts["unnamed"] += count * (pid == 0)
    return total


def _counts(column: pa.ChunkedArray) -> list[tuple[Any, int]]:
    """Return each value of a column, and how often it is there."""
    return [(group["values"], group["counts"]) for group in pc.value_counts(column).to_pylist()]
