"""What recycling costs and what a hang does, as formulae: W workers of T threads, M max-requests, R exit-to-ready.

`service_s` is the time that one request occupies a thread, `demand` the offered requests a second
(lambda), `hang` the probability that a respawn hangs. Each formula holds on average; the herd has no
closed form worth using (`analysis/herd.py`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Recycling:
    """How often workers recycle under a demand that they meet, and how much of them is away meanwhile."""

    per_second: float
    workers_down: float
    share_down: float


def recycling(workers: int, max_requests: int, demand: float, away_s: float, lifetime_s: float = 0.0) -> Recycling:
    """Recycles a second: no more than requests allow, and no more than workers can."""
    rate = min(demand / max_requests, workers / (lifetime_s + away_s)) if away_s + lifetime_s else demand / max_requests
    return Recycling(rate, rate * away_s, rate * away_s / workers)


def efficiency(max_requests: float, service_s: float, away_s: float, threads: int = 1) -> float:
    """Saturated throughput with recycling, as a share of that without."""
    busy_s = max_requests * service_s / threads
    return busy_s / (busy_s + away_s)


def saturated_rps(workers: int, max_requests: float, service_s: float, away_s: float, threads: int = 1) -> float:
    """Requests a second of workers that always have one to answer."""
    return workers * max_requests / (max_requests * service_s / threads + away_s)


def max_requests_for(loss: float, service_s: float, away_s: float, threads: int = 1) -> int:
    """The least max-requests with which recycling costs no more than `loss` of the throughput."""
    if not 0 < loss < 1:
        raise ValueError(f"a loss of {loss}")
    # The small amount keeps 7920.000000000001 from becoming 7921.
    return max(1, math.ceil(away_s * threads / service_s * (1 / loss - 1) - 1e-6))


def is_herd(workers: int, max_requests: float, demand: float, away_s: float) -> bool:
    """Whether workers that started together are away together: their spread is shorter than their absence."""
    return away_s >= math.sqrt(max_requests) * workers / demand


def delta_against_herd(workers: int, demand: float, away_s: float) -> int:
    """The least max-requests-delta with which one worker is back before the next one leaves."""
    return math.ceil(demand * away_s / workers - 1e-6)


def limit_of_worker(max_requests: int, delta: int, worker: int) -> int:
    """After how many requests worker 1, 2, ... recycles: the help says worker_id x delta, core/utils.c says less."""
    return max_requests + (worker - 1) * delta


def outage_s(workers: int, max_requests: float, demand: float, hang: float = 1.0) -> tuple[float, float]:
    """Mean and standard deviation of the time until every worker hangs; infinite when none does."""
    if hang <= 0:
        return math.inf, 0.0
    unit = max_requests / (hang * demand)
    return workers * unit, math.sqrt(workers * (1 - hang)) * unit


def hang_s(count: int, workers: int, max_requests: float, demand: float, hang: float) -> float:
    """Mean time until `count` workers hang."""
    if hang <= 0:
        return math.inf
    return count * max_requests / (hang * demand) + workers * max_requests / (2 * demand)


def hangs_to_breach(workers: int, demand: float, service_s: float, threads: int = 1) -> int:
    """How many hung workers are one too many for the demand."""
    return max(1, workers - math.ceil(demand * service_s / threads - 1e-9) + 1)


def worker_seconds_lost(until_s: float, max_requests: float, demand: float, hang: float) -> float:
    """Worker-seconds that hung workers did not serve by then."""
    return hang * demand * until_s**2 / (2 * max_requests)
