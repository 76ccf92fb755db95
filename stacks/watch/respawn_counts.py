"""Counts the respawns of a watched uWSGI: by their cause, and in each of the last seconds."""

from __future__ import annotations

from collections import Counter, deque

from stacks.watch import view

HISTORY_S = 60  # of `history`


class RespawnCounts:
    """The respawns since the watching began."""

    def __init__(self) -> None:
        self.by_cause: Counter[str] = Counter()
        self._causes: dict[int, str] = {}  # slot -> why its last worker ended
        self._seconds: deque[tuple[int, int]] = deque(maxlen=HISTORY_S)  # second, respawns in it

    def end(self, slot: int, cause: str) -> None:
        """Note why the worker of a slot ended."""
        self._causes[slot] = cause

    def reload(self) -> None:
        """Note that the workers that have ended did so for a reload."""
        self._causes = dict.fromkeys(self._causes, view.RELOADED)

    def add(self, slot: int, t_ns: int) -> str:
        """Count a respawn, and return its cause."""
        cause = self._causes.pop(slot, view.ADDED)
        self.by_cause[cause] += 1
        second = t_ns // 1_000_000_000
        if self._seconds and self._seconds[-1][0] == second:
            self._seconds[-1] = (second, self._seconds[-1][1] + 1)
        else:
            self._seconds.append((second, 1))
        return cause

    def history(self, now_ns: int) -> tuple[int, ...]:
        """Return the respawns in each of the last HISTORY_S seconds, the newest last."""
        now = now_ns // 1_000_000_000
        counts = dict(self._seconds)
        return tuple(counts.get(second, 0) for second in range(now - HISTORY_S + 1, now + 1))
