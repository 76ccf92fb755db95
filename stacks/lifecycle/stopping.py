"""Finds processes that outlive their stop: workers that are alive after worker-reload-mercy, and a master that is alive
after its last worker.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stacks.lifecycle.counted import counted

# worker-reload-mercy if a stack does not set it (core/init.c).
MERCY_S = 60.0
# A master compares whole seconds and needs two turns of its 1 s loop to kill a worker and to reap it, which makes 3 s
# (uwsgi_master_check_mercy, core/master_utils.c). On a busy host as well, a worker that is alive this long after mercy
# is one that its master did not kill.
OVERDUE_S = 5.0


def is_overdue(told_ns: int, end_ns: int, mercy_s: float) -> bool:
    """Return True if a process that was told to leave at `told_ns` and lived until `end_ns` lived too long."""
    return end_ns - told_ns > (mercy_s + OVERDUE_S) * 1e9


def overdue_text(mercy_s: float) -> str:
    """Describe an overdue process in a few words, for the reason of a verdict."""
    return (
        f"told to leave and still there {mercy_s + OVERDUE_S:.0f} s later, {OVERDUE_S:.0f} s beyond worker-reload-mercy"
    )


@dataclass(slots=True)
class MasterStop:
    """One stop of a master that a trigger asked for. `worker_pids` are the workers that the master had when it began.

    The methods take `exited_ns`: when each of these workers ended, or None for a worker that is alive.
    """

    begun_ns: int
    mercy_s: float
    worker_pids: tuple[int, ...]
    ended_ns: int | None = None

    @property
    def took_s(self) -> float:
        """The seconds from the master's line in the log to its end; infinite while the master is alive."""
        return (self.ended_ns - self.begun_ns) / 1e9 if self.ended_ns is not None else math.inf

    def overdue_workers(self, exited_ns: Iterable[int | None], now_ns: int) -> int:
        """Return how many of the workers lived longer than they may."""
        return sum(is_overdue(self.begun_ns, end_ns or now_ns, self.mercy_s) for end_ns in exited_ns)

    def is_master_overdue(self, exited_ns: Sequence[int | None], now_ns: int, starved_s: float = 0.0) -> bool:
        """Return True if all workers have ended and the master lived longer than it may after the last one.

        The time `starved_s`, in which the machine let the master not run, does not count.
        """
        ends_ns = [end_ns for end_ns in exited_ns if end_ns is not None]
        last_ns = max([self.begun_ns, *ends_ns])
        return len(ends_ns) == len(exited_ns) and is_overdue(last_ns, self.ended_ns or now_ns, self.mercy_s + starved_s)

    def verdict(self, overdue: int, *, finished: bool) -> tuple[str | None, str]:
        """Return the verdict on the stop and its reason, or (None, '') while the verdict could still change.

        `overdue` is the number of overdue workers; `finished` is True if no more rows will come.
        """
        took = f"{self.took_s:.1f} s" if self.ended_ns is not None else ""
        if overdue:
            reason = f"{counted(overdue, 'worker was', 'workers were')} {overdue_text(self.mercy_s)}"
            return "hung_exit", reason + (f"; the stop took {took}" if took else "")
        if not finished:
            return None, ""
        if not took:
            return "invalid", "the run ended before the stop that it had asked for: repeat it with a longer DURATION"
        return "recovers", f"it was asked to stop and had ended {took} later"
