"""The collector of an attached run: follows a uWSGI whose log cannot be read (`follower`), and hands its rows over.

It stands outside `collectors/`, because the observer's own uWSGI has a log, which names slots exactly.
It takes the place of the collectors `exits`, `kernel` and `closer` as well.
"""

from __future__ import annotations

from stacks.lifecycle.records import Event
from stacks.observe.collectors import Base, Context
from stacks.observe.follower import Follower


class Collector(Base):
    """Reports workers with their slots, when they are ready, how they end, and whether they stand still."""

    name = "children"
    interval_s = 0.05  # a look that is not due costs nothing

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._rows: list[Event] = []
        self._follower = Follower(context.master_pid, context.lifecycle, self._rows.append, context.clock)

    def open(self) -> str:
        try:
            self._follower.open()
        except OSError as error:
            return f"the master {self.context.master_pid} cannot be followed ({error.strerror})"
        self.context.watch(self._follower.fileno(), self)
        return ""

    def read(self, _fd: int) -> list[Event]:
        return self.sample()

    def sample(self) -> list[Event]:
        self._follower.step(0.0)
        # The observer writes its own heartbeat, and tells when the master has ended.
        rows = [row for row in self._rows if row.source != "observer"]
        self._rows.clear()
        return rows

    def close(self) -> None:
        self._follower.close()
