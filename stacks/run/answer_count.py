"""Counts the requests of a run that have ended so far, from the files that the recorder writes.

The window of a load needs the count while the load is on. The observer's rows tell of workers, not of requests.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

_ERROR = list(REQUEST_COLUMNS).index("error")


class Counts(NamedTuple):
    """How many requests have ended, with an answer or with an error, and how many of them with an answer."""

    ended: int
    answered: int


class AnswerCount:
    """Counts the requests in a directory. It reads each line once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_bytes: dict[Path, int] = {}
        self._counts = Counts(0, 0)

    def read(self) -> Counts:
        """Return the counts so far. An answer may have any status. The newest 0.2 s may be missing."""
        for part in self._directory.glob(REQUEST_PART.format(pid="*")):
            begin = self._read_bytes.get(part, 0)
            with part.open("rb") as file:
                file.seek(begin)
                lines, newline, _ = file.read().rpartition(b"\n")
            self._read_bytes[part] = begin + len(lines) + len(newline)
            rows = [line.split(b"\t") for line in lines.splitlines()]
            whole = [row for row in rows[begin == 0 :] if len(row) == len(REQUEST_COLUMNS)]  # without the head
            ended, answered = self._counts
            self._counts = Counts(ended + len(whole), answered + sum(not row[_ERROR] for row in whole))
        return self._counts
