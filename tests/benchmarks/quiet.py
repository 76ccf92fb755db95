"""Measures how many cores other processes use, so that a benchmark on shared cores knows which slices were disturbed.

It reads /proc/stat. So the decision to repeat a slice does not depend on the result of the slice.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from stacks.observe import proc

TICKS = os.sysconf("SC_CLK_TCK")
DISTURBED_CORES = 0.15  # the error is 1 % for each process in a slice of 2 s; a test run uses 0.5 cores and more
GLANCE_S = 1.0


def _busy() -> int:
    """Return the busy ticks of all cores: user, nice, system, irq and softirq; not idle, iowait and steal (proc(5))."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return sum(int(words[field]) for field in (1, 2, 3, 6, 7))


class Watch:
    """Measures from now on. `pids` are the processes of the benchmark."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._began = time.monotonic()
        self._ours, self._busy, self._children = self._sum(), _busy(), self._ended()

    def _sum(self) -> int:
        return sum(stat.ticks for stat in map(proc.stat, [*self._pids, os.getpid()]) if stat is not None)

    @staticmethod
    def _ended() -> float:
        """Return the CPU seconds of child processes that have ended, such as wrk after its slice."""
        now = os.times()
        return now.children_user + now.children_system

    def others(self) -> float:
        """Return the mean number of cores that other processes have used since then."""
        ours_s = (self._sum() - self._ours) / TICKS + self._ended() - self._children
        return round(((_busy() - self._busy) / TICKS - ours_s) / (time.monotonic() - self._began), 3)


def wait(pids: Iterable[int], limit_s: float) -> None:
    """Wait until the machine is quiet for GLANCE_S, at most `limit_s`."""
    end = time.monotonic() + limit_s
    pids = list(pids)
    while time.monotonic() < end:
        watch = Watch(pids)
        time.sleep(GLANCE_S)
        if watch.others() < DISTURBED_CORES:
            return
