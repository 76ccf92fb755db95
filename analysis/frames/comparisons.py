"""Compares each cell that hangs with a fixed cell of the same stack: hang rate, time to ready, throughput."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.frames.cells import Cell
from analysis.frames.release import release
from analysis.statistics import clusters, hang_rates, ratio, survival


@dataclass(frozen=True)
class Comparison:
    """An unfixed cell and a fixed one. A value that could not be computed is None."""

    unfixed: Cell
    fixed: Cell
    difference: hang_rates.Interval | None  # hang rate of the unfixed cell minus that of the fixed one
    fisher_p: float | None
    log_rank: survival.Comparison | None  # of the times to ready
    horizon_s: float  # up to which both curves of the time to ready are known
    means_s: tuple[float | None, float | None]  # mean times to ready within the horizon, unfixed and fixed
    throughput: ratio.Ratio | None  # of the fixed cell to the unfixed one
    pairs: int  # of runs that the ratio could use


def compare(unfixed: Cell, fixed: Cell) -> Comparison:
    """Compare the hang rates, the times to ready and the throughput of two cells."""
    samples = (unfixed.ready, fixed.ready)
    both = all(len(sample.durations_s) for sample in samples)
    horizon = survival.common_horizon_s(samples)
    pairs = ratio.matched(unfixed.runs, fixed.runs)
    return Comparison(
        unfixed,
        fixed,
        clusters.difference(unfixed.per_run, fixed.per_run),
        clusters.fisher_p(unfixed.per_run, fixed.per_run),
        survival.log_rank(*samples) if both and any(samples[0].seen) | any(samples[1].seen) else None,
        horizon,
        (_mean_s(samples[0], horizon), _mean_s(samples[1], horizon)),
        ratio.log_ratio(pairs),
        len(pairs),
    )


def _mean_s(sample: survival.Sample, horizon_s: float) -> float | None:
    if not len(sample.durations_s):
        return None
    return survival.restricted_mean_s(sample, horizon_s) if any(sample.seen) else horizon_s


def compare_hung_cells(cells: list[Cell]) -> list[Comparison]:
    """Compare every cell that hangs with the newest version of its stack that recovers.

    A version on the same Python is preferred. A cell without a version that recovers has no comparison.
    """
    comparisons = []
    for cell in cells:
        if not cell.verdict.startswith("hung"):
            continue
        fixed = [c for c in cells if c.stack == cell.stack and c.verdict == "recovers"]
        if fixed:
            best = max(fixed, key=lambda c: (c.python == cell.python, release(c.package_version)))
            comparisons.append(compare(cell, best))
    return comparisons
