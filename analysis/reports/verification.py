"""Judges the run that verifies a capacity plan: whether the recommended configuration met the service level."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.capacity.demand import Demand
from analysis.frames.results import Results
from stacks.lifecycle.records import RecordError

LEAST_OFFERED = 0.99  # of the demand; with less load the run says nothing of the demand


@dataclass(frozen=True)
class Verification:
    """The result of a run of the recommended configuration under the demand; `reason` is a clause."""

    is_met: bool
    reason: str
    run_key: str
    p99_s: float
    offered_rps: float
    answered_rps: float
    recycles: int
    workers: int

    @property
    def gap(self) -> str:
        """What the run cannot show, although it met the service level; an empty text if it shows everything."""
        if self.recycles >= self.workers:
            return ""
        if not self.recycles:
            return "no worker recycled in this run, so it does not show what recycling costs"
        return f"only {self.recycles} of {self.workers} workers recycled in this run, so it shows little of that cost"


def judge(demand: Demand, results: Results) -> Verification:
    """Judge the only run of `results`. Raises RecordError if the run did not come to its end."""
    counted = results.counted
    if counted.empty:
        error = "; ".join(results.runs["error"].dropna()) or "its log says why"
        raise RecordError(f"the run that verifies the plan did not come to its end: {error}")
    run: dict[Any, Any] = counted.iloc[0].to_dict()
    p99_s = math.inf if pd.isna(run["p99_ms"]) else float(run["p99_ms"]) / 1e3
    offered_rps = 0.0 if pd.isna(run["offered_rps"]) else float(run["offered_rps"])
    answered_rps = 0.0 if pd.isna(run["answered_rps"]) else float(run["answered_rps"])
    breaches = _breaches(demand, run, p99_s, offered_rps)
    success = f"{offered_rps:.0f} requests/s were offered, and 99 % of them were answered within {1e3 * p99_s:.0f} ms"
    return Verification(
        not breaches,
        "; ".join(breaches) or success,
        str(run["run_key"]),
        p99_s,
        offered_rps,
        answered_rps,
        int(run["respawns"]),
        int(run["workers"]),
    )


def _breaches(demand: Demand, run: dict[Any, Any], p99_s: float, offered_rps: float) -> list[str]:
    """Every reason why the run does not show that the service level is met."""
    breaches = []
    if run["verdict"] not in ("recovers", "invalid"):  # `invalid` only means too few recycles for a verdict
        breaches.append(f"its verdict is {run['verdict']}")
    if p99_s > demand.slo_p99_s:
        took = "was never reached" if math.isinf(p99_s) else f"was {1e3 * p99_s:.0f} ms"
        breaches.append(f"the 99th percentile {took}, and {1e3 * demand.slo_p99_s:.0f} ms are allowed")
    if run["missed"]:
        breaches.append(f"the generator could not start {int(run['missed'])} requests, so the run proves nothing")
    # The number of Poisson arrivals varies by chance: three standard deviations are allowed.
    if offered_rps < LEAST_OFFERED * demand.rps - 3 * math.sqrt(demand.rps / float(run["window_s"])):
        breaches.append(f"only {offered_rps:.0f} requests/s were offered")
    return breaches
