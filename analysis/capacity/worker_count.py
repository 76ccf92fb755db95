"""Computes from the capacity curve how many workers the throughput needs, or why no number of them is enough.

Every throughput is the lower 95 % limit of the curve times the efficiency that recycling leaves.
"""

from __future__ import annotations

import math

from analysis.capacity.demand import Demand
from analysis.statistics.usl import Fit

# The curve is only known for the measured sizes. A plan may go a quarter beyond them, and then has a caution.
EXTRAPOLATION = 1.25


def lower_rps(curve: Fit, workers: int, threads: int, efficiency: float) -> float:
    """Return the requests a second that `workers` workers answer at least.

    `efficiency` is the share of the throughput that recycling leaves, from 0 to 1.
    """
    return float(curve.band(workers * threads)[0]) * efficiency


def _most_workers(curve: Fit, threads: int) -> int:
    return int(min(curve.peak, EXTRAPOLATION * curve.largest) // threads)


def workers_for_throughput(curve: Fit, wanted_rps: float, efficiency: float, threads: int) -> int | None:
    """Return the least number of workers that answers `wanted_rps`; None if no number does within the curve."""
    for workers in range(1, max(1, _most_workers(curve, threads)) + 1):
        if lower_rps(curve, workers, threads, efficiency) >= wanted_rps:
            return workers
    return None


def why_too_few(curve: Fit, demand: Demand, efficiency: float, threads: int) -> str:
    """Say how much this host answers at most, and how many such hosts the demand needs."""
    most = _most_workers(curve, threads)
    best = max(lower_rps(curve, workers, threads, efficiency) for workers in range(1, max(1, most) + 1))
    hosts = math.ceil(demand.wanted_rps / best) if best > 0 else None
    more = f"; {hosts} such hosts would" if hosts else ""
    reach = (
        "at its peak"
        if curve.peak <= EXTRAPOLATION * curve.largest
        else f"with {most} workers, the most that the measured sizes carry,"
    )
    return (
        f"not feasible on this host: {demand.wanted_rps:.0f} requests/s are wanted "
        f"({demand.rps:.0f} and {demand.headroom:.0%} headroom), and {reach} "
        f"it answers {best:.0f} at the lower 95 % limit{more}"
    )
