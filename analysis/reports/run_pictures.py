"""Draws two runs beside each other: chooses a run that hangs and a run that recovers, and makes their swimlane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.figures import swimlane
from analysis.frames.cells import Cell
from analysis.frames.results import Results
from analysis.reports.titled_figure import TitledFigure
from analysis.summary.run_findings import PicturedRun, alt_text, run_finding


def worst_and_best(cells: Sequence[Cell]) -> tuple[str, str] | None:
    """The `run_key` of a run that hangs and of a run that recovers; None where the cells have only one of them.

    The run that hangs is the first one of the cell with the highest hang rate. The other run is of a cell with the same
    stack and Python if possible; of its runs, the one with the most similar load window.
    """
    hung = [c for c in cells if c.verdict.startswith("hung") and c.runs["load_begin_ns"].notna().any()]
    recovering = [c for c in cells if c.verdict == "recovers"]
    if not hung or not recovering:
        return None
    worst = max(hung, key=lambda c: (c.hangs.rate or 0.0, c.hangs.trials))
    best = max(recovering, key=lambda c: (c.stack == worst.stack, c.python == worst.python, c.hangs.trials))
    rows = [
        cell.runs[(cell.runs["verdict"] == cell.verdict) & cell.runs["load_begin_ns"].notna()] for cell in (worst, best)
    ]
    differences_s = rows[1]["window_s"].sub(rows[0]["window_s"].iloc[0]).abs().astype(float)
    return str(rows[0]["run_key"].iloc[0]), str(rows[1]["run_key"].iloc[int(np.argmin(differences_s))])


def swimlanes(results: Results, left_key: str, right_key: str) -> TitledFigure | None:
    """The swimlane of two runs by their `run_key`; None where one of them had no load."""
    left, right = _side(results, left_key), _side(results, right_key)
    if left is None or right is None:
        return None
    title = f"{left.name}: {run_finding(left)}; {right.name}: {run_finding(right)}"
    return TitledFigure("swimlane", title, alt_text(left, right), swimlane.draw(left, right))


def _side(results: Results, run_key: str) -> PicturedRun | None:
    run, episodes, seconds = results.one_run(run_key)
    if pd.isna(run["load_begin_ns"]) or pd.isna(run["load_end_ns"]):
        return None
    begin_ns = int(run["load_begin_ns"])
    end_s = (int(run["load_end_ns"]) - begin_ns) / 1e9
    name = f"{run['stack_id']} x {run['version']}"
    return PicturedRun(name, run["verdict"], begin_ns, end_s, float(run["window_s"]), episodes, seconds)
