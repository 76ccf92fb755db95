"""Forecasts what a version that hangs does under the demand: when the service level breaks, when no worker is left."""

from __future__ import annotations

from dataclasses import dataclass

from analysis.capacity import formulas
from analysis.capacity.demand import Demand
from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.frames.cells import Cell

# Where the plan recommends no max-requests.
DEFAULT_MAX_REQUESTS = 1000


@dataclass(frozen=True)
class Outage:
    """The forecast for one cell, in seconds from the start of its workers. Its fields are keys of capacity.json."""

    cell: Cell
    rate: float  # of respawns that hang
    workers: int
    max_requests: int
    hangs_to_breach: int  # with so many hung workers, the others cannot answer the demand
    breach_s: float
    outage_s: float  # the mean
    outage_sd_s: float


def forecast(cell: Cell, demand: Demand, facts: Measurements, advice: Recommendation) -> Outage | None:
    """The forecast with the recommended workers and max-requests; None for a cell whose respawns did not hang."""
    rate = cell.hangs.rate
    if not rate:
        return None
    workers = advice.workers or int(cell.runs["workers"].dropna().max() if cell.runs["workers"].notna().any() else 1)
    limit = advice.max_requests or DEFAULT_MAX_REQUESTS
    hangs = formulas.hangs_to_breach(workers, demand.rps, facts.service_s or 0.0, advice.threads or 1)
    mean_s, sd_s = formulas.outage_s(workers, limit, demand.rps, rate)
    # `hang_s` is a mean over workers with a random start, so it can exceed the mean of the outage. A breach cannot.
    breach_s = min(formulas.hang_s(hangs, workers, limit, demand.rps, rate), mean_s)
    return Outage(cell, rate, workers, limit, hangs, breach_s, mean_s, sd_s)
