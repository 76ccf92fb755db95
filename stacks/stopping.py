"""A stop that was asked for: who was told to leave, who stayed beyond worker-reload-mercy, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# worker-reload-mercy where a stack does not set it (core/init.c).
MERCY_S = 60.0
# A master compares whole seconds and needs two turns of its 1 s loop to kill and to reap (uwsgi_master_check_mercy,
# core/master_utils.c): 3 s. A worker that is there so long after mercy has not been shown any, on a busy host either.
OVERDUE_S = 5.0


@dataclass(slots=True)
class Stopping:
    """What became of the workers since their master said that it stops."""

    since_ns: int
    mercy_s: float
    told: tuple[int, ...]  # pids of the workers at that moment
    ended_ns: int | None = None

    def overdue(self, exited_ns: Iterable[int | None], now_ns: int) -> int:
        """How many of those that ended then (None: not yet) stayed longer than mercy allows."""
        allowed_s = self.mercy_s + OVERDUE_S
        return sum((end_ns or now_ns) - self.since_ns > allowed_s * 1e9 for end_ns in exited_ns)

    def verdict(self, overdue: int, *, finished: bool) -> tuple[str | None, str]:
        """The verdict on the stop and its reason; None while it could still change."""
        took = f"{(self.ended_ns - self.since_ns) / 1e9:.1f} s" if self.ended_ns is not None else ""
        if overdue:
            reason = (
                f"{overdue} workers were told to leave and were still there "
                f"{self.mercy_s + OVERDUE_S:.0f} s later, {OVERDUE_S:.0f} s beyond worker-reload-mercy"
            )
            return "hung_exit", reason + (f"; the stop took {took}" if took else "")
        if not finished:
            return None, ""
        if not took:
            return "invalid", "the run ended before the stop that it had asked for: repeat it with a longer DURATION"
        return "recovers", f"it was asked to stop and had ended {took} later"
