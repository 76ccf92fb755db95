"""Keeps the rows that the next file of a recording must begin with: those of the master and of every living worker.

So each file can be judged without the files before it: a worker that hung before is still proven to hang.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from stacks.lifecycle.records import Event

MOST_LOOKS = 8  # `state` rows of one worker: the first half proves the hang, the second half says what it is like now
OF_INSTANCE = ("attached", "collectors", "master")
ENDS = ("exited", "reaped", "died", "unseen")
LOOKS = ("state", "backtrace", "threads")


class CarriedRows:
    """Takes every row, and forgets a worker when it has ended."""

    def __init__(self) -> None:
        self._instance: dict[str, Event] = {}
        self._workers: dict[int, list[Event]] = {}

    def take(self, row: Event) -> None:
        """Take one row, in the order in which they are judged."""
        if row.kind in OF_INSTANCE:
            self._instance[row.kind] = row
        elif row.pid and row.kind in ENDS:
            self._workers.pop(row.pid, None)
        elif row.pid:
            rows = self._workers.setdefault(row.pid, [])
            rows.append(row)
            looks = [index for index, one in enumerate(rows) if one.kind in LOOKS]
            if len(looks) > MOST_LOOKS:
                del rows[looks[MOST_LOOKS // 2]]

    def rows(self) -> Iterator[Event]:
        """Yield the rows, the oldest first. A worker that had come back is one of the first generation here.

        So no respawn counts in two files.
        """
        yield from self._instance.values()
        of_workers = (row for rows in self._workers.values() for row in rows)
        for row in sorted(of_workers, key=lambda row: row.t_ns):
            yield replace(row, kind="spawned") if row.kind == "respawned" else row
