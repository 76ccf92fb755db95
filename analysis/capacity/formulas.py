"""Formulae for the cost of recycling, for the herd, and for the outage that hangs cause.

Arguments, with their symbols in the formulae:
- `workers` W, `threads` T of a worker, `max_requests` M
- `service_s` s: the time that one request occupies a thread
- `demand_rps` lambda: offered requests a second
- `away_s` R: a worker's absence at a recycle, from exit begun to ready
- `hang_probability` h: the probability that a respawn hangs

Each formula holds on average. The size of a herd has no closed form that is good enough: `analysis/capacity/herd.py`
simulates it. The tests compare the formulae with worked examples and with that simulation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recycling:
    """How often workers recycle under a demand that they meet, and how much of the capacity is away meanwhile."""

    per_second: float
    workers_down: float  # on average
    share_down: float  # of the workers


def recycling(workers: int, max_requests: int, demand_rps: float, away_s: float, lifetime_s: float = 0.0) -> Recycling:
    """Return the recycles a second: r = min(lambda / M, W / (L + R)), where L is min-worker-lifetime.

    r R workers are away on average.
    """
    rate = demand_rps / max_requests
    if away_s + lifetime_s:
        rate = min(rate, workers / (lifetime_s + away_s))
    return Recycling(rate, rate * away_s, rate * away_s / workers)


def efficiency(max_requests: float, service_s: float, away_s: float, threads: int = 1) -> float:
    """Return saturated throughput with recycling as a share of that without: 1 / (1 + R T / (M s))."""
    busy_s = max_requests * service_s / threads
    return busy_s / (busy_s + away_s)


def saturated_rps(workers: int, max_requests: float, service_s: float, away_s: float, threads: int = 1) -> float:
    """Return the requests a second of workers that always have a request to answer: W M / (M s / T + R)."""
    return workers * max_requests / (max_requests * service_s / threads + away_s)


def max_requests_for(loss: float, service_s: float, away_s: float, threads: int = 1) -> int:
    """Return the least max-requests with which recycling costs at most the share `loss` of the throughput.

    M >= (R T / s) (1 / loss - 1). Raises ValueError if `loss` is not between 0 and 1.
    """
    if not 0 < loss < 1:
        raise ValueError(f"a loss of {loss}")
    # The small amount keeps 7920.000000000001 from becoming 7921.
    return max(1, math.ceil(away_s * threads / service_s * (1 / loss - 1) - 1e-6))


def forms_herd(workers: int, max_requests: float, demand_rps: float, away_s: float) -> bool:
    """Return True if workers that started together are away together.

    They reach max-requests within about sqrt(M) W / lambda of each other. They are away together if their absence R is
    longer than that.
    """
    return away_s >= math.sqrt(max_requests) * workers / demand_rps


def delta_against_herd(workers: int, demand_rps: float, away_s: float) -> int:
    """Return the least max-requests-delta with which a worker is back before the next one leaves: lambda R / W."""
    return math.ceil(demand_rps * away_s / workers - 1e-6)


def limit_of_worker(max_requests: int, delta: int, worker: int) -> int:
    """Return after how many requests worker 1, 2, ... recycles: M + (worker - 1) delta, as core/utils.c does it.

    The help of uWSGI says worker x delta, which is wrong.
    """
    return max_requests + (worker - 1) * delta


def total_requests(workers: int, max_requests: int, delta: int) -> int:
    """Return how many requests all workers together answer until each of them has reached its limit."""
    return sum(limit_of_worker(max_requests, delta, worker + 1) for worker in range(workers))


def outage_s(
    workers: int, max_requests: float, demand_rps: float, hang_probability: float = 1.0
) -> tuple[float, float]:
    """Return mean and standard deviation of the time until every worker hangs, in seconds from the start.

    Mean W M / (h lambda), standard deviation sqrt(W (1 - h)) M / (h lambda). The mean is infinite if h is 0.
    """
    if hang_probability <= 0:
        return math.inf, 0.0
    unit = max_requests / (hang_probability * demand_rps)
    return workers * unit, math.sqrt(workers * (1 - hang_probability)) * unit


def hang_s(count: int, workers: int, max_requests: float, demand_rps: float, hang_probability: float) -> float:
    """Return the mean time until `count` workers hang, in seconds: count M / (h lambda) + W M / (2 lambda).

    Infinite if h is 0.
    """
    if hang_probability <= 0:
        return math.inf
    return count * max_requests / (hang_probability * demand_rps) + workers * max_requests / (2 * demand_rps)


def hangs_to_breach(workers: int, demand_rps: float, service_s: float, threads: int = 1) -> int:
    """Return the least number of hung workers with which the others cannot meet the demand: W - ceil(A / T) + 1.

    A = lambda s is the load in busy threads. With that many hung workers the service level is breached.
    """
    return max(1, workers - math.ceil(demand_rps * service_s / threads - 1e-9) + 1)


def worker_seconds_lost(until_s: float, max_requests: float, demand_rps: float, hang_probability: float) -> float:
    """Return the worker-seconds that hung workers did not serve in the first `until_s`: h lambda t^2 / (2 M)."""
    return hang_probability * demand_rps * until_s**2 / (2 * max_requests)
