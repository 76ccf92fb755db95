"""Demand and measurements -> the configuration to run, or why none on this host will do."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

from analysis.capacity import formulas, herd
from analysis.capacity.demand import Demand
from analysis.capacity.measurements import Measured
from analysis.frames.cells import Cell
from analysis.statistics import erlang

LOSS = 0.01  # of the throughput that recycling may cost
SLO_SHARE = 0.01  # of the requests may be slower than a p99
# uWSGI's own, and the least that is worth writing down (core/init.c).
DEFAULT_LISTEN = 100
DEFAULT_LIFETIME_S = 10
DELTA_SINCE = "2.0.29"  # of pyuwsgi and uWSGI alike
# A curve is not known beyond what was measured; a quarter more is what a plan may dare, and says so.
EXTRAPOLATION = 1.25
SIMULATED_S = 60.0
MOST_SIMULATED = 60_000  # requests; a second of simulation


@dataclass(frozen=True)
class Recommendation:
    """`feasible` without `why_not`; numbers are None where nothing could be computed."""

    feasible: bool
    why_not: str = ""
    stack: str = ""
    version: str = ""
    package_version: str = ""
    python: str = ""
    app: str = ""
    env: str = ""
    workers: int | None = None
    threads: int | None = None
    spares: int = 0
    max_requests: int | None = None
    max_requests_delta: int | None = None
    min_worker_lifetime_s: int | None = None
    listen_backlog: int | None = None
    lazy_apps: bool = False
    memory_mb: float | None = None  # of all workers
    lower_rps: float | None = None  # what it answers at least, recycling paid, spares away
    simulated_p99_s: float | None = None
    simulated_peak_down: int | None = None
    needs: dict[str, int] = field(default_factory=dict)  # workers by reason
    cautions: list[str] = field(default_factory=list)


def round_up(value: float, digits: int = 2) -> int:
    """To so many significant digits: a setting that a person can remember."""
    if value <= 1:
        return 1
    unit: int = 10 ** max(0, math.floor(math.log10(value)) + 1 - digits)
    return math.ceil(value / unit - 1e-9) * unit


def is_before(version: str, other: str) -> bool:
    """Whether one version is older than another."""
    from packaging.version import Version

    return Version(version) < Version(other)


def choose(cells: list[Cell]) -> list[Cell]:
    """The cells of the newest version of which every cell recovers, or was too quiet to recycle; [] without one."""
    from packaging.version import Version

    versions: dict[str, list[Cell]] = {}
    for cell in cells:
        versions.setdefault(cell.version, []).append(cell)
    good = [
        [cell for cell in of_version if cell.verdict in ("recovers", "invalid")]
        for of_version in versions.values()
        if any(cell.verdict == "recovers" for cell in of_version)
    ]
    if not good:
        return []
    return max(good, key=lambda c: (Version(c[0].package_version), sum(len(cell.runs) for cell in c)))


def _workers_by_curve(measured: Measured, wanted_rps: float, efficiency: float, threads: int) -> int | None:
    """The fewest workers whose lower 95 % limit, recycling paid, is enough; None where none are."""
    curve = measured.curve
    assert curve is not None  # noqa: S101 - asked only with a curve
    most = int(min(curve.peak, EXTRAPOLATION * curve.largest) // threads)
    for workers in range(1, max(1, most) + 1):
        if float(curve.band(workers * threads)[0]) * efficiency >= wanted_rps:
            return workers
    return None


def _not_feasible(measured: Measured, demand: Demand, efficiency: float, threads: int) -> str:
    curve = measured.curve
    assert curve is not None  # noqa: S101 - as above
    most = int(min(curve.peak, EXTRAPOLATION * curve.largest) // threads)
    best = max(float(curve.band(w * threads)[0]) * efficiency for w in range(1, max(1, most) + 1))
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


def recommend(
    demand: Demand, measured: Measured, cells: list[Cell], cores: int | None, memory_mb: float | None
) -> Recommendation:
    """The smallest configuration that holds, each number from its formula."""
    chosen = choose(cells)
    if not chosen:
        seen = {cell.verdict for cell in cells}
        if seen == {"invalid"}:
            why = "no run saw enough respawns to say that workers come back: `make loadtest` and `make capacity` do"
            return Recommendation(False, why)
        return Recommendation(False, "no version recovers in these results: there is none to recommend")
    first = max(chosen, key=lambda c: (c.stack == measured.stack, c.verdict == "recovers", len(c.runs), c.hangs.trials))
    base = Recommendation(
        False,
        stack=first.stack,
        version=first.version,
        package_version=first.package_version,
        python=first.python,
        app=measured.app,
        env=measured.env,
        lazy_apps=measured.lazy,
        threads=measured.threads,
    )
    service_s, away_s = measured.service_s, measured.away_s
    if service_s is None or away_s is None:
        return _without(base, "no run tells how long a request or a recycle takes; `make capacity` measures both")
    threads = measured.threads
    max_requests = round_up(formulas.max_requests_for(LOSS, service_s, away_s, threads))
    efficiency = formulas.efficiency(max_requests, service_s, away_s, threads)
    if measured.curve is None:
        return _without(
            base, f"no capacity curve: {measured.why_no_curve}; `make capacity` measures more", max_requests
        )
    by_curve = _workers_by_curve(measured, demand.wanted_rps, efficiency, threads)
    if by_curve is None:
        return _without(base, _not_feasible(measured, demand, efficiency, threads), max_requests)
    limit_s = demand.slo_p99_s - service_s
    by_wait = erlang.servers_for(demand.rps * service_s, service_s, limit_s, SLO_SHARE)
    if by_wait is None:
        return _without(
            base,
            f"not feasible: a request takes {1e3 * service_s:.0f} ms of the {1e3 * demand.slo_p99_s:.0f} ms allowed, "
            "so no number of workers helps",
            max_requests,
        )
    needs = {"throughput": by_curve, "waiting": math.ceil(by_wait / threads)}
    workers = max(needs.values()) + demand.spares
    per_worker = measured.worker_mb
    if memory_mb and per_worker and workers * per_worker > memory_mb:
        return _without(
            base,
            f"not feasible on this host: {workers} workers of {per_worker:.0f} MB exceed its {memory_mb:.0f} MB",
            max_requests,
        )
    return _settled(base, demand, measured, needs, workers, threads, max_requests, efficiency)


def best(
    demand: Demand, measured: Measured, cells: list[Cell], cores: int | None, memory_mb: float | None
) -> tuple[Recommendation, Measured, list[Recommendation]]:
    """Of the numbers of threads that were measured the one that takes least memory, what it rests on, and all."""
    narrowed = [measured.of(threads) for threads in measured.thread_kinds] or [measured]
    found = [recommend(demand, of_kind, cells, cores, memory_mb) for of_kind in narrowed]
    feasible = [index for index, advice in enumerate(found) if advice.feasible]
    # Memory goes with processes; without a sample of it, the number of them stands for it.
    index = min(feasible, key=lambda i: (found[i].memory_mb or 0.0, found[i].workers or 0, i), default=0)
    return found[index], narrowed[index], found


def _without(base: Recommendation, why: str, max_requests: int | None = None) -> Recommendation:
    return replace(base, why_not=why, max_requests=max_requests)


def _settled(
    base: Recommendation,
    demand: Demand,
    measured: Measured,
    needs: dict[str, int],
    workers: int,
    threads: int,
    max_requests: int,
    efficiency: float,
) -> Recommendation:
    """The rest of the numbers, once workers, threads and max-requests stand."""
    curve, service_s, away_s = measured.curve, measured.service_s, measured.away_s
    assert curve is not None  # noqa: S101 - asked only with all three
    assert service_s is not None  # noqa: S101
    assert away_s is not None  # noqa: S101
    delta = round_up(formulas.delta_against_herd(workers, demand.wanted_rps, away_s))
    cautions = []
    if is_before(base.package_version, DELTA_SINCE):
        delta = 0
        cautions.append(
            f"{base.package_version} has no max-requests-delta, {DELTA_SINCE} and later have: "
            "workers that started together are away together"
        )
    life_s = max_requests * workers / demand.wanted_rps
    lifetime = DEFAULT_LIFETIME_S if life_s > 2 * DEFAULT_LIFETIME_S else 0
    # Everything that arrives while all are away at once, which a restart does even where the delta works.
    listen = max(DEFAULT_LISTEN, 2 ** math.ceil(math.log2(max(1.0, demand.wanted_rps * away_s))))
    # Every worker recycles once in about its life: a shorter max-requests shows the same herd sooner.
    horizon_s = min(life_s * 1.2 + 5 * away_s, MOST_SIMULATED / demand.rps)
    shown = min(max_requests, max(1, int(demand.rps * horizon_s / (1.5 * workers))))
    outcome = herd.simulate(herd.Setting(workers, shown, demand.rps, service_s, away_s, delta, threads), horizon_s)
    if workers * threads > curve.largest:
        cautions.append(
            f"{workers * threads} threads are more than the {curve.largest:.0f} measured: the curve is extrapolated"
        )
    if measured.away_interval is None:
        cautions.append("the absence at a recycle comes from one run, so it has no interval")
    return replace(
        base,
        feasible=True,
        workers=workers,
        threads=threads,
        spares=demand.spares,
        memory_mb=None if measured.worker_mb is None else workers * measured.worker_mb,
        max_requests=max_requests,
        max_requests_delta=delta,
        min_worker_lifetime_s=lifetime,
        listen_backlog=listen,
        lower_rps=float(curve.band((workers - demand.spares) * threads)[0]) * efficiency,
        simulated_p99_s=outcome.wait_s(0.99) + service_s,
        simulated_peak_down=outcome.peak_down,
        needs=needs,
        cautions=cautions,
    )
