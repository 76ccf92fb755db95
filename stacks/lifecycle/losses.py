"""Counts the requests that the clients of a run lost, from the recorder's text files (before they become Parquet)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

_STATUS, _ERROR = (list(REQUEST_COLUMNS).index(name) for name in ("status", "error"))
# One of records.REQUEST_ERRORS -> what it means to a client. The others are not here: `malformed` and `other` say too
# little, and a `missed` arrival was never sent.
LOSS_OF_ERROR = {
    "timeout": "timeout",
    "in_flight": "timeout",
    "reset": "reset",
    "closed": "reset",
    "truncated": "truncated",
    "refused": "refused",
}


def losses(directory: Path) -> dict[str, int]:
    """Return how many requests of the run in `directory` were lost, by kind of loss.

    The kinds are timeout, reset, truncated, refused, and failed (answered with a 5xx status). A kind without a loss is
    left out. A line that was cut short is skipped.
    """
    counts: Counter[str] = Counter()
    for part in directory.glob(REQUEST_PART.format(pid="*")):
        for line in part.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
            fields = line.split("\t")
            if len(fields) == len(REQUEST_COLUMNS):
                counts[LOSS_OF_ERROR.get(fields[_ERROR], "")] += 1
                counts["failed"] += fields[_STATUS].startswith("5")
    return {kind: count for kind, count in sorted(counts.items()) if kind and count}
