"""Who was told to leave and stays: workers beyond worker-reload-mercy, and a master without any."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# worker-reload-mercy where a stack does not set it (core/init.c).
MERCY_S = 60.0
# A master compares whole seconds and needs two turns of its 1 s loop to kill and to reap (uwsgi_master_check_mercy,
# core/master_utils.c): 3 s. A worker that is there so long after mercy has not been shown any, on a busy host either.
OVERDUE_S = 5.0


def overstays(told_ns: int, end_ns: int, mercy_s: float) -> bool:
    """Whether who was told to leave then, and was there until then, stayed longer than mercy allows."""
    return end_ns - told_ns > (mercy_s + OVERDUE_S) * 1e9


def still_there(mercy_s: float) -> str:
    """That in words."""
    return (
        f"told to leave and still there {mercy_s + OVERDUE_S:.0f} s later, {OVERDUE_S:.0f} s beyond worker-reload-mercy"
    )


@dataclass(slots=True)
class Stopping:
    """What became of the workers since their master said that it stops."""

    since_ns: int
    mercy_s: float
    told: tuple[int, ...]  # pids of the workers that it had
    ended_ns: int | None = None

    @property
    def took_s(self) -> float:
        """From the moment when the master said so until it had ended; infinite while it is there."""
        return (self.ended_ns - self.since_ns) / 1e9 if self.ended_ns is not None else math.inf

    def overdue(self, exited_ns: Iterable[int | None], now_ns: int) -> int:
        """How many of those that ended then (None: not yet) stayed longer than mercy allows."""
        return sum(overstays(self.since_ns, end_ns or now_ns, self.mercy_s) for end_ns in exited_ns)

    def lingers(self, exited_ns: Sequence[int | None], now_ns: int) -> bool:
        """Whether the master stayed for so long after the last of its workers, which ended then."""
        ends = [end_ns for end_ns in exited_ns if end_ns is not None]
        last_ns = max([self.since_ns, *ends])
        return len(ends) == len(exited_ns) and overstays(last_ns, self.ended_ns or now_ns, self.mercy_s)

    def verdict(self, overdue: int, *, finished: bool) -> tuple[str | None, str]:
        """The verdict on the stop and its reason; None while it could still change."""
        took = f"{self.took_s:.1f} s" if self.ended_ns is not None else ""
        if overdue:
            reason = f"{overdue} workers were {still_there(self.mercy_s)}"
            return "hung_exit", reason + (f"; the stop took {took}" if took else "")
        if not finished:
            return None, ""
        if not took:
            return "invalid", "the run ended before the stop that it had asked for: repeat it with a longer DURATION"
        return "recovers", f"it was asked to stop and had ended {took} later"
