"""Compares two results, before and after a change: what differs, with 95 % intervals, and whether B is worse than A.

A result is a campaign (of `loadtest`, `matrix`, `capacity`) or a check. Its name may end in `@VERSION`, which takes the
cells of one version only. B is worse in a number if the whole interval lies beyond the margin: a difference that may be
chance is shown, and fails nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from analysis.frames import comparisons
from analysis.frames.cells import Cell, group_by_cell
from analysis.frames.results import load
from analysis.statistics import clusters, ratio
from analysis.summary.verdict_words import is_failure
from stacks.lifecycle.reading import read_json
from stacks.lifecycle.records import RecordError

CHECK_FILE = "check.json"
LEAST_P = 0.05


@dataclass(frozen=True)
class Difference:
    """One number of A and of B. `low` and `high` are the 95 % interval of `change`; None where there is none."""

    what: str
    before: float | None
    after: float | None
    change: float | None  # B - A of a hang rate; B / A of everything else
    low: float | None
    high: float | None
    basis: str  # what the interval rests on
    is_worse: bool


@dataclass(frozen=True)
class PairOfCells:
    """A cell of A and the cell of B that stands for it."""

    before: str
    after: str
    verdict_before: str
    verdict_after: str
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_worse(self) -> bool:
        """True if the workers came back before and do not now, or a number is worse."""
        broke = is_failure(self.verdict_after) and not is_failure(self.verdict_before)
        return broke or any(difference.is_worse for difference in self.differences)


@dataclass(frozen=True)
class TwoResults:
    """The comparison of two results."""

    before: str
    after: str
    margin: float
    pairs: list[PairOfCells]
    only_before: list[str]
    only_after: list[str]

    @property
    def is_worse(self) -> bool:
        """True if B is worse than A in some pair of cells."""
        return any(pair.is_worse for pair in self.pairs)

    def as_json(self, schema: int) -> dict[str, Any]:
        """Return the content of compare.json."""
        pairs = [asdict(pair) | {"is_worse": pair.is_worse} for pair in self.pairs]
        return {"schema": schema, **asdict(self), "pairs": pairs, "is_worse": self.is_worse}


def compare(before: str, after: str, margin: float) -> TwoResults:
    """Compare the results that `before` and `after` name. Raise RecordError if nothing of them can be compared."""
    checks = [_check_file(name) for name in (before, after)]
    if all(checks):
        values = [read_json(path) for path in checks if path is not None]
        return TwoResults(before, after, margin, [_pair_of_checks(values, margin)], [], [])
    if any(checks):
        raise RecordError("a check can only be compared with another check, and a campaign with a campaign")
    cells = [_cells(name) for name in (before, after)]
    matched = match(*cells)
    if not matched:
        raise RecordError(f"{before} and {after} have no stack in common")
    pairs = [_pair(left, right, margin) for left, right in matched]
    names = [{cell.name for pair in matched for cell in (pair[side],)} for side in (0, 1)]
    only = [[cell.name for cell in cells[side] if cell.name not in names[side]] for side in (0, 1)]
    return TwoResults(before, after, margin, pairs, *only)


def match(left: Sequence[Cell], right: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Return the cells that stand for each other: the same version; else the same Python; else the same stack.

    A rule applies to a stack only where it finds exactly one cell on either side, so that no pair is a guess.
    """
    found: list[tuple[Cell, Cell]] = []
    keys = (lambda c: (c.stack, c.version), lambda c: (c.stack, c.python), lambda c: (c.stack,))
    rest = [list(left), list(right)]
    for key in keys:
        for cell in list(rest[0]):
            sides = [[c for c in side if key(c) == key(cell)] for side in rest]
            if len(sides[0]) == len(sides[1]) == 1:
                found.append((cell, sides[1][0]))
                rest[0].remove(cell)
                rest[1].remove(sides[1][0])
    return found


def _check_file(name: str) -> Path | None:
    path = Path(name)
    return path if path.is_file() else path / CHECK_FILE if (path / CHECK_FILE).is_file() else None


def _cells(name: str) -> list[Cell]:
    """Return the cells of a campaign. Raise RecordError."""
    directory, _, version = name.rpartition("@") if "@" in name and not Path(name).exists() else (name, "", "")
    cells = [c for c in group_by_cell(load(Path(directory), mixed_hosts=True)) if version in ("", c.version)]
    if not cells:
        raise RecordError(f"{name}: there are no runs to compare" + (f" of {version}" if version else ""))
    return cells


def _pair(left: Cell, right: Cell, margin: float) -> PairOfCells:
    found = comparisons.compare(left, right)
    differences = [_hang_difference(left.per_run, right.per_run, margin)]
    throughput = found.throughput or ratio.unpaired(_rates(left), _rates(right))
    if throughput is not None:
        basis = f"{throughput.pairs} interleaved pairs of runs" if found.throughput else "the runs of both, not paired"
        before_rps, after_rps = (float(cell.runs["answered_rps"].mean()) for cell in (left, right))
        is_worse = throughput.high < 1 - margin
        differences.append(
            Difference(
                "answered requests/s",
                before_rps,
                after_rps,
                throughput.ratio,
                throughput.low,
                throughput.high,
                basis,
                is_worse,
            )
        )
    before_s, after_s = found.means_s
    if before_s and after_s:
        p = found.log_rank.p if found.log_rank else 1.0
        basis = (
            f"log-rank p {p:.2g}; mean within {found.horizon_s:.3g} s, a worker that never came back counts with all"
        )
        is_worse = after_s > (1 + margin) * before_s and p < LEAST_P
        change = after_s / before_s
        differences.append(Difference("time to ready, s", before_s, after_s, change, None, None, basis, is_worse))
    return PairOfCells(left.name, right.name, left.verdict, right.verdict, differences)


def _rates(cell: Cell) -> list[float]:
    """The answered requests/s of each run."""
    return [float(value) for value in cell.runs["answered_rps"]]


def _hang_difference(
    left: Sequence[clusters.RunCounts], right: Sequence[clusters.RunCounts], margin: float
) -> Difference:
    """Compare two hang rates. The interval is Newcombe's, of the effective trials."""
    before, after = (clusters.hang_rate(side).rate for side in (left, right))
    interval = clusters.difference(right, left)
    low, high = interval or (None, None)
    change = None if before is None or after is None else after - before
    counts = [(sum(h for h, _ in side), sum(n for _, n in side)) for side in (left, right)]
    basis = "Newcombe; " + " and ".join(f"{hung} of {trials}" for hung, trials in counts)
    return Difference("hang rate", before, after, change, low, high, basis, low is not None and low > margin)


def _pair_of_checks(values: list[dict[str, Any]], margin: float) -> PairOfCells:
    """Compare two checks. One run has no interval of a time, so only the hang rate can be worse."""
    for value in values:
        if value["status"] != "done":
            raise RecordError(f"a check came to no verdict: {value['error']}")
    runs = [value["measured"] for value in values]
    counts = [[(run["hung"], run["hung"] + run["respawns"])] for run in runs]
    differences = [_hang_difference(counts[0], counts[1], margin)]
    for what, name in (("median recycle, s", "recycle_median_s"), ("latency p95, s", "latency_p95_s")):
        before, after = (run[name] for run in runs)
        change = after / before if before and after else None
        differences.append(Difference(what, before, after, change, None, None, "one run each, no interval", False))
    names = [f"{v['server']['pyuwsgi'] or v['server']['version']} on Python {v['server']['python']}" for v in values]
    return PairOfCells(names[0], names[1], values[0]["verdict"], values[1]["verdict"], differences)
