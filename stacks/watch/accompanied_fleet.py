"""A fleet with companions: each step of it is also one of `/metrics`, the recording, --on-hang and --heal."""

from __future__ import annotations

import select

from stacks.watch.companions import Companions
from stacks.watch.fleet import Fleet, Source
from stacks.watch.view import Change


class AccompaniedFleet(Fleet):
    """A `Fleet` whose owner need not know of the companions. It does not close them."""

    is_only_shown = False

    def __init__(self, source: Source, companions: Companions) -> None:
        self._companions = companions
        super().__init__(source, companions.take_row)
        if (fd := companions.fileno()) is not None:
            self._epoll.register(fd, select.EPOLLIN)

    @property
    def next_due_s(self) -> float:
        """Seconds until `step` wants to look again."""
        return min(super().next_due_s, self._companions.next_due_s)

    def step(self, limit_s: float = 1.0) -> list[Change]:
        """Do what `Fleet.step` does, and let the companions take it in."""
        changes = super().step(limit_s)
        self._companions.take(self, changes)
        return changes
