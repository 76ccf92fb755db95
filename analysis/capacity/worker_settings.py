"""Derives the uWSGI settings that follow from the number of workers: delta, minimum lifetime and listen backlog.

It also simulates the configuration, to say how long requests wait while workers recycle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.capacity import formulas, herd
from analysis.capacity.demand import Demand
from analysis.capacity.version_choice import is_before

# uWSGI's defaults (core/init.c). A smaller backlog is not worth a line of configuration.
DEFAULT_LISTEN = 100
DEFAULT_LIFETIME_S = 10
DELTA_SINCE = "2.0.29"  # first release of pyuwsgi and of uWSGI with max-requests-delta
MOST_SIMULATED = 60_000  # requests, which take about a second to simulate


@dataclass(frozen=True)
class WorkerSettings:
    """Fields of a Recommendation with the same names."""

    max_requests_delta: int
    min_worker_lifetime_s: int
    listen_backlog: int
    simulated_p99_s: float  # of the time from arrival to answer
    simulated_peak_down: int  # most workers away at once
    cautions: list[str]


def round_up(value: float, digits: int = 2) -> int:
    """Round up to so many significant digits: a person can remember such a setting. At least 1."""
    if value <= 1:
        return 1
    unit: int = 10 ** max(0, math.floor(math.log10(value)) + 1 - digits)
    return math.ceil(value / unit - 1e-9) * unit


def derive_settings(
    demand: Demand,
    workers: int,
    threads: int,
    max_requests: int,
    service_s: float,
    away_s: float,
    package_version: str,
) -> WorkerSettings:
    """Return the settings for so many workers, whose requests take `service_s` and whose recycles take `away_s`."""
    delta = round_up(formulas.delta_against_herd(workers, demand.wanted_rps, away_s))
    cautions = []
    if is_before(package_version, DELTA_SINCE):
        delta = 0
        cautions.append(
            f"{package_version} has no max-requests-delta, {DELTA_SINCE} and later have: "
            "workers that started together are away together"
        )
    life_s = max_requests * workers / demand.wanted_rps
    # Room for every request that arrives while all workers are away at once. A restart causes that even with a delta.
    listen = max(DEFAULT_LISTEN, 2 ** math.ceil(math.log2(max(1.0, demand.wanted_rps * away_s))))
    # Every worker recycles once in about its life. To keep the simulation short, it has a smaller max-requests, with
    # which the same herd forms sooner.
    horizon_s = min(life_s * 1.2 + 5 * away_s, MOST_SIMULATED / demand.rps)
    simulated_limit = min(max_requests, max(1, int(demand.rps * horizon_s / (1.5 * workers))))
    setting = herd.Setting(workers, simulated_limit, demand.rps, service_s, away_s, delta, threads)
    simulation = herd.simulate(setting, horizon_s)
    return WorkerSettings(
        max_requests_delta=delta,
        # The default would hold back max-requests of workers that live hardly longer.
        min_worker_lifetime_s=DEFAULT_LIFETIME_S if life_s > 2 * DEFAULT_LIFETIME_S else 0,
        listen_backlog=listen,
        simulated_p99_s=simulation.wait_s(0.99) + service_s,
        simulated_peak_down=simulation.peak_down,
        cautions=cautions,
    )
