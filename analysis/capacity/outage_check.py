"""Compares a prediction with a run in which every worker hung at its first recycle: the time to a total outage.

The prediction is W M / lambda: W workers, max-requests M, and lambda requests a second.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.capacity import formulas
from analysis.capacity.formula_check import FormulaCheck
from analysis.frames.queries import END_NS
from analysis.frames.results import Results

TOLERANCE = 0.10  # of the predicted time
STILL_OFFERED = 0.5  # of the demand, after the last answer


def check_outage(results: Results, run: dict[Any, Any], episodes: pd.DataFrame) -> FormulaCheck | None:
    """Compare the time of the last answer with the time at which W x M requests were offered.

    `run` is a row of the runs frame, `episodes` are its episodes. None if not every worker hung at its first recycle,
    and if the demand did not go on after the last answer.
    """
    first = episodes[episodes["generation"] == 1]
    slots = episodes["slot"].nunique()
    if not slots or first["slot"].nunique() < slots or not (first["outcome"] == "hung_at_fork").all():
        return None
    begin = int(run["load_begin_ns"])
    key = str(run["run_key"]).replace("'", "''")
    last = results.requests(f"max({END_NS}) AS t", f"run_key = '{key}' AND error = ''")["t"].iloc[0]
    if pd.isna(last) or last <= begin:
        return None
    took_s = (int(last) - begin) / 1e9
    # If no worker is left, the load ends before the window.
    end = min(begin + int(float(run["window_s"]) * 1e9), int(run["load_end_ns"]))
    select = f"scheduled_ns < {int(last)} AS before, count(*) AS n"
    scheduled = results.requests(select, f"run_key = '{key}' AND scheduled_ns < {end} GROUP BY 1")
    counts = dict(zip(scheduled["before"].astype(bool), scheduled["n"], strict=True))
    demand_rps = float(counts.get(True, 0)) / took_s
    # Users of a closed loop send nothing while they wait. Their demand depends on the stack, so it proves nothing.
    if last >= end or counts.get(False, 0) < STILL_OFFERED * demand_rps * (end - int(last)) / 1e9:
        return None
    requests = formulas.total_requests(int(run["workers"]), int(run["max_requests"]), int(run["max_requests_delta"]))
    expected_s = requests / demand_rps
    holds = abs(took_s - expected_s) <= TOLERANCE * expected_s
    return FormulaCheck(str(run["run_key"]), "time to total outage", "W M / lambda", expected_s, took_s, "s", holds)
