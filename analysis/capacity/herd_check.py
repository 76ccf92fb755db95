"""Holds the simulated herd, the most workers away at once, against a run under a demand that the stack meets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.capacity import formulas, herd
from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.measurements import Measurements

SEEDS = 20  # simulations with each way of balancing
REAP_INTERVAL_S = 1.0  # the master looks for dead workers once a second (core/master.c)
OPEN_SCENARIO = "open"  # it has a demand of its own, also if the plan gives no rate
MOST_BUSY = 0.8  # of the threads: a busier stack may not meet the demand while workers are away


def workers_down(episodes: pd.DataFrame, begin_ns: int, end_ns: int) -> int:
    """Return the most slots without a ready worker at one moment, over absences that began within the window."""
    rows = episodes[episodes["generation"] > 0]
    begun = rows["exit_begun_ns"].fillna(rows["exited_ns"]).fillna(rows["forked_ns"])
    inside = begun.between(begin_ns, end_ns)
    until = rows["ready_ns"].fillna(rows["watched_until_ns"])
    steps = [(int(t), 1) for t in begun[inside]] + [(int(t), -1) for t in until[inside]]
    return int(max(np.cumsum([step for _, step in sorted(steps)]), default=0))


def check_herd(run: dict[Any, Any], episodes: pd.DataFrame, measurements: Measurements) -> FormulaCheck | None:
    """Compare the most workers away at once with the range of 40 simulations of the run.

    `run` is a row of the runs frame, `episodes` are its episodes. None if the run did not recycle, if it has no open
    demand, and if the demand nearly saturates the stack.
    """
    service_s, away_s = measurements.for_threads(int(run["threads"])).service_s, measurements.away_s
    if service_s is None or away_s is None or run["verdict"] != "recovers" or not run["respawns"]:
        return None
    if pd.isna(run["rate"]) and run["scenario"] != OPEN_SCENARIO:
        return None  # users of a closed loop wait for their answers, so there is no fixed demand
    key, demand_rps, workers = str(run["run_key"]), float(run["offered_rps"]), int(run["workers"])
    if pd.isna(demand_rps) or demand_rps * service_s >= MOST_BUSY * workers * int(run["threads"]):
        return None
    begin = int(run["load_begin_ns"])
    window_s = float(run["window_s"])
    back = episodes[np.isfinite(episodes["respawn_s"].astype(float))]
    # Exit and start; the simulation adds the wait for the master's loop between them.
    own_ns = (back["exited_ns"] - back["exit_begun_ns"]) + (back["ready_ns"] - back["forked_ns"])
    if own_ns.dropna().empty:
        return None
    setting = herd.Setting(
        workers=workers,
        max_requests=int(run["max_requests"]),
        demand_rps=demand_rps,
        service_s=service_s,
        away_s=float(own_ns.dropna().mean()) / 1e9,
        delta=int(run["max_requests_delta"]),
        threads=int(run["threads"]),
        min_lifetime_s=float(run["min_worker_lifetime_s"]),
        reap_interval_s=REAP_INTERVAL_S,
    )
    # The kernel decides which idle worker gets a connection. Measured counts lie between these two ways.
    peaks = [
        herd.simulate(replace(setting, balance=balance), window_s, seed).peak_down
        for balance in ("random", "lifo")
        for seed in range(SEEDS)
    ]
    measured = workers_down(episodes, begin, begin + int(window_s * 1e9))
    needed = formulas.delta_against_herd(workers, demand_rps, away_s)
    simulated = f"simulated: {min(peaks)} to {max(peaks)}"
    what = f"most workers away at once, delta {setting.delta} (computed: {needed}; {simulated})"
    holds = min(peaks) <= measured <= max(peaks)
    return FormulaCheck(key, what, "event simulation", float(np.median(peaks)), float(measured), "workers", holds)
