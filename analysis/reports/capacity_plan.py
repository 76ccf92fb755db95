"""Results and a demand -> the capacity plan: everything that the capacity page and capacity.json say."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analysis.capacity import measurements, predictions, recommendation, version_choice
from analysis.capacity.demand import Demand
from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.frames import cells
from analysis.frames.cells import Cell
from analysis.frames.comparisons import Comparison, compare_hung_cells
from analysis.frames.results import Results, hosts
from analysis.reports import capacity_cautions, capacity_outages, unusable_results
from analysis.reports.capacity_outages import Outage
from analysis.reports.cell_tables import phase_rows
from analysis.reports.verification import Verification

SPARES = (1, 2)  # N+1 and N+2 workers


@dataclass(frozen=True)
class CapacityPlan:
    """All sections of the page. `by_threads` and `spares` are what the recommendation would be with other settings."""

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


def build(results: Results, demand: Demand) -> CapacityPlan:
    """Make the plan. Raises RecordError with a sentence where the results cannot be used."""
    unusable_results.refuse(results)
    counted = results.counted
    measured_cells = cells.group_by_cell(results)
    facts = measurements.measure(results, version_choice.choose_cells(measured_cells))
    cores, memory_mb = _host_limits(counted)
    advice, facts, by_threads = recommendation.best(demand, facts, measured_cells, cores, memory_mb)
    return CapacityPlan(
        results=results,
        demand=demand,
        cells=measured_cells,
        comparisons=compare_hung_cells(measured_cells),
        measured=facts,
        advice=advice,
        outages=capacity_outages.forecasts(measured_cells, demand, facts, advice),
        checks=predictions.check_formulas(results, facts),
        phases=[row for cell in measured_cells for row in phase_rows(cell)],
        by_threads=by_threads,
        spares=[_with_spares(spares, demand, facts, measured_cells, cores, memory_mb) for spares in SPARES],
        cautions=capacity_cautions.cautions(results, measured_cells, facts, advice),
        host="; ".join(hosts(counted)),
    )


def with_verification(plan: CapacityPlan, verification: Verification) -> CapacityPlan:
    """The plan with the result of a run of its recommendation."""
    return replace(plan, verification=verification)


def _host_limits(runs: pd.DataFrame) -> tuple[int | None, float | None]:
    """Cores and memory in MB of the first run's host; None where the run does not say them."""
    first = runs.iloc[0]
    cores = None if pd.isna(first["cores"]) else int(first["cores"])
    return cores, None if pd.isna(first["memory_kib"]) else float(first["memory_kib"]) / 1024


def _with_spares(
    spares: int, demand: Demand, facts: Measurements, found: list[Cell], cores: int | None, memory_mb: float | None
) -> dict[str, Any]:
    """The number of workers with so many spares, or why no number is enough."""
    advice = recommendation.recommend(replace(demand, spares=spares), facts, found, cores, memory_mb)
    return {"spares": spares, "workers": advice.workers, "why_not": advice.why_not}
