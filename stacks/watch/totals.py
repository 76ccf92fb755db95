"""Adds up the changes of one watched uWSGI: how long respawns took, by phase, and how many workers have hung."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from stacks.watch.view import LOST, READY, WORKER_HUNG, Change

# Upper ends of the buckets in seconds. A fork takes milliseconds, the import of a large app half a minute; uWSGI kills
# a worker that does not end after 60 s (worker-reload-mercy).
BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
PHASES = ("exit", "vacant", "start")  # those of `view.Phases`


@dataclass
class Histogram:
    """Counts times by bucket. The last bucket has no upper end."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def observe(self, value_s: float) -> None:
        """Count one time."""
        self.counts[bisect_left(BUCKETS_S, value_s)] += 1
        self.sum_s += value_s

    def cumulative(self) -> list[tuple[str, float]]:
        """Return (upper end as text, number of times up to it) for each bucket."""
        rows, total = [], 0
        for end_s, count in zip((*map(str, BUCKETS_S), "+Inf"), self.counts, strict=True):
            total += count
            rows.append((end_s, float(total)))
        return rows


@dataclass
class Totals:
    """What the changes since the watching began add up to."""

    respawn_s: dict[str, Histogram] = field(default_factory=lambda: {phase: Histogram() for phase in PHASES})
    hangs: int = 0  # workers that were proven to hang, those that a reload has ended since then included
    lost: int = 0  # how often the kernel dropped events

    def take(self, changes: Iterable[Change]) -> None:
        """Add changes that `Watch.step` has returned."""
        for change in changes:
            if change.kind == READY:
                for phase, histogram in self.respawn_s.items():
                    if (value_s := change.data.get(f"{phase}_s")) is not None:
                        histogram.observe(value_s)
            elif change.kind == WORKER_HUNG:
                self.hangs += 1
            elif change.kind == LOST:
                self.lost += 1
