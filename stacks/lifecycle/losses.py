"""What a run cost its clients, counted in the recorder's lines while they are still text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

_STATUS, _ERROR = (list(REQUEST_COLUMNS).index(name) for name in ("status", "error"))
# Words of records.REQUEST_ERRORS by what they mean to a client; an arrival that was never sent is the generator's.
KINDS = {
    "timeout": "timeout",
    "in_flight": "timeout",
    "reset": "reset",
    "closed": "reset",
    "truncated": "truncated",
    "refused": "refused",
}


def losses(directory: Path) -> dict[str, int]:
    """Requests by what became of them: timeout, reset, truncated, refused, failed (answered with a 5xx status)."""
    counted: Counter[str] = Counter()
    for part in directory.glob(REQUEST_PART.format(pid="*")):
        for line in part.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
            fields = line.split("\t")
            if len(fields) == len(REQUEST_COLUMNS):
                counted[KINDS.get(fields[_ERROR], "")] += 1
                counted["failed"] += fields[_STATUS].startswith("5")
    return {kind: count for kind, count in sorted(counted.items()) if kind and count}
