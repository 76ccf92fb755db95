"""Draws the figures of the capacity page and of the notebooks: which cells, runs and numbers each of them shows.

Each function returns None where the results have no runs for its figure.
"""

from __future__ import annotations

from collections.abc import Sequence

from analysis.capacity import formulas
from analysis.capacity.demand import Demand
from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.figures import (
    forest_plot,
    hang_rate_heatmap,
    outage_time,
    ready_curves,
    throughput_curve,
    throughput_scene,
)
from analysis.frames import phases
from analysis.frames.cells import Cell
from analysis.reports.capacity_outages import DEFAULT_MAX_REQUESTS, Outage
from analysis.reports.titled_figure import TitledFigure

MOST_CURVES = 8  # nobody can tell more curves apart
MOST_RATES = 3  # as many as there are line styles
LEAST_RATE = 0.005  # a smaller hang rate would be written as 0 %


def hang_forest(cells: Sequence[Cell]) -> TitledFigure | None:
    """The hang rates of all cells with respawns."""
    rows = [cell for cell in cells if cell.hangs.trials]
    if not rows:
        return None
    return TitledFigure("hang-rate", forest_plot.title(rows), forest_plot.alt_text(rows), forest_plot.draw(rows))


def versions(cells: Sequence[Cell]) -> TitledFigure | None:
    """Draw the hang rates by version of one stack, the one that ran at most versions. None if no run has a respawn.

    Only one stack, because another stack may hang for another reason.
    """
    stacks: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.hangs.trials:
            stacks.setdefault(cell.stack, []).append(cell)
    if not stacks:
        return None
    name, rows = max(stacks.items(), key=lambda item: len(item[1]))
    fields = hang_rate_heatmap.fields_of(rows)
    title = f"{hang_rate_heatmap.title(fields)} (stack {name})"
    figure = hang_rate_heatmap.draw(rows, title)
    return TitledFigure("versions", title, hang_rate_heatmap.alt_text(fields), figure)


def time_to_ready(cells: Sequence[Cell]) -> TitledFigure | None:
    """The time from exit to ready, of the MOST_CURVES cells with most respawns."""
    samples = [(cell.name, phases.ready_sample(cell.episodes)) for cell in cells]
    with_times = [named for named in samples if named[1].durations_s]
    if not with_times:
        return None
    named = sorted(with_times, key=lambda item: -len(item[1].durations_s))[:MOST_CURVES]
    return TitledFigure(
        "time-to-ready", ready_curves.title(named), ready_curves.alt_text(named), ready_curves.draw(named)
    )


def capacity_curve(measured: Measurements, advice: Recommendation, demand: Demand) -> TitledFigure | None:
    """The fitted law with the recommendation on it."""
    if measured.curve is None or measured.service_s is None or measured.away_s is None:
        return None
    max_requests, threads = advice.max_requests or DEFAULT_MAX_REQUESTS, advice.threads or 1
    scene = throughput_scene.Scene(
        points=measured.curve_points,
        fit=measured.curve,
        demand=demand,
        efficiency=formulas.efficiency(max_requests, measured.service_s, measured.away_s, threads),
        max_requests=max_requests,
        threads=threads,
        workers=advice.workers,
        spares=advice.spares,
    )
    title, alt_text = throughput_scene.title(scene), throughput_scene.alt_text(scene)
    return TitledFigure("capacity", title, alt_text, throughput_curve.draw(scene))


def outages(forecasts: Sequence[Outage], demand: Demand, checks: Sequence[FormulaCheck]) -> TitledFigure | None:
    """The time to a total outage at the highest hang rates that were measured, with the settings of the forecasts."""
    rates = [forecast.rate for forecast in forecasts]
    distinct = sorted({round(rate, 2) for rate in rates if rate >= LEAST_RATE}, reverse=True)[:MOST_RATES]
    if not distinct:
        return None
    measured = [(c.predicted, c.measured) for c in checks if c.what.startswith("time to total outage")]
    scene = outage_time.Scene(forecasts[0].workers, demand.rps, distinct, measured, forecasts[0].max_requests)
    return TitledFigure("outage", outage_time.title(scene), outage_time.alt_text(scene), outage_time.draw(scene))
