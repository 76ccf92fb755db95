"""Results -> the pictures of the report: which runs and cells each one shows, its title and its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.capacity import formulas
from analysis.capacity.demand import Demand
from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.figures import forest, heatmap, outage, ready_curves, recycle_dips, swimlane, throughput_curve
from analysis.frames import phases
from analysis.frames.cells import Cell
from analysis.frames.results import Results
from analysis.reports.campaign_pictures import data_uri
from analysis.summary.run_findings import PicturedRun, alt_text, run_finding

MOST_CURVES, MOST_PANELS = 8, 8  # more and nobody can tell them apart
FINE_S = 0.02
SETTINGS = ["workers", "threads", "max_requests", "max_requests_delta"]
WAVES = 20  # of a run; more only cost time


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure with what is said of it."""

    name: str
    title: str
    alt: str
    figure: Figure

    def svg(self) -> str:
        """The figure for a page, as a data URI."""
        return data_uri(self.figure)


def hang_forest(cells: Sequence[Cell]) -> Shown | None:
    """All cells with respawns."""
    rows = [cell for cell in cells if cell.hangs.trials]
    return Shown("hang-rate", forest.finding(rows), forest.alt(rows), forest.forest(rows)) if rows else None


def versions(cells: Sequence[Cell]) -> Shown | None:
    """One stack at all its versions, because another stack may hang for another reason: the one with most of them."""
    stacks: dict[str, list[Cell]] = {}
    for cell in cells:
        if cell.hangs.trials:
            stacks.setdefault(cell.stack, []).append(cell)
    if not stacks:
        return None
    name, rows = max(stacks.items(), key=lambda item: len(item[1]))
    fields = heatmap.grid(rows)
    title = f"{heatmap.finding(fields)} (stack {name})"
    return Shown("versions", title, heatmap.alt(fields), heatmap.heatmap(rows, title))


def time_to_ready(cells: Sequence[Cell]) -> Shown | None:
    """The cells with most respawns."""
    found = [(cell.name, phases.ready_sample(cell.episodes)) for cell in cells]
    named = sorted((n for n in found if n[1].durations_s), key=lambda n: -len(n[1].durations_s))[:MOST_CURVES]
    return (
        Shown("time-to-ready", ready_curves.finding(named), ready_curves.alt(named), ready_curves.ready(named))
        if named
        else None
    )


def recoveries(results: Results, cells: Sequence[Cell]) -> Shown | None:
    """Cells whose load ran long enough before a wave of recycles."""
    end = "start_ns + latency_us * 1000"
    columns = f"run_key, ({end}) // {int(FINE_S * 1e9)} AS bin, count(*) AS n"
    counts = results.requests(columns, "error = '' GROUP BY ALL")
    if counts.empty:
        return None
    by_run = dict(tuple(counts.groupby("run_key")))
    panels = []
    for cell in cells:
        settings = cell.runs.groupby(SETTINGS, dropna=False, sort=False)
        for values, runs in settings:
            answers = [
                answered
                for run in runs.to_dict("records")
                if (answered := _answered(run, cell.episodes, by_run.get(run["run_key"]))) is not None
            ]
            if answers:
                # Runs of one cell may differ in what an average over them would blur.
                name = cell.name + (f" x {_setting(values)}" if len(settings) > 1 else "")
                panels.append(recycle_dips.panel(name, answers, cell.verdict != "recovers"))
    # Where nothing was answered before, nothing can come back.
    panels = [panel for panel in panels if panel.before > 0][:MOST_PANELS]
    if not panels:
        return None
    return Shown("recovery", recycle_dips.finding(panels), recycle_dips.alt(panels), recycle_dips.recovered(panels))


def _setting(values: Any) -> str:
    """Workers, threads, max-requests and delta of a run in a few letters."""
    workers, threads, limit, delta = values
    of, more = f" of {threads}" if threads != 1 else "", f" + {delta}" if delta else ""
    return f"{workers} workers{of}, max-requests {limit}{more}"


def _answered(run: dict[Any, Any], episodes: pd.DataFrame, rows: pd.DataFrame | None) -> recycle_dips.Answered | None:
    if rows is None or pd.isna(run["load_begin_ns"]) or pd.isna(run["load_end_ns"]):
        return None
    begin = int(run["load_begin_ns"])
    of_run = episodes[episodes["run_key"] == run["run_key"]]
    last_s = (int(run["load_end_ns"]) - begin) / 1e9
    events = [
        t
        for t in recycle_dips.events_s(of_run, begin)
        # Half a second of load tells the level before; a wave that began with the load has none.
        if t >= recycle_dips.BEFORE_S / 2 and t <= max(last_s - recycle_dips.AFTER_S, recycle_dips.BEFORE_S)
    ][:WAVES]
    if not events:
        return None
    done = (rows["bin"].to_numpy(float) + 0.5) * FINE_S - begin / 1e9
    return recycle_dips.Answered(done, rows["n"].to_numpy(float), events)


def capacity_curve(measured: Measurements, advice: Recommendation, demand: Demand) -> Shown | None:
    """The fitted law with the recommendation on it."""
    if measured.curve is None or measured.service_s is None or measured.away_s is None:
        return None
    m, threads = advice.max_requests or 1000, advice.threads or 1
    scene = throughput_curve.Scene(
        measured.curve_points,
        measured.curve,
        demand,
        formulas.efficiency(m, measured.service_s, measured.away_s, threads),
        m,
        threads,
        advice.workers,
        advice.spares,
    )
    return Shown(
        "capacity", throughput_curve.finding(scene), throughput_curve.alt(scene), throughput_curve.curve(scene)
    )


def outages(
    advice: Recommendation, demand: Demand, rates: Sequence[float], checks: Sequence[FormulaCheck]
) -> Shown | None:
    """What happens if the unfixed version ships; None where none was seen to hang."""
    if not rates:
        return None
    met = [(c.predicted, c.measured) for c in checks if c.what.startswith("time to total outage")]
    distinct = sorted({round(rate, 2) for rate in rates if rate >= 0.005}, reverse=True)[:3]
    if not distinct:
        return None
    scene = outage.Scene(advice.workers or 8, demand.rps, distinct, met, advice.max_requests)
    return Shown("outage", outage.finding(scene), outage.alt(scene), outage.outage(scene))


def side(results: Results, run_key: str) -> PicturedRun | None:
    """One run as a half of the swimlane; None when no load ever began in it."""
    run, episodes, seconds = results.one_run(run_key)
    if pd.isna(run["load_begin_ns"]) or pd.isna(run["load_end_ns"]):
        return None
    begin = int(run["load_begin_ns"])
    end_s = (int(run["load_end_ns"]) - begin) / 1e9
    name = f"{run['stack_id']} x {run['version']}"
    return PicturedRun(name, run["verdict"], begin, end_s, float(run["window_s"]), episodes, seconds)


def swimlanes(results: Results, left_key: str, right_key: str) -> Shown | None:
    """Two runs beside each other."""
    left, right = side(results, left_key), side(results, right_key)
    if left is None or right is None:
        return None
    title = f"{left.name}: {run_finding(left)}; {right.name}: {run_finding(right)}"
    return Shown("swimlane", title, alt_text(left, right), swimlane.swimlane(left, right))


def worst_and_best(cells: Sequence[Cell]) -> tuple[str, str] | None:
    """The first run of the cell that hangs most, and of a cell that recovers, of the same stack where there is one."""
    hung = [c for c in cells if c.verdict.startswith("hung") and c.runs["load_begin_ns"].notna().any()]
    fine = [c for c in cells if c.verdict == "recovers"]
    if not hung or not fine:
        return None
    worst = max(hung, key=lambda c: (c.hangs.rate or 0.0, c.hangs.trials))
    best = max(fine, key=lambda c: (c.stack == worst.stack, c.python == worst.python, c.hangs.trials))
    rows = [
        cell.runs[(cell.runs["verdict"] == cell.verdict) & cell.runs["load_begin_ns"].notna()] for cell in (worst, best)
    ]
    # Runs of one length beside each other where there are such.
    lengths = rows[1]["window_s"].sub(rows[0]["window_s"].iloc[0]).abs().astype(float)
    return str(rows[0]["run_key"].iloc[0]), str(rows[1]["run_key"].iloc[int(np.argmin(lengths))])
