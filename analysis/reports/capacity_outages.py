"""Forecasts what a version that hangs does under the demand: when the service level breaks, when no worker is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.capacity import formulas
from analysis.capacity.demand import Demand
from analysis.capacity.measurements import Measurements
from analysis.capacity.recommendation import Recommendation
from analysis.frames.cells import Cell

# Where the plan recommends none.
DEFAULT_WORKERS, DEFAULT_MAX_REQUESTS = 8, 1000


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


def forecasts(cells: Sequence[Cell], demand: Demand, facts: Measurements, advice: Recommendation) -> list[Outage]:
    """One forecast for each cell whose respawns hung, all with the same workers and the same max-requests.

    The settings are the recommended ones; where there are none, the most workers of a cell that hung, and
    DEFAULT_MAX_REQUESTS. The table, the figure and the notebook all show these forecasts.
    """
    hung = [cell for cell in cells if cell.hangs.rate]
    measured = [int(count) for cell in hung for count in cell.runs["workers"].dropna()]
    workers = advice.workers or max(measured, default=DEFAULT_WORKERS)
    return [_forecast(cell, workers, demand, facts, advice) for cell in hung]


def _forecast(cell: Cell, workers: int, demand: Demand, facts: Measurements, advice: Recommendation) -> Outage:
    rate = cell.hangs.rate or 0.0
    limit = advice.max_requests or DEFAULT_MAX_REQUESTS
    hangs = formulas.hangs_to_breach(workers, demand.rps, facts.service_s or 0.0, advice.threads or 1)
    mean_s, sd_s = formulas.outage_s(workers, limit, demand.rps, rate)
    # `hang_s` is a mean over workers with a random start, so it can exceed the mean of the outage. A breach cannot.
    breach_s = min(formulas.hang_s(hangs, workers, limit, demand.rps, rate), mean_s)
    return Outage(cell, rate, workers, limit, hangs, breach_s, mean_s, sd_s)
