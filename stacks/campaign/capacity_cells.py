"""The cells that `capacity` measures. Their sizes follow from the service time: the seconds that a request takes.

The service time decides how long it takes until workers recycle, how many requests arrive, and how long a window is.
So the same plan fits an app that takes a millisecond and an app that takes half a second.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from stacks.campaign.capacity_options import CapacityOptions
from stacks.campaign.cell import Cell
from stacks.catalogue import Catalogue

STACK, LAZY_STACK = "work", "work-lazy"
SATURATE, OPEN = "saturate", "open"  # scenarios
NEVER = 1_000_000  # max-requests that no run reaches
# A window holds at least so many requests of one thread. With half as many, one request more or less would change the
# result by a tenth.
WINDOW_S, REQUESTS_A_WINDOW = 3.0, 20
# Users for each thread: one is served and one waits, so a thread that has ended a request has the next one at once.
USERS_A_THREAD = 2
BACKLOG = 100  # uWSGI's default `listen` (core/uwsgi.c); further connections are dropped and come back after 1 s
# Seconds of work until a worker recycles: the first costs about half of the throughput, the second about a fifth.
BUSY_S, RECYCLING_S = (0.5, 2.0), 12.0
LAZY_WORKERS, LAZY_BUSY_S, LAZY_S = 4, 1.0, 7.0  # memory is sampled every 5 s
REAP_S = 1.0  # the master's loop (core/master.c): the longest time of a recycle if the import of the app takes none
# A herd is a moment at which many workers recycle at once. It shows best where the workers that are left take the load
# of the others, and so reach their limit sooner: in 40 simulations (analysis/capacity/herd.py) 4 to 8 of 8 were away at
# once, and 2 or 3 with the delta. The limit is counted in deltas.
UTILISATION, HERD_WORKERS, HERD_LIMIT = 0.5, 8, 6
OUTAGE_WORKERS, OUTAGE_S = 4, 4.0


def sizes(most: int) -> list[int]:
    """Return the numbers of workers of a curve: 1, 2, 4, ... `most`, and 3/4 of `most`, where a curve bends."""
    doubling = [2**power for power in range(most.bit_length()) if 2**power < most]
    return sorted({*doubling, max(1, most * 3 // 4), most})


def calibration_cell(catalogue: Catalogue, options: CapacityOptions) -> Cell:
    """Return one busy worker: the cell that measures the service time, which is not known yet."""
    numbers = saturated(1, 1, WINDOW_S / REQUESTS_A_WINDOW)
    return _cell(catalogue, options, STACK, options.version, SATURATE, numbers)


def capacity_cells(catalogue: Catalogue, options: CapacityOptions, service_s: float) -> list[Cell]:
    """Return every cell that is measured for an app with this service time.

    The curves, the cost of recycling and the outage have `options.trials` runs. Lazy-apps and the herds have one run.
    """

    def saturated_cell(numbers: dict[str, Any], stack: str = STACK) -> Cell:
        return _cell(catalogue, options, stack, options.version, SATURATE, numbers)

    def open_cell(numbers: dict[str, Any], version: str = options.version) -> Cell:
        return _cell(catalogue, options, STACK, version, OPEN, numbers)

    cells = [saturated_cell(saturated(workers, 1, service_s)) for workers in sizes(options.workers)]
    if options.threads > 1:
        most = max(4, options.workers // options.threads)
        cells += [saturated_cell(saturated(workers, options.threads, service_s)) for workers in sizes(most)]
    half = max(1, options.workers // 2)
    cells += [saturated_cell(saturated(half, 1, service_s, busy_s, RECYCLING_S)) for busy_s in BUSY_S]
    for stack in (STACK, LAZY_STACK):
        numbers = saturated(LAZY_WORKERS, 1, service_s, LAZY_BUSY_S, LAZY_S)
        cells.append(replace(saturated_cell(numbers, stack), trials=1))
    cells += [replace(open_cell(numbers), trials=1) for numbers in _herds(service_s)]
    rate = arriving(OUTAGE_WORKERS, service_s)
    outage = _open(OUTAGE_WORKERS, round(OUTAGE_S * rate / OUTAGE_WORKERS), 2 * OUTAGE_S, rate)
    return [*cells, open_cell(outage, options.unfixed)]


def saturated(
    workers: int, threads: int, service_s: float, busy_s: float | None = None, least_s: float = 0.0
) -> dict[str, Any]:
    """Return the numbers of a run whose threads never rest. Its window has at least `least_s`.

    A worker recycles after `busy_s` of work; with None it never does.
    """
    window_s = max(WINDOW_S, least_s, REQUESTS_A_WINDOW * service_s)
    max_requests = NEVER if busy_s is None else round(busy_s * threads / service_s)
    return _numbers(workers, threads, max_requests, window_s, USERS_A_THREAD * workers * threads + 2, 2 * workers)


def arriving(workers: int, service_s: float) -> float:
    """Return the arrivals a second that leave workers idle for half of the time."""
    return UTILISATION * workers / service_s


def _herds(service_s: float) -> list[dict[str, Any]]:
    """Return the numbers of two runs: all workers reach max-requests together, or spread by max-requests-delta."""
    rate = arriving(HERD_WORKERS, service_s)
    delta = max(1, math.ceil(rate * REAP_S / HERD_WORKERS))
    limit = HERD_LIMIT * delta
    together_s, last_s = (HERD_WORKERS * most / rate for most in (limit, limit + (HERD_WORKERS - 1) * delta))
    together = _open(HERD_WORKERS, limit, together_s + 3 * REAP_S, rate)
    spread = _open(HERD_WORKERS, limit, last_s + 2 * REAP_S, rate)
    spread["options"] |= {"max-requests-delta": delta}
    return [together, spread]


def _open(workers: int, max_requests: int, window_s: float, rate: float) -> dict[str, Any]:
    """Return the numbers of a run with `rate` arrivals a second, whether or not a worker is free."""
    numbers = _numbers(workers, 1, max_requests, window_s, max(1, math.ceil(rate / 20)), respawns=workers)
    return numbers | {"rate": round(rate, 3)}


def _numbers(
    workers: int, threads: int, max_requests: int, duration_s: float, users: int, respawns: int
) -> dict[str, Any]:
    uwsgi_options: dict[str, Any] = {"threads": threads} if threads > 1 else {}
    if users > BACKLOG:
        uwsgi_options["listen"] = 2 ** math.ceil(math.log2(users))
    return {
        "workers": workers,
        "max_requests": max(2, max_requests),
        "duration_s": round(duration_s, 1),
        "users": users,
        "respawns": respawns,
        "options": uwsgi_options,
    }


def _cell(
    catalogue: Catalogue,
    options: CapacityOptions,
    stack_name: str,
    version: str,
    scenario: str,
    numbers: dict[str, Any],
) -> Cell:
    stack, uwsgi_options = catalogue.stacks[stack_name], numbers["options"]
    expected = catalogue.expected(stack, catalogue.versions[version])
    variant = f"w{numbers['workers']}t{uwsgi_options.get('threads', 1)}"
    if numbers["max_requests"] == NEVER:
        expected = "invalid"  # no worker recycles, so the run cannot say whether workers come back
    else:
        variant += f"m{numbers['max_requests']}"
    variant += f"d{delta}" if (delta := uwsgi_options.get("max-requests-delta")) else ""
    if options.env:
        uwsgi_options["env"] = options.env
    if options.app:
        stack = replace(stack, app=options.app)
        uwsgi_options["pythonpath"] = str(Path(options.app).parent)
    return Cell(stack, catalogue.versions[version], expected, variant, numbers, catalogue.scenarios[scenario])
