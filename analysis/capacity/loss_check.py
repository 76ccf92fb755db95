"""Holds the throughput that recycling costs, R T / (M s + R T), against a saturated run.

The reference is a saturated run of the same size without recycling.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analysis.capacity import formulas
from analysis.capacity.formula_check import FormulaCheck
from analysis.capacity.measurements import Measurements
from analysis.capacity.points import SATURATED
from analysis.frames.queries import END_NS
from analysis.frames.results import Results

TOLERANCE = 0.02  # of the throughput
FEWEST_EXITS = 3  # of a slot, so that it has two whole cycles


def _whole_cycles(results: Results, run_key: str, episodes: pd.DataFrame) -> tuple[float, float] | None:
    """Answers a second, and mean absence in seconds, of each slot from its first exit to its last.

    The formula describes whole cycles. The load window would cut cycles at any point, and all workers begin together.
    """
    spans, absences = [], []
    for slot, rows in episodes.groupby("slot"):
        rows = rows[rows["exit_begun_ns"].notna()].sort_values("exit_begun_ns")
        if len(rows) < FEWEST_EXITS:
            return None
        spans.append((int(str(slot)), int(rows["exit_begun_ns"].iloc[0]), int(rows["exit_begun_ns"].iloc[-1])))
        absences += rows["respawn_s"].astype(float).tolist()[:-1]  # the last absence is not part of the span
    if not spans or not np.isfinite(absences).all():
        return None
    inside = " OR ".join(
        f"(slot = {slot} AND {END_NS} > {first} AND {END_NS} <= {last})" for slot, first, last in spans
    )
    key = run_key.replace("'", "''")
    counts = results.requests("slot, count(*) AS n", f"run_key = '{key}' AND error = '' AND ({inside}) GROUP BY slot")
    by_slot = dict(zip(counts["slot"].astype(int), counts["n"], strict=True)) if len(counts) else {}
    rps = sum(by_slot.get(slot, 0) / ((last - first) / 1e9) for slot, first, last in spans)
    return float(rps), float(np.mean(absences))


def _service_while_recycling_s(episodes: pd.DataFrame, max_requests: float, threads: int) -> float | None:
    """Return how many seconds a request occupied a thread: the mean life of a worker, times threads, over max-requests.

    A life is the time from ready to the next exit. The first life of each slot does not count, because it began before
    the load. None if there is no other life.
    """
    lives_s: list[float] = []
    for _, rows in episodes.sort_values("generation").groupby("slot"):
        spans = (rows["exit_begun_ns"].shift(-1) - rows["ready_ns"]).iloc[1:].dropna()
        lives_s += (spans.astype(float) / 1e9).tolist()
    return float(np.mean(lives_s)) * threads / max_requests if lives_s else None


def _rps_without_recycling(results: Results, run: dict[Any, Any], measurements: Measurements) -> float | None:
    """The throughput of the same size without recycling; if possible of the same round, because hosts drift."""
    same = [p for p in measurements.points if p.workers == run["workers"] and p.threads == run["threads"]]
    rounds = results.counted.set_index("run_key")[["campaign", "trial"]]
    near = [p for p in same if tuple(rounds.loc[p.run_key]) == (run["campaign"], run["trial"])] or same
    return sum(p.rps for p in near) / len(near) if near else None


def check_loss(
    results: Results, run: dict[Any, Any], episodes: pd.DataFrame, measurements: Measurements
) -> FormulaCheck | None:
    """Compare the loss of throughput, in per cent, of a saturated run that recycled with the formula.

    `run` is a row of the runs frame, `episodes` are its episodes. None if the run was not saturated or did not recycle,
    if a slot has no two whole cycles, and without a reference.
    """
    key = str(run["run_key"])
    limit = measurements.limits.get(key)
    if limit is None or limit.limit not in SATURATED or run["verdict"] != "recovers" or not run["respawns"]:
        return None
    reference_rps = _rps_without_recycling(results, run, measurements)
    cycles = None if reference_rps is None else _whole_cycles(results, key, episodes)
    if reference_rps is None or cycles is None:
        return None
    rps, away_s = cycles
    threads, workers = int(run["threads"]), int(run["workers"])
    # The mean over the workers, because a delta gives each worker another limit.
    total = formulas.total_requests(workers, int(run["max_requests"]), int(run["max_requests_delta"]))
    max_requests = total / workers
    service_s = workers * threads / reference_rps
    predicted = 1 - formulas.efficiency(max_requests, service_s, away_s, threads)
    measured = 1 - rps / reference_rps
    holds = abs(measured - predicted) <= TOLERANCE
    what = f"throughput lost, max-requests {int(run['max_requests'])}"
    # Mostly this explains a difference: the host was busier in one of the two runs.
    own_s = _service_while_recycling_s(episodes, max_requests, threads)
    what += "" if own_s is None else f" (requests took {100 * (own_s / service_s - 1):+.0f} %)"
    return FormulaCheck(key, what, "R T / (M s + R T)", 100 * predicted, 100 * measured, "%", holds)
