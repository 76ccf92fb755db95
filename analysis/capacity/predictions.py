"""Compares measured with predicted: holds every formula of the plan against every run that can check it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pandas as pd

from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.herd_check import check_herd
from analysis.capacity.loss_check import check_loss
from analysis.capacity.measurements import Measurements
from analysis.capacity.outage_check import check_outage
from analysis.frames.results import Results

# Columns of the runs frame without which no formula can be checked.
REQUIRED = ("load_begin_ns", "load_end_ns", "workers", "threads", "max_requests", "offered_rps")


def check_formulas(results: Results, measurements: Measurements) -> list[FormulaCheck]:
    """Return a check for each formula and run that can check it, in the order of the runs."""
    checks: list[FormulaCheck | None] = []
    for run in results.counted.to_dict("records"):
        if any(pd.isna(run[name]) for name in REQUIRED) or not run["max_requests"]:
            continue
        episodes = results.episodes[results.episodes["run_key"] == run["run_key"]]
        checks += [
            check_outage(results, run, episodes),
            check_loss(results, run, episodes, measurements),
            check_herd(run, episodes, measurements),
        ]
    return [check for check in checks if check is not None]


def as_json(checks: list[FormulaCheck]) -> list[dict[str, Any]]:
    """Return the checks for capacity.json."""
    return [asdict(check) for check in checks]
