"""How many cores others used during a slice: a benchmark on shared cores says which of its slices were disturbed.

Read from /proc/stat, so the decision to repeat a slice never looks at what was measured in it.
"""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from stacks.observe import proc

TICKS = os.sysconf("SC_CLK_TCK")
DISTURBED_CORES = 0.15  # a slice of 2 s is read with 1 % a tick and process; a test run beside it uses 0.5 and more
GLANCE_S = 1.0


def _busy() -> int:
    """Ticks of all cores but idle, iowait and steal (proc(5)): user, nice, system, irq, softirq."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return sum(int(words[field]) for field in (1, 2, 3, 6, 7))


class Watch:
    """Counts from its making on; `pids` are ours."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = list(pids)
        self._began = time.monotonic()
        self._ours, self._busy, self._children = self._sum(), _busy(), self._ended()

    def _sum(self) -> int:
        return sum(stat.ticks for stat in map(proc.stat, [*self._pids, os.getpid()]) if stat is not None)

    @staticmethod
    def _ended() -> float:
        """CPU seconds of children that have ended, as wrk has after its slice."""
        now = os.times()
        return now.children_user + now.children_system

    def others(self) -> float:
        """The mean number of cores that others kept busy since."""
        ours_s = (self._sum() - self._ours) / TICKS + self._ended() - self._children
        return round(((_busy() - self._busy) / TICKS - ours_s) / (time.monotonic() - self._began), 3)


def wait(pids: Iterable[int], limit_s: float) -> None:
    """Until others were quiet for a glance, at most so long."""
    end = time.monotonic() + limit_s
    pids = list(pids)
    while time.monotonic() < end:
        watch = Watch(pids)
        time.sleep(GLANCE_S)
        if watch.others() < DISTURBED_CORES:
            return
