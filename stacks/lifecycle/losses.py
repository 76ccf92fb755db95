"""Counts what became of the requests of a run, from the recorder's text files (before they become Parquet).

A request that was in flight when the run ended is lost only if it is old: older than every answered request took, and
older than OPEN_S. Otherwise it is open at the end: nobody knows whether its answer would have come in time.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stacks.lifecycle import strict_json
from stacks.lifecycle.records import REQUEST_COLUMNS, REQUEST_PART

TALLY_FILE = "tally.json"  # what the load hosts of a run have counted together

_LATENCY, _STATUS, _ERROR, _PID = map(list(REQUEST_COLUMNS).index, ("latency_us", "status", "error", "pid"))
# A request that is not older than this may wait for a worker that recycles: the master's loop, in which it forks a
# successor, turns once a second (core/master.c).
OPEN_S = 1.0
NOT_LOST = ("", "in_flight", "missed")  # an answer; judged by its age (open_limit_us); never sent
# One of records.REQUEST_ERRORS -> what it means to a client. `malformed` and `other` say too little, a `missed` arrival
# was never sent, and an `in_flight` request is judged by its age.
LOSS_OF_ERROR = {
    "timeout": "timeout",
    "reset": "reset",
    "closed": "reset",
    "truncated": "truncated",
    "refused": "refused",
}


def open_limit_us(slowest_us: int) -> float:
    """Return the age (microseconds) beyond which a request that was in flight at the end is lost.

    `slowest_us` is the latency of the slowest answered request; 0 without an answer.
    """
    return max(slowest_us, OPEN_S * 1e6)


@dataclass
class Tally:
    """What became of some of the requests of a run. The tallies of several load hosts are added."""

    requests: int = 0
    answered: int = 0
    slowest_us: int = 0  # of the answered requests
    counts: Counter[str] = field(default_factory=Counter)  # by kind of loss
    ages_us: list[int] = field(default_factory=list)  # of the requests that were in flight at the end
    pids: set[int] = field(default_factory=set)  # of the workers that answered

    def take(self, fields: list[str]) -> None:
        """Count one row, whose fields are in the order of REQUEST_COLUMNS."""
        error = fields[_ERROR]
        self.requests += error != "missed"
        self.counts[LOSS_OF_ERROR.get(error, "")] += 1
        if error == "in_flight":
            self.ages_us.append(int(fields[_LATENCY]))
        elif not error:
            self.answered += 1
            self.pids.add(int(fields[_PID]))
            self.counts["unnamed"] += fields[_PID] == "0"
            self.counts["failed"] += fields[_STATUS].startswith("5")
            self.slowest_us = max(self.slowest_us, int(fields[_LATENCY]))

    def add(self, other: Tally) -> None:
        """Count what another load host has counted."""
        self.requests += other.requests
        self.answered += other.answered
        self.slowest_us = max(self.slowest_us, other.slowest_us)
        self.counts.update(other.counts)
        self.ages_us += other.ages_us
        self.pids |= other.pids

    def __add__(self, other: Tally) -> Tally:
        total = Tally()
        total.add(self)
        total.add(other)
        return total

    def to_json(self) -> dict[str, Any]:
        numbers = {"requests": self.requests, "answered": self.answered, "slowest_us": self.slowest_us}
        return numbers | {"counts": dict(self.counts), "ages_us": self.ages_us, "pids": sorted(self.pids)}

    @classmethod
    def of(cls, value: Any) -> Tally:
        """Make a tally of what `to_json` returned. Raises ValueError, TypeError or KeyError for anything else."""
        counts = Counter({str(kind): int(count) for kind, count in dict(value["counts"]).items()})
        return cls(
            int(value["requests"]),
            int(value["answered"]),
            int(value["slowest_us"]),
            counts,
            [int(age) for age in value["ages_us"]],
            {int(pid) for pid in value["pids"]},
        )

    def row(self) -> dict[str, Any]:
        """Return the data of the row `losses`; {} if no request was sent."""
        if not self.requests:
            return {}
        limit_us = open_limit_us(self.slowest_us)
        counts = Counter(self.counts)
        counts["timeout"] += sum(age_us > limit_us for age_us in self.ages_us)
        counts["open"] = sum(age_us <= limit_us for age_us in self.ages_us)
        kinds = {kind: count for kind, count in sorted(counts.items()) if kind and count}
        pids = sorted(self.pids - {0})
        return {"requests": self.requests, "answered": self.answered, "answered_pids": pids, **kinds}


def losses(directory: Path) -> dict[str, Any]:
    """Return what became of the requests of the run in `directory`: the data of the row `losses`.

    `requests` were sent, and `answered` of them got an answer, with any status. `answered_pids` are the workers that
    gave an answer, and `unnamed` counts the answers that do not name their worker. The other keys count the lost
    requests by kind of loss: timeout, reset, truncated, refused, and failed (answered with a 5xx status); and those
    that were `open` at the end. A count of 0 among these is left out. Returns {} if no request was sent. A line that
    was cut short is skipped. Load hosts that sent requests have left their tally in TALLY_FILE.
    """
    total = tally(directory)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        total.add(Tally.of(strict_json.loads((directory / TALLY_FILE).read_bytes())))
    return total.row()


def tally(directory: Path) -> Tally:
    """Count what became of the requests whose rows the recorders have left in `directory`."""
    total = Tally()
    for fields in _rows(directory):
        total.take(fields)
    return total


def _rows(directory: Path) -> Iterator[list[str]]:
    """Yield the fields of every complete line of the recorder's files."""
    for part in directory.glob(REQUEST_PART.format(pid="*")):
        for line in part.read_text(encoding="utf-8", errors="replace").splitlines()[1:]:
            fields = line.split("\t")
            if len(fields) == len(REQUEST_COLUMNS):
                yield fields
