"""Cells and their comparisons as rows of tables: for the capacity page, capacity.json and the notebooks."""

from __future__ import annotations

from typing import Any

from analysis.frames import phases
from analysis.frames.cells import Cell
from analysis.frames.comparisons import Comparison
from analysis.statistics import survival


def phase_rows(cell: Cell) -> list[dict[str, Any]]:
    """One row for each phase that the cell's respawns began, with times in seconds.

    `median_s` is None where half of them never ended. `restricted_mean_s` counts a phase that did not end with the
    whole of `horizon_s`.
    """
    rows = []
    for phase, (_, _, what) in phases.PHASES.items():
        sample = phases.phase_sample(cell.episodes, phase)
        if not sample.durations_s:
            continue
        ended = sum(sample.seen)
        horizon_s = survival.common_horizon_s([sample])
        rows.append(
            {
                "cell": cell.name,
                "phase": phase,
                "what": what,
                "began": len(sample.durations_s),
                "ended": ended,
                "median_s": survival.median_s(sample) if ended else None,
                "restricted_mean_s": survival.restricted_mean_s(sample, horizon_s) if ended else horizon_s,
                "horizon_s": horizon_s,
            }
        )
    return rows


def comparison_row(comparison: Comparison) -> dict[str, Any]:
    """The numbers of one comparison; None where a number could not be computed."""
    log_rank, throughput = comparison.log_rank, comparison.throughput
    return {
        "unfixed": comparison.unfixed.name,
        "fixed": comparison.fixed.name,
        "difference": comparison.difference,
        "fisher_p": comparison.fisher_p,
        "log_rank_chi2": log_rank.chi2 if log_rank else None,
        "log_rank_p": log_rank.p if log_rank else None,
        "horizon_s": comparison.horizon_s,
        "restricted_means_s": comparison.means_s,
        "throughput_ratio": None if throughput is None else [throughput.ratio, throughput.low, throughput.high],
        "throughput_p": None if throughput is None else throughput.p,
        "pairs": comparison.pairs,
    }
