"""An observer for a uWSGI that the pack did not start. It only looks: through /proc, pidfds and the kernel's events.

It cannot read the log of that uWSGI, so `children` follows the workers, and nobody knows when a worker begins to exit.
It sends no signal, and no debugger stops a process, so only the waits of a process prove a hang.
"""

from __future__ import annotations

import os
from pathlib import Path

from stacks.observe import children, proc
from stacks.observe.collectors import Base, usage
from stacks.observe.observer import ENDED, Observer


class AttachedObserver(Observer):
    """Observes the master `pid`. If `pid` is 0 it observes no uWSGI, and only the load is recorded."""

    def __init__(self, directory: Path, pid: int, port: int) -> None:
        self._master_pid = pid
        super().__init__(directory, [], {}, port)

    def _launch(
        self, command: list[str], environment: dict[str, str], cwd: Path | None, piped: bool
    ) -> tuple[int, int]:
        self.emit("attached", pid=self._master_pid)
        return self._master_pid, os.open(os.devnull, os.O_RDONLY)

    def _collector_classes(self) -> list[type[Base]]:
        return [children.Collector, usage.Collector] if self._master_pid else [usage.Collector]

    def _poll(self) -> int | None:
        return None if not self._master_pid or proc.is_alive(self.lifecycle.masters.pid or self._master_pid) else ENDED

    def _ended_data(self) -> dict[str, object]:
        return {}

    def pids(self) -> list[int]:
        """Return no pid: no process of this uWSGI belongs to the pack."""
        return []

    def close(self) -> None:
        os.close(self.context.log_fd)
        super().close()
