"""Writes the rows of one watched master into the events file of its present run."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from stacks.lifecycle.records import EVENTS_FILE, Event
from stacks.observe import uwsgi_processes
from stacks.observe.row_file import RowFile
from stacks.watch.carried_rows import CarriedRows

BUFFER = 1 << 16  # bytes of rows that wait at most for the next flush


class RecordedMaster:
    """A master and its present run; `file` is None while nothing can be written. Raises OSError where the disk does."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.name = uwsgi_processes.name(pid)
        self.file: RowFile | None = None
        self.run: Path | None = None
        self._begun_ns = self._latest_ns = 0
        self._longest_s = 0.0
        self._carried = CarriedRows()
        self._pending = bytearray()

    @property
    def recorded_s(self) -> float:
        """The length of the present run up to its latest row."""
        return (self._latest_ns - self._begun_ns) / 1e9

    def begin(self, run: Path, t_ns: int, longest_s: float) -> None:
        """Begin a run in this directory, `longest_s` at most, with the rows of the workers that live."""
        self._longest_s = longest_s
        self.run, self._begun_ns = run, t_ns
        self.file = RowFile(run / EVENTS_FILE)
        carried = list(self._carried.rows())
        for row in carried:
            self._append(row)
        if carried:
            self._append(Event(t_ns, "observer", "load_begin", data={"window_s": longest_s}))
        self.flush()

    def take(self, row: Event) -> None:
        """Take a row. It is on the disk after the next `flush`."""
        self._carried.take(row)
        self._latest_ns = row.t_ns
        if row.kind == "load_begin":  # the watch knows no window
            row = replace(row, data=dict(row.data) | {"window_s": self._longest_s})
        self._append(row)
        if len(self._pending) >= BUFFER:
            self.flush()

    def flush(self) -> None:
        """Write the rows that wait. If they cannot all be written, none of them is, and OSError is raised."""
        if self.file is None:
            return
        self.file.write(bytes(self._pending))
        self._pending.clear()
        if self.file.error is not None:
            raise self.file.error

    def _append(self, row: Event) -> None:
        if self.file is not None:
            self._pending += row.to_json().encode() + b"\n"

    def end(self) -> Path | None:
        """End the run at its latest row, and return its directory; None if there is none. Never raises."""
        run = self.run
        if self.file is not None:
            for kind in ("load_end", "stop"):
                self._append(Event(self._latest_ns, "observer", kind))
            with suppress(OSError):
                self.flush()
            self.file.close()
        self.file = self.run = None
        return run
