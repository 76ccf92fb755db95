"""Recommends a configuration for a demand from the measurements, or says why no configuration on this host will do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from analysis.capacity import formulas, worker_count
from analysis.capacity.demand import Demand
from analysis.capacity.measurements import Measurements
from analysis.capacity.version_choice import choose_cells
from analysis.capacity.worker_settings import derive_settings, round_up
from analysis.frames.cells import Cell
from analysis.statistics import erlang

LOSS = 0.01  # of the throughput that recycling may cost
SLO_SHARE = 0.01  # of the requests that may be slower than the service level, which is a p99


@dataclass(frozen=True)
class Recommendation:
    """A configuration if `feasible`, otherwise `why_not`. A number that could not be computed is None."""

    feasible: bool
    why_not: str = ""
    stack: str = ""
    version: str = ""
    package_version: str = ""
    python: str = ""
    app: str = ""
    env: str = ""
    workers: int | None = None  # spares included
    threads: int | None = None  # of a worker
    spares: int = 0
    max_requests: int | None = None
    max_requests_delta: int | None = None
    min_worker_lifetime_s: int | None = None
    listen_backlog: int | None = None
    lazy_apps: bool = False
    memory_mb: float | None = None  # of all workers
    lower_rps: float | None = None  # answered at least, with recycling and without the spares
    simulated_p99_s: float | None = None
    simulated_peak_down: int | None = None  # most workers away at once
    needs: dict[str, int] = field(default_factory=dict)  # workers by reason
    cautions: list[str] = field(default_factory=list)


def recommend(
    demand: Demand, measurements: Measurements, cells: list[Cell], cores: int | None, memory_mb: float | None
) -> Recommendation:
    """Return the smallest configuration that meets the demand.

    `cells` are all cells of the results. `memory_mb` is the memory of the host; None: unknown. `cores` has no effect:
    the measured curve already contains the cores of the host.
    """
    chosen = choose_cells(cells)
    if not chosen:
        return Recommendation(False, _why_no_version(cells))
    base = _base(measurements, chosen)
    service_s, away_s, threads = measurements.service_s, measurements.away_s, measurements.threads
    if service_s is None or away_s is None:
        why = "no run tells how long a request or a recycle takes; `make capacity` measures both"
        return replace(base, why_not=why)
    max_requests = round_up(formulas.max_requests_for(LOSS, service_s, away_s, threads))
    base = replace(base, max_requests=max_requests)
    efficiency = formulas.efficiency(max_requests, service_s, away_s, threads)
    curve = measurements.curve
    if curve is None:
        why = f"no capacity curve: {measurements.why_no_curve}; `make capacity` measures more"
        return replace(base, why_not=why)
    for_throughput = worker_count.workers_for_throughput(curve, demand.wanted_rps, efficiency, threads)
    if for_throughput is None:
        return replace(base, why_not=worker_count.why_too_few(curve, demand, efficiency, threads))
    limit_s = demand.slo_p99_s - service_s
    threads_for_wait = erlang.servers_for(demand.rps * service_s, service_s, limit_s, SLO_SHARE)
    if threads_for_wait is None:
        why = (
            f"not feasible: a request takes {1e3 * service_s:.0f} ms of the {1e3 * demand.slo_p99_s:.0f} ms allowed, "
            "so no number of workers helps"
        )
        return replace(base, why_not=why)
    needs = {"throughput": for_throughput, "waiting": math.ceil(threads_for_wait / threads)}
    workers = max(needs.values()) + demand.spares
    worker_mb = measurements.worker_mb
    if memory_mb and worker_mb and workers * worker_mb > memory_mb:
        why = f"not feasible on this host: {workers} workers of {worker_mb:.0f} MB exceed its {memory_mb:.0f} MB"
        return replace(base, why_not=why)
    settings = derive_settings(demand, workers, threads, max_requests, service_s, away_s, base.package_version)
    cautions = _measurement_cautions(measurements, curve.largest, workers * threads)
    return replace(
        base,
        **vars(settings) | {"cautions": settings.cautions + cautions},
        feasible=True,
        workers=workers,
        spares=demand.spares,
        memory_mb=None if worker_mb is None else workers * worker_mb,
        lower_rps=worker_count.lower_rps(curve, workers - demand.spares, threads, efficiency),
        needs=needs,
    )


def best(
    demand: Demand, measurements: Measurements, cells: list[Cell], cores: int | None, memory_mb: float | None
) -> tuple[Recommendation, Measurements, list[Recommendation]]:
    """Choose the number of threads a worker, of those that were measured: the feasible one that takes least memory.

    Returns its recommendation, the measurements behind it, and the recommendations for all numbers of threads.
    Arguments as in `recommend`.
    """
    narrowed = [measurements.for_threads(threads) for threads in measurements.thread_counts] or [measurements]
    advice = [recommend(demand, narrow, cells, cores, memory_mb) for narrow in narrowed]
    feasible = [index for index, one in enumerate(advice) if one.feasible]
    # Memory grows with the number of processes. If memory was not sampled, that number is compared instead.
    index = min(feasible, key=lambda i: (advice[i].memory_mb or 0.0, advice[i].workers or 0, i), default=0)
    return advice[index], narrowed[index], advice


def _why_no_version(cells: list[Cell]) -> str:
    if {cell.verdict for cell in cells} == {"invalid"}:
        return "no run saw enough respawns to say that workers come back: `make loadtest` and `make capacity` do"
    return "no version recovers in these results: there is none to recommend"


def _base(measurements: Measurements, chosen: list[Cell]) -> Recommendation:
    """The part that does not depend on the demand. It names the stack that was measured, if it is among `chosen`."""
    first = max(
        chosen, key=lambda c: (c.stack == measurements.stack, c.verdict == "recovers", len(c.runs), c.hangs.trials)
    )
    return Recommendation(
        False,
        stack=first.stack,
        version=first.version,
        package_version=first.package_version,
        python=first.python,
        app=measurements.app,
        env=measurements.env,
        lazy_apps=measurements.lazy,
        threads=measurements.threads,
    )


def _measurement_cautions(measurements: Measurements, largest: float, size: int) -> list[str]:
    cautions = []
    if size > largest:
        cautions.append(f"{size} threads are more than the {largest:.0f} measured: the curve is extrapolated")
    if measurements.away_interval is None:
        cautions.append("the absence at a recycle comes from one run, so it has no interval")
    return cautions
