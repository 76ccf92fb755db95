"""Results and a demand -> everything that the capacity report says, as objects for the page and numbers for JSON."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.capacity import formulas, measurements, predictions, recommendation, version_choice
from analysis.capacity.demand import Demand
from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.frames import cells, phases
from analysis.frames.cells import Cell
from analysis.frames.comparisons import Comparison, compare_hung_cells
from analysis.frames.results import Results, hosts
from analysis.reports.verification import Verification
from analysis.statistics import survival
from stacks.lifecycle.records import SCHEMA, RecordError
from stacks.lifecycle.verdict import VERDICTS

SPARES = (1, 2)  # N+1, N+2


@dataclass(frozen=True)
class Outage:
    """What an unfixed cell does under the demand, in seconds from the start."""

    cell: Cell
    rate: float
    workers: int
    max_requests: int
    hangs_to_breach: int
    breach_s: float
    outage_s: float
    outage_sd_s: float


@dataclass(frozen=True)
class Report:
    """All sections of the report."""

    results: Results
    demand: Demand
    cells: list[Cell]
    comparisons: list[Comparison]
    measured: Measurements
    advice: Recommendation
    outages: list[Outage]
    checks: list[FormulaCheck]
    phases: list[dict[str, Any]]
    by_threads: list[Recommendation]
    spares: list[dict[str, Any]]
    cautions: list[str]
    host: str
    verification: Verification | None = None


def with_verification(report: Report, verification: Verification) -> Report:
    """The report with what became of its recommendation."""
    return replace(report, verification=verification)


def build(results: Results, demand: Demand) -> Report:
    """Raises RecordError, in a sentence, where the results say nothing at all."""
    refuse_empty(results)
    counted = results.counted
    found = cells.group_by_cell(results)
    facts = measurements.measure(results, version_choice.choose_cells(found))
    first = counted.iloc[0]
    cores = None if pd.isna(first["cores"]) else int(first["cores"])
    memory_mb = None if pd.isna(first["memory_kib"]) else float(first["memory_kib"]) / 1024
    advice, facts, by_threads = recommendation.best(demand, facts, found, cores, memory_mb)
    return Report(
        results,
        demand,
        found,
        compare_hung_cells(found),
        facts,
        advice,
        [outage for cell in found if (outage := _outage(cell, demand, facts, advice)) is not None],
        predictions.check_formulas(results, facts),
        [row for cell in found for row in phase_rows(cell)],
        by_threads,
        _spares(demand, facts, found, cores, memory_mb),
        _cautions(results, found, facts, advice),
        "; ".join(hosts(counted)),
    )


def refuse_empty(results: Results) -> None:
    """Say why there is nothing to report."""
    counted = results.counted
    if counted.empty:
        states = results.runs["status"].value_counts().to_dict()
        what = ", ".join(f"{count} {state}" for state, count in states.items()) or "no run"
        out = f"; left out: {'; '.join(why for _, why in results.left_out)}" if results.left_out else ""
        where = ", ".join(str(path) for path in results.paths)
        raise RecordError(
            f"{where}: no run came to its end ({what}){out}. `make loadtest` makes runs; RESULTS= names others."
        )
    unknown = sorted(set(counted["verdict"]) - set(VERDICTS))
    if unknown:
        raise RecordError(f"a verdict of {', '.join(map(str, unknown))} is not known to this version of the pack.")
    if (counted["verdict"] == "invalid").all() and not counted["respawns"].sum() and not counted["answered"].sum():
        raise RecordError(f"all {len(counted)} runs are invalid: {counted['reason'].iloc[0]}")


def _outage(cell: Cell, demand: Demand, facts: Measurements, advice: Recommendation) -> Outage | None:
    rate = cell.hangs.rate
    if not rate:
        return None
    workers = advice.workers or int(cell.runs["workers"].dropna().max() if cell.runs["workers"].notna().any() else 1)
    limit = advice.max_requests or 1000
    count = formulas.hangs_to_breach(workers, demand.rps, facts.service_s or 0.0, advice.threads or 1)
    mean, spread = formulas.outage_s(workers, limit, demand.rps, rate)
    # No worker can have hung before one has recycled; the formula's k-th hang is a mean from a random start.
    breach = min(formulas.hang_s(count, workers, limit, demand.rps, rate), mean)
    return Outage(cell, rate, workers, limit, count, breach, mean, spread)


def phase_rows(cell: Cell) -> list[dict[str, Any]]:
    """The phases of a cell's respawns as rows of a table."""
    rows = []
    for phase, (_, _, what) in phases.PHASES.items():
        sample = phases.phase_sample(cell.episodes, phase)
        seen = sum(sample.seen)
        if not sample.durations_s:
            continue
        horizon = survival.common_horizon_s([sample])
        rows.append(
            {
                "cell": cell.name,
                "phase": phase,
                "what": what,
                "began": len(sample.durations_s),
                "ended": seen,
                "median_s": survival.median_s(sample) if seen else None,
                "restricted_mean_s": survival.restricted_mean_s(sample, horizon) if seen else horizon,
                "horizon_s": horizon,
            }
        )
    return rows


def _spares(
    demand: Demand, facts: Measurements, found: list[Cell], cores: int | None, memory_mb: float | None
) -> list[dict[str, Any]]:
    rows = []
    for spares in SPARES:
        asked = Demand(demand.rps, demand.slo_p99_s, demand.headroom, spares)
        advice = recommendation.recommend(asked, facts, found, cores, memory_mb)
        rows.append({"spares": spares, "workers": advice.workers, "why_not": advice.why_not})
    return rows


def _cautions(results: Results, found: list[Cell], facts: Measurements, advice: Recommendation) -> list[str]:
    """What a reader must know before relying on it."""
    said = list(advice.cautions)
    counted = results.counted
    polled = int(counted["polled"].fillna(False).sum())
    if polled:
        said.append(
            f"{polled} runs read the stats socket, which wakes the master and shortens respawns: "
            "their times are not comparable with the others"
        )
    short = [cell.name for cell in found if cell.verdict == "recovers" and cell.hangs.trials < 59]
    if short:
        said.append(
            f"fewer than 59 respawns, so a hang rate of 5 % is not ruled out: {', '.join(short)} "
            "(make loadtest CONFIDENCE=1% plans 299)"
        )
    generator = [key for key, limit in facts.limits.items() if limit.limit == "generator"]
    if generator:
        said.append(f"the load generator was the limit of {len(generator)} runs: they are no measure of the stack")
    if len(hosts(counted)) > 1:
        said.append("the runs come from several hosts, as asked: differences may be theirs")
    if not results.samples().empty and not any(kind.mb for kind in facts.kinds):
        said.append("no worker was sampled long enough to know its memory")
    return said


def as_json(report: Report) -> dict[str, Any]:
    """capacity.json: what the page says, for programs."""
    return {
        "schema": SCHEMA,
        "kind": "capacity",
        "demand": vars_of(report.demand) | {"wanted_rps": report.demand.wanted_rps},
        "recommendation": vars(report.advice),
        "host": report.host,
        "cells": [cells.as_row(cell) for cell in report.cells],
        "comparisons": [comparison_row(c) for c in report.comparisons],
        "measured": measurements.as_json(report.measured),
        "phases": report.phases,
        "by_threads": [vars(advice) for advice in report.by_threads],
        "spares": report.spares,
        "unfixed": [vars(o) | {"cell": o.cell.name, "outage_sd_s": o.outage_sd_s} for o in report.outages],
        "measured_against_predicted": predictions.as_json(report.checks),
        "verification": None if report.verification is None else vars(report.verification),
        "cautions": report.cautions,
        "left_out": [{"run": run, "reason": why} for run, why in report.results.left_out],
        "runs": report.results.counted["run_key"].tolist(),
    }


def vars_of(demand: Demand) -> dict[str, float]:
    """A demand's fields; it has slots, so `vars` does not know it."""
    return {name: getattr(demand, name) for name in ("rps", "slo_p99_s", "headroom", "spares")}


def comparison_row(c: Comparison) -> dict[str, Any]:
    """One comparison in numbers."""
    t = c.throughput
    return {
        "unfixed": c.unfixed.name,
        "fixed": c.fixed.name,
        "difference": c.difference,
        "fisher_p": c.fisher_p,
        "log_rank_chi2": c.log_rank.chi2 if c.log_rank else None,
        "log_rank_p": c.log_rank.p if c.log_rank else None,
        "horizon_s": c.horizon_s,
        "restricted_means_s": c.means_s,
        "throughput_ratio": None if t is None else [t.ratio, t.low, t.high],
        "throughput_p": None if t is None else t.p,
        "pairs": c.pairs,
    }
