"""The load window of a run: the fixed span of time over which throughput and latency are computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadWindow:
    """A window of fixed length that begins with the load. `_ns` is CLOCK_MONOTONIC; None if no load began.

    The load itself may end before or after the window.
    """

    begin_ns: int | None
    load_end_ns: int | None
    window_s: float

    @property
    def end_ns(self) -> int | None:
        """The first moment after the window."""
        return None if self.begin_ns is None else self.begin_ns + int(self.window_s * 1e9)
