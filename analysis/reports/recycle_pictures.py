"""Draws how throughput falls and comes back around recycles, with one panel for each cell and settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from analysis.figures import recycle_dips, recycle_waves
from analysis.figures.recycle_waves import Dip, RunAnswers
from analysis.frames.cells import Cell
from analysis.frames.results import Results
from analysis.reports.titled_figure import TitledFigure

MOST_PANELS = 8  # more panels would be too small
BIN_S = 0.02  # answers are counted in bins of this length
MOST_WAVES = 20  # of one run; more of them take time and do not change the mean
SETTINGS = ["workers", "threads", "max_requests", "max_requests_delta"]


def recoveries(results: Results, cells: Sequence[Cell]) -> TitledFigure | None:
    """The mean throughput around recycles; None where no load ran long enough before and after a wave of recycles."""
    end_ns = "start_ns + latency_us * 1000"
    columns = f"run_key, ({end_ns}) // {int(BIN_S * 1e9)} AS bin, count(*) AS n"
    counts = results.requests(columns, "error = '' GROUP BY ALL")
    if counts.empty:
        return None
    by_run = dict(tuple(counts.groupby("run_key")))
    dips = [dip for cell in cells for dip in _dips(cell, by_run)]
    # Where nothing was answered before, nothing can come back.
    dips = [dip for dip in dips if dip.level_rps > 0][:MOST_PANELS]
    if not dips:
        return None
    return TitledFigure("recovery", recycle_dips.title(dips), recycle_dips.alt_text(dips), recycle_dips.draw(dips))


def _dips(cell: Cell, by_run: dict[Any, pd.DataFrame]) -> list[Dip]:
    """The dips of a cell: one for each settings of its runs, because a mean over different settings shows neither."""
    groups = cell.runs.groupby(SETTINGS, dropna=False, sort=False)
    dips = []
    for settings, runs in groups:
        answers = [_answers(run, cell.episodes, by_run.get(run["run_key"])) for run in runs.to_dict("records")]
        with_waves = [answer for answer in answers if answer is not None]
        if with_waves:
            words = _settings_in_words(settings) if len(groups) > 1 else ""
            dips.append(recycle_waves.mean_dip(cell.name, with_waves, cell.verdict != "recovers", words))
    return dips


def _settings_in_words(settings: Any) -> str:
    workers, threads, max_requests, delta = settings
    of_threads = f" of {threads} threads" if threads != 1 else ""
    return f"{workers} workers{of_threads}, max-requests {max_requests}" + (f", delta {delta}" if delta else "")


def _answers(run: dict[Any, Any], episodes: pd.DataFrame, bins: pd.DataFrame | None) -> RunAnswers | None:
    """The answers of a run and its waves; None where no wave has load before and after it."""
    if bins is None or pd.isna(run["load_begin_ns"]) or pd.isna(run["load_end_ns"]):
        return None
    begin_ns = int(run["load_begin_ns"])
    last_s = (int(run["load_end_ns"]) - begin_ns) / 1e9
    # Half a second of load is enough to know the level before; a wave that began with the load has no such level.
    earliest_s = recycle_waves.BEFORE_S / 2
    latest_s = max(last_s - recycle_waves.AFTER_S, recycle_waves.BEFORE_S)
    of_run = episodes[episodes["run_key"] == run["run_key"]]
    waves_s = [t for t in recycle_waves.wave_begins_s(of_run, begin_ns) if earliest_s <= t <= latest_s][:MOST_WAVES]
    if not waves_s:
        return None
    done_s = (bins["bin"].to_numpy(float) + 0.5) * BIN_S - begin_ns / 1e9
    return RunAnswers(done_s, bins["n"].to_numpy(float), waves_s)
