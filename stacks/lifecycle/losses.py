"""Counts what became of the requests of a run, from the recorder's text files (before they become Parquet).

A request that was in flight when the run ended is lost only if it is old: older than every answered request took, and
older than OPEN_S. Otherwise it is open at the end: nobody knows whether its answer would have come in time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

_LATENCY, _STATUS, _ERROR, _PID = map(list(REQUEST_COLUMNS).index, ("latency_us", "status", "error", "pid"))
# A request that is not older than this may wait for a worker that recycles: the master's loop, in which it forks a
# successor, turns once a second (core/master.c).
OPEN_S = 1.0
# One of records.REQUEST_ERRORS -> what it means to a client. `malformed` and `other` say too little, a `missed` arrival
# was never sent, and an `in_flight` request is judged by its age.
LOSS_OF_ERROR = {
    "timeout": "timeout",
    "reset": "reset",
    "closed": "reset",
    "truncated": "truncated",
    "refused": "refused",
}


def losses(directory: Path) -> dict[str, Any]:
    """Return what became of the requests of the run in `directory`: the data of the row `losses`.

    `requests` were sent, and `answered` of them got an answer, with any status. `answered_pids` are the workers that
    gave an answer, and `unnamed` counts the answers that do not name their worker. The other keys count the lost
    requests by kind of loss: timeout, reset, truncated, refused, and failed (answered with a 5xx status); and those
    that were `open` at the end. A count of 0 among these is left out. Returns {} if no request was sent. A line that
    was cut short is skipped.
    """
    counts: Counter[str] = Counter()
    ages_us: list[int] = []
    pids: set[int] = set()
    slowest_us = requests = answered = 0
    for fields in _rows(directory):
        error = fields[_ERROR]
        requests += error != "missed"
        counts[LOSS_OF_ERROR.get(error, "")] += 1
        if error == "in_flight":
            ages_us.append(int(fields[_LATENCY]))
        elif not error:
            answered += 1
            pids.add(int(fields[_PID]))
            counts["unnamed"] += fields[_PID] == "0"
            counts["failed"] += fields[_STATUS].startswith("5")
            slowest_us = max(slowest_us, int(fields[_LATENCY]))
    if not requests:
        return {}
    limit_us = max(slowest_us, OPEN_S * 1e6)
    counts["timeout"] += sum(age_us > limit_us for age_us in ages_us)
    counts["open"] = sum(age_us <= limit_us for age_us in ages_us)
    kinds = {kind: count for kind, count in sorted(counts.items()) if kind and count}
    return {"requests": requests, "answered": answered, "answered_pids": sorted(pids - {0}), **kinds}


def _rows(directory: Path) -> Iterator[list[str]]:
    """Yield the fields of every complete line of the recorder's files."""
    for part in directory.glob(REQUEST_PART.format(pid="*")):
        for line in part.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
            fields = line.split("\t")
            if len(fields) == len(REQUEST_COLUMNS):
                yield fields
