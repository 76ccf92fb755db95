"""Writes the rows of one watched master into the events file of its present run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from stacks.lifecycle.records import EVENTS_FILE, Event
from stacks.observe import uwsgi_processes
from stacks.watch.carried_rows import CarriedRows
from stacks.watch.row_file import RowFile


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
            self.file.append(row.to_json())
        if carried:
            self.file.append(Event(t_ns, "observer", "load_begin", data={"window_s": longest_s}).to_json())
        self.file.flush()

    def take(self, row: Event) -> None:
        """Take a row. It is on the disk after the next flush of `file`."""
        self._carried.take(row)
        self._latest_ns = row.t_ns
        if row.kind == "load_begin":  # the watch knows no window
            row = replace(row, data=dict(row.data) | {"window_s": self._longest_s})
        if self.file is not None:
            self.file.append(row.to_json())

    def end(self) -> Path | None:
        """End the run at its latest row, and return its directory; None if there is none. Never raises."""
        run = self.run
        if self.file is not None:
            for kind in ("load_end", "stop"):
                try:
                    self.file.append(Event(self._latest_ns, "observer", kind).to_json())
                except OSError:
                    pass
            self.file.close()
        self.file = self.run = None
        return run
