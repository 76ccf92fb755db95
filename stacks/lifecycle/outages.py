"""Measures from the requests of a run how long the stack answered nothing, and how long it answered less than before.

A closed load slows down with the stack, so its answers are compared with those of the same load just before.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from stacks.lifecycle.losses import LOSS_OF_ERROR, open_limit_us

# A pause between two answers that is no outage by itself. The load of a check asks 160 times a second.
PAUSE_S = 0.25
PAUSES = 2.0  # a page that answers rarely has longer pauses: so many times the usual one
BIN_S = 0.1  # the shortest stretch in which answers are counted
ANSWERS_A_BIN = 10  # expected in each stretch, so that chance alone does not halve them


@dataclass(frozen=True)
class Request:
    """One row of requests.parquet."""

    start_ns: int
    latency_us: int
    status: int
    error: str
    pid: int

    @property
    def end_ns(self) -> int:
        return self.start_ns + self.latency_us * 1000


@dataclass(frozen=True)
class Outage:
    """What the clients of a stack met with in a stretch of time."""

    requests: int  # that were open in it
    nothing_s: float  # in pauses without any answer
    less_s: (
        float | None
    )  # with less than half of the answers of before, those pauses included; None: nothing to compare
    lost: dict[str, int]  # requests by kind of loss, as `losses.losses` names the kinds


def outage(requests: Iterable[Request], before_ns: int, begin_ns: int, end_ns: int) -> Outage:
    """Return the outage between `begin_ns` and `end_ns`. What is usual is taken from `before_ns` to `begin_ns`.

    Without such a time the latency of the page is the usual pause, because users may all wait for their answers at
    once. A quarter of the answers are at most that slow: the others may have waited for a worker as well.
    """
    rows = list(requests)
    answers = sorted(row.end_ns for row in rows if not row.error)
    before = answers[bisect.bisect_left(answers, before_ns) : bisect.bisect_left(answers, begin_ns)]
    during = answers[bisect.bisect_left(answers, begin_ns) : bisect.bisect_right(answers, end_ns)]
    usual_s = max(_gaps_s([before_ns, *before, begin_ns])) if before else 0.0
    if before_ns == begin_ns and during:
        latencies_us = sorted(row.latency_us for row in rows if not row.error)
        usual_s = latencies_us[len(latencies_us) // 4] / 1e6
    pause_s = max(PAUSE_S, PAUSES * usual_s)
    touched = [row for row in rows if row.start_ns <= end_ns and row.end_ns >= begin_ns and row.error != "missed"]
    return Outage(
        requests=len(touched),
        nothing_s=round(sum(gap_s for gap_s in _gaps_s([begin_ns, *during, end_ns]) if gap_s > pause_s), 3),
        less_s=_less_s(before, (begin_ns - before_ns) / 1e9, during, begin_ns, end_ns),
        lost=_lost(touched, begin_ns, open_limit_us(max((row.latency_us for row in rows if not row.error), default=0))),
    )


def failed_share(requests: Iterable[Request], begin_ns: int, end_ns: int) -> float:
    """Return the share of the answers between `begin_ns` and `end_ns` that have a 5xx status; 0 without an answer."""
    answered = [row for row in requests if not row.error and begin_ns <= row.end_ns <= end_ns]
    return sum(row.status >= 500 for row in answered) / len(answered) if answered else 0.0


def _gaps_s(times_ns: Sequence[int]) -> list[float]:
    return [(later - earlier) / 1e9 for earlier, later in itertools.pairwise(times_ns)]


def _less_s(before: Sequence[int], before_s: float, during: Sequence[int], begin_ns: int, end_ns: int) -> float | None:
    if len(before) < ANSWERS_A_BIN or before_s <= 0:
        return None
    width_s = max(BIN_S, ANSWERS_A_BIN * before_s / len(before))
    expected = len(before) * width_s / before_s
    bins = math.floor((end_ns - begin_ns) / 1e9 / width_s)
    counts = Counter(math.floor((answer - begin_ns) / 1e9 / width_s) for answer in during)
    return round(width_s * sum(counts[index] < expected / 2 for index in range(bins)), 3)


def _lost(requests: Iterable[Request], begin_ns: int, limit_us: float) -> dict[str, int]:
    """Count the requests without a good answer. One that was open at the end is lost if it is older than `limit_us`."""
    counts: Counter[str] = Counter()
    for row in requests:
        if row.error == "in_flight":
            counts["timeout"] += row.latency_us > limit_us
        elif row.error:
            counts[LOSS_OF_ERROR.get(row.error, "other")] += 1
        elif row.status >= 500 and row.end_ns >= begin_ns:
            counts["failed"] += 1
    return {kind: count for kind, count in sorted(counts.items()) if count}
