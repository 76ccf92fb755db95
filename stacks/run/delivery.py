"""Counts the items that a run's app sent and the sink received, in all and by worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stacks.lifecycle.records import REQUESTS_FILE


def delivery(directory: Path, arrived: dict[str, int]) -> dict[str, Any]:
    """Return what run.json says of the items: the answered requests, each of which sent one, and those that arrived.

    `directory` is that of the run, with its requests.parquet.
    """
    rows = pq.read_table(directory / REQUESTS_FILE, columns=["pid", "status", "error"]).to_pydict()
    sent = dict.fromkeys(arrived, 0)
    for pid, status, error in zip(*rows.values(), strict=True):
        if not error and status < 400:
            sent[str(pid)] = sent.get(str(pid), 0) + 1
    by_worker = {pid: {"sent": count, "arrived": arrived.get(pid, 0)} for pid, count in sorted(sent.items())}
    return {"sent": sum(sent.values()), "arrived": sum(arrived.values()), "by_worker": by_worker}
