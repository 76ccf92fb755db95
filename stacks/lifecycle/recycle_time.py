"""Measures how long a recycle takes and in which of its phases, and finds recycles that are too slow for a run.

The phases are those of an episode: `exit` (the old worker ends), `reap` (the master finds the dead worker and forks)
and `start` (the new worker imports what it must and accepts).
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

from stacks.lifecycle.incarnation import Incarnation

# The master finds a dead worker within a second and sleeps for 2 s when workers respawn too fast (core/master.c). A
# recycle that takes longer than both is slow by itself.
SLOW_S = 3.0
PHASES = {
    "exit": "the exit of the old worker",
    "reap": "the master, until it forks",
    "start": "the start of the new worker (with lazy-apps the import of the app)",
}


@dataclass(frozen=True, slots=True)
class Recycle:
    """The seconds of one recycle, by phase. A worker that died began no exit, so its exit took 0 s."""

    exit_s: float
    reap_s: float
    start_s: float

    @property
    def total_s(self) -> float:
        """The seconds from the beginning of the exit until the new worker was ready."""
        return self.exit_s + self.reap_s + self.start_s

    @property
    def longest_phase(self) -> str:
        """The phase that took longest, a key of PHASES."""
        return max(zip(astuple(self), PHASES, strict=True))[1]

    def describe(self) -> str:
        """Say how long the recycle takes, and which phase takes most of it."""
        phase = self.longest_phase
        longest_s = getattr(self, f"{phase}_s")
        return f"a recycle takes {self.total_s:.1f} s, {longest_s:.1f} s of it {PHASES[phase]}"


def recycles(incarnations: Sequence[Incarnation]) -> list[Recycle]:
    """Return the complete recycles of one slot, the oldest first."""
    return [
        _recycle(previous, incarnation)
        for previous, incarnation in itertools.pairwise(incarnations)
        if incarnation.ready_ns is not None and previous.exited_ns is not None and not previous.is_retired
    ]


def _recycle(previous: Incarnation, incarnation: Incarnation) -> Recycle:
    exited_ns, ready_ns = previous.exited_ns or 0, incarnation.ready_ns or 0
    times = (previous.exit_begun_ns or exited_ns, exited_ns, incarnation.forked_ns, ready_ns)
    # A line of the log gets its time when it is read, so a difference may be negative.
    return Recycle(*(max(0.0, (end - begin) / 1e9) for begin, end in itertools.pairwise(times)))


def typical_recycle(found: Iterable[Recycle]) -> Recycle | None:
    """Return the medians of the phases; None if there is no recycle."""
    phases = list(zip(*map(astuple, found), strict=True))
    return Recycle(*map(statistics.median, phases)) if phases else None


def slow_recycle(slots: Iterable[Sequence[Incarnation]], missing: int, now_ns: int, end_ns: int) -> Recycle | None:
    """Return the typical recycle if it is so slow that `missing` respawns do not fit into the time until `end_ns`.

    `slots` are the incarnations of each slot. Returns None if the respawns may still come, and unless every slot with
    a successor due has come back at least once.
    """
    in_use = [incarnations for incarnations in slots if not incarnations[-1].is_retired]
    newest = [recycles(incarnations)[-1:] for incarnations in in_use]
    recycle = typical_recycle(found for slot in newest for found in slot)
    if recycle is None or recycle.total_s < SLOW_S or not all(newest):
        return None
    left_s = [(end_ns - _free_ns(incarnations, now_ns)) / 1e9 for incarnations in in_use]
    return recycle if sum(max(0, int(s / recycle.total_s)) for s in left_s) < missing else None


def _free_ns(incarnations: Sequence[Incarnation], now_ns: int) -> int:
    """Return when the recycle that is under way in a slot began; `now_ns` if there is none."""
    leaving = incarnations[-2] if incarnations[-1].is_starting and len(incarnations) > 1 else incarnations[-1]
    begun_ns = leaving.exit_begun_ns or leaving.exited_ns
    return begun_ns if begun_ns is not None else now_ns
