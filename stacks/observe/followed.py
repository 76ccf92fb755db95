"""What the parts of a follower need of it: its children, their vacant slots, its sockets, its clock and its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from stacks.lifecycle.lifecycle import Lifecycle
from stacks.observe.child import Child
from stacks.observe.instance_sockets import InstanceSockets


class Followed(Protocol):
    """A follower from the view of its parts."""

    lifecycle: Lifecycle
    master: Child
    children: dict[int, Child]  # that live, workers or not
    vacant: dict[int, Child]  # slot -> the worker that ended there and has no successor
    sockets: InstanceSockets

    @property
    def now_s(self) -> float:
        """The present time in seconds."""

    def now_ns(self) -> int:
        """Return the present time on CLOCK_MONOTONIC."""

    def emit(
        self, source: str, kind: str, pid: int = 0, slot: int = 0, t_ns: int = 0, data: Mapping[str, Any] = ...
    ) -> None:
        """Hand a row over."""
