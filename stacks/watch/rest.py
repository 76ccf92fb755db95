"""Limits what the watching costs: after a step that has cost much comes a longer rest.

A recycle of many workers makes hundreds of events a second. Together they cost less, and each of them has the time at
which the kernel made it. What is late is the look whether a new worker is ready, and the report of a hang.
"""

from __future__ import annotations

import time
from collections.abc import Callable

SHARE = 60  # the watching takes at most the 60th part of a core
SHORTEST_S = 0.02  # between the beginnings of two steps while events come
LONGEST_S = 0.25  # a hang is reported within two seconds, whatever the watching costs


class Rest:
    """The rests of one loop. The clocks and the sleep are those of `time`."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        cpu_clock: Callable[[], float] = time.thread_time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock, self._cpu_clock, self._sleep = clock, cpu_clock, sleep
        self._ended_s, self._cpu_s = clock(), cpu_clock()

    def take(self, limit_s: float) -> None:
        """Rest until SHARE times the CPU time has passed that was used since the last rest, `limit_s` at most."""
        used_s = self._cpu_clock() - self._cpu_s
        period_s = min(LONGEST_S, max(SHORTEST_S, SHARE * used_s))
        wait_s = min(self._ended_s + period_s - self._clock(), limit_s)
        if wait_s > 0:
            self._sleep(wait_s)
        self._ended_s, self._cpu_s = self._clock(), self._cpu_clock()
