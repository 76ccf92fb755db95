"""Counts the requests of a run that were answered so far, from the files that the recorder writes.

The window of a load needs the count while the load is on. The observer's rows tell of workers, not of requests.
"""

from __future__ import annotations

from pathlib import Path

from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

_ERROR = list(REQUEST_COLUMNS).index("error")


class AnswerCount:
    """Counts the answers in a directory. It reads each line once."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._read_bytes: dict[Path, int] = {}
        self._answers = 0

    def read(self) -> int:
        """Return how many requests have been answered, with any status. The newest 0.2 s may be missing."""
        for part in self._directory.glob(REQUEST_PART.format(pid="*")):
            with part.open("rb") as file:
                file.seek(self._read_bytes.get(part, 0))
                lines, newline, _ = file.read().rpartition(b"\n")
            self._read_bytes[part] = self._read_bytes.get(part, 0) + len(lines) + len(newline)
            rows = (line.split(b"\t") for line in lines.splitlines())
            self._answers += sum(len(row) == len(REQUEST_COLUMNS) and not row[_ERROR] for row in rows)
        return self._answers
