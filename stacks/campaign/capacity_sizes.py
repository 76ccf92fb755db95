"""`make capacity`: the campaign behind a capacity plan; one run tells what a request takes, all sizes follow from it.

How long until workers recycle, how many requests arrive and for how long is a matter of the service time, so the
same plan fits an app of a millisecond and one of half a second.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from stacks.campaign.campaign import Campaign
from stacks.campaign.plan import LIMITS, OPTIONS, Asked, Cell, app_of
from stacks.campaign.progress import Progress, make_environments
from stacks.catalogue import STACKS, Catalogue, Plan, UsageError, load, read_strict
from stacks.lifecycle.records import REQUESTS_FILE, RecordError

STACK, LAZY, SATURATE, OPEN = "work", "work-lazy", "saturate", "open"
NEVER = 1_000_000  # max-requests that no run of these reaches
# A window holds so many requests of one thread at least, or one more or less would be a tenth.
WINDOW_S, REQUESTS_A_WINDOW = 3.0, 20
# Users for every thread: one is served, one waits, and a thread that has ended its request has the next at once.
USERS_A_THREAD = 2
BACKLOG = 100  # uWSGI's own listen (core/uwsgi.c); connections beyond it are dropped and come back a second later
# Seconds of work until a worker recycles: one costs about half of the throughput, one about a fifth.
BUSY_S, RECYCLING_S = (0.5, 2.0), 12.0
LAZY_WORKERS, LAZY_BUSY_S, LAZY_S = 4, 1.0, 7.0  # memory is sampled every 5 s
REAP_S = 1.0  # the master's loop (core/master.c): what a recycle takes at most when the app's import takes nothing
# A herd shows best where the workers that are left take the others' load and so reach their limit sooner: in 40
# simulations (analysis/herd.py) 4 to 8 of 8 were away at once, and 2 or 3 with the delta. The limit is in deltas.
UTILISATION, HERD_WORKERS, HERD_LIMIT = 0.5, 8, 6
OUTAGE_WORKERS, OUTAGE_S = 4, 4.0
EXIT_UNEXPECTED = 3


@dataclass(frozen=True)
class Sweep:
    """capacity.toml, and what the command line changes of it."""

    version: str
    unfixed: str
    seed: int
    trials: int
    workers: int
    threads: int
    cpu_ms: float
    io_ms: float
    memory_mb: float
    app: str | None = None

    @property
    def env(self) -> list[str]:
        """The size of the pack's own app; somebody's own has the size it has."""
        sizes = {"WORK_CPU_MS": self.cpu_ms, "WORK_IO_MS": self.io_ms, "WORK_MB": self.memory_mb}
        return [] if self.app else [f"{name}={value:g}" for name, value in sizes.items()]


BOUNDS: dict[str, tuple[float, float]] = {
    "seed": LIMITS["seed"],
    "trials": LIMITS["trials"],
    "workers": (4, LIMITS["workers"][1]),  # fewer sizes carry no curve
    "threads": OPTIONS["threads"],
    "cpu_ms": (0, 10_000),
    "io_ms": (0, 10_000),
    "memory_mb": (0, 4096),
}


def sweep(catalogue: Catalogue, options: dict[str, Any]) -> Sweep:
    """The file's, changed by the options that are not None. Raises UsageError with every mistake at once."""
    row = read_strict(Sweep, STACKS / "capacity.toml")
    found = Sweep(**(row | {name: value for name, value in options.items() if value is not None}))
    errors = [
        f"no version {version}; there are: {', '.join(catalogue.versions)}"
        for version in (found.version, found.unfixed)
        if version not in catalogue.versions
    ]
    for name, (low, high) in BOUNDS.items():
        if not low <= getattr(found, name) <= high:
            errors.append(f"{name.upper()}: {getattr(found, name):g} is not between {low:g} and {high:g}")
    app = app_of(Asked(app=found.app), errors)
    if errors:
        raise UsageError("\n".join(errors))
    return replace(found, app=app)


def sizes(most: int) -> list[int]:
    """How many workers the curve is measured with: doubling, and once more near its end, where it bends."""
    doubling = [2**power for power in range(most.bit_length()) if 2**power < most]
    return sorted({*doubling, max(1, most * 3 // 4), most})


def _cell(catalogue: Catalogue, made: Sweep, stack: str, version: str, scenario: str, own: dict[str, Any]) -> Cell:
    kind, threads = catalogue.stacks[stack], own["options"].get("threads", 1)
    expected = catalogue.expected(kind, catalogue.versions[version])
    variant = f"w{own['workers']}t{threads}"
    if own["max_requests"] == NEVER:
        expected = "invalid"  # nobody recycles, so it says nothing of whether they come back
    else:
        variant += f"m{own['max_requests']}"
    variant += f"d{delta}" if (delta := own["options"].get("max-requests-delta")) else ""
    if made.env:
        own["options"]["env"] = made.env
    if made.app:
        kind = replace(kind, app=made.app)
        own["options"]["pythonpath"] = str(Path(made.app).parent)
    return Cell(kind, catalogue.versions[version], expected, variant, own, catalogue.scenarios[scenario])


def _own(workers: int, threads: int, max_requests: int, duration_s: float, users: int, respawns: int) -> dict[str, Any]:
    options: dict[str, Any] = {"threads": threads} if threads > 1 else {}
    if users > BACKLOG:
        options["listen"] = 2 ** math.ceil(math.log2(users))
    return {
        "workers": workers,
        "max_requests": max(2, max_requests),
        "duration_s": round(duration_s, 1),
        "users": users,
        "respawns": respawns,
        "options": options,
    }


def saturated(
    workers: int, threads: int, service_s: float, busy_s: float | None = None, least_s: float = 0.0
) -> dict[str, Any]:
    """A run whose threads never rest; `busy_s` of work recycle a worker, or nothing does."""
    window_s = max(WINDOW_S, least_s, REQUESTS_A_WINDOW * service_s)
    limit = NEVER if busy_s is None else round(busy_s * threads / service_s)
    return _own(workers, threads, limit, window_s, USERS_A_THREAD * workers * threads + 2, 2 * workers)


def arriving(workers: int, service_s: float) -> float:
    """Arrivals a second that leave workers idle half of the time."""
    return UTILISATION * workers / service_s


def calibration(catalogue: Catalogue, made: Sweep) -> Cell:
    """One busy worker: what a request takes is not known yet."""
    own = saturated(1, 1, WINDOW_S / REQUESTS_A_WINDOW)
    return _cell(catalogue, made, STACK, made.version, SATURATE, own)


def cells(catalogue: Catalogue, made: Sweep, service_s: float) -> list[Cell]:
    """Everything that is measured, the curve `trials` times and the rest as its windows are long enough for."""

    def cell(own: dict[str, Any], scenario: str = SATURATE, stack: str = STACK, version: str = made.version) -> Cell:
        return _cell(catalogue, made, stack, version, scenario, own)

    found = [cell(saturated(workers, 1, service_s)) for workers in sizes(made.workers)]
    if made.threads > 1:
        most = max(4, made.workers // made.threads)
        found += [cell(saturated(workers, made.threads, service_s)) for workers in sizes(most)]
    half = max(1, made.workers // 2)
    found += [cell(saturated(half, 1, service_s, busy_s, RECYCLING_S)) for busy_s in BUSY_S]
    for stack in (STACK, LAZY):
        own = saturated(LAZY_WORKERS, 1, service_s, LAZY_BUSY_S, LAZY_S)
        found.append(replace(cell(own, stack=stack), trials=1))
    rate = arriving(HERD_WORKERS, service_s)
    delta = max(1, math.ceil(rate * REAP_S / HERD_WORKERS))
    limit = HERD_LIMIT * delta
    together_s, last_s = (HERD_WORKERS * most / rate for most in (limit, limit + (HERD_WORKERS - 1) * delta))
    for spread, window_s in ((0, together_s + 3 * REAP_S), (delta, last_s + 2 * REAP_S)):
        own = _open(HERD_WORKERS, limit, window_s, rate)
        own["options"] |= {"max-requests-delta": spread} if spread else {}
        found.append(replace(cell(own, OPEN), trials=1))
    rate = arriving(OUTAGE_WORKERS, service_s)
    own = _open(OUTAGE_WORKERS, round(OUTAGE_S * rate / OUTAGE_WORKERS), 2 * OUTAGE_S, rate)
    return [*found, cell(own, OPEN, version=made.unfixed)]


def _open(workers: int, max_requests: int, window_s: float, rate: float) -> dict[str, Any]:
    own = _own(workers, 1, max_requests, window_s, max(1, math.ceil(rate / 20)), respawns=workers)
    return own | {"rate": round(rate, 3)}


def answered_rps(directory: Path, record: dict[str, Any]) -> float | None:
    """Answers a second of the window; None where there was no load."""
    begin_ns, window_s = record["load"]["begin_ns"], record["load"]["window_s"]
    path = directory / REQUESTS_FILE
    if begin_ns is None or not path.is_file():
        return None
    rows = pq.read_table(path, columns=["start_ns", "latency_us", "error"]).to_pydict()
    ends = (start + 1000 * us for start, us, e in zip(*rows.values(), strict=True) if not e)
    count = sum(begin_ns <= end < begin_ns + window_s * 1e9 for end in ends)
    return float(count / window_s)


class Shown(Progress):
    """Says of a run what it answered, as hardly any of these has a verdict."""

    def finished(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """One line for the log; on a terminal the table shows it."""
        if record["status"] != "done":
            super().finished(campaign, index, record)
        elif not self.is_live:
            rps = answered_rps(campaign.directory / record["run_id"], record)
            told = "no answer" if rps is None else f"{rps:.0f} requests/s"
            respawns = (record.get("counts") or {}).get("respawns", 0)
            self.console.print(
                f"[{len(campaign.done)}/{len(campaign.runs)}] {record['run_id']}: {told}, {respawns} respawns",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def service_s(campaign: Campaign) -> float:
    """Seconds that a request takes one busy thread. Raises RecordError where the app does not answer."""
    for _, record in campaign.done:
        if record["status"] != "done":
            raise RecordError(f"the app cannot be measured: {record['error']}")
        rps = answered_rps(campaign.directory / record["run_id"], record)
        if rps:
            return 1 / rps
    reasons = "; ".join(campaign.not_tested.values()) or f"it answered nothing within {WINDOW_S:g} s"
    raise RecordError(f"the app cannot be measured: {reasons}")


class Silent:
    """Shows nothing of a campaign."""

    def update(self, campaign: Campaign) -> None:
        """Nothing."""

    def finished(self, campaign: Campaign, index: int, record: dict[str, Any]) -> None:
        """Nothing."""


def calibrate(catalogue: Catalogue, made: Sweep, plan: Plan) -> float:
    """Seconds that a request takes, from a run of its own, whose files stay only where it failed."""
    scratch = Path(tempfile.mkdtemp(prefix="pack-calibration-"))
    scenario = catalogue.scenarios[SATURATE]
    trial = Campaign(replace(plan, trials=1), Asked(), [calibration(catalogue, made)], scenario, results=scratch)
    trial.prepare()
    trial.run(Silent())
    found = service_s(trial)
    shutil.rmtree(scratch)
    return found


def main(options: argparse.Namespace, console: Any) -> int:
    """Calibrate, measure, report. Exit codes as everywhere: 1 where something was not measured, 3 for a surprise."""
    catalogue = load()
    given = {f.name: getattr(options, f.name) for f in fields(Sweep)}
    made = sweep(catalogue, given)
    plan = replace(catalogue.plan, trials=made.trials, seed=made.seed)
    console.print("calibrating: one busy worker", highlight=False)
    each_s = calibrate(catalogue, made, plan)
    planned = cells(catalogue, made, each_s)
    campaign = Campaign(plan, Asked(), planned, catalogue.scenarios[SATURATE], kind="capacity")
    make_environments(campaign, console)
    console.print(
        f"a request takes {1e3 * each_s:.1f} ms; {len(campaign.runs)} runs, about {time_needed_s(campaign):.0f} s",
        highlight=False,
    )
    with Shown(console) as shown:
        code = campaign.run(shown)
    if any(record["verdict"] not in (campaign.cells[i].expected, "invalid", None) for i, record in campaign.done):
        code = EXIT_UNEXPECTED
    # A process of its own: the analysis reads files, and nothing here imports it.
    said = {name: getattr(options, name) for name in ("demand", "slo_p99", "headroom")}
    asked = [f"--{name.replace('_', '-')}={value}" for name, value in said.items() if value]
    report = [sys.executable, "-m", "analysis", "report", str(campaign.directory), *asked]
    return max(code, subprocess.run(report, check=False).returncode)


def time_needed_s(campaign: Campaign) -> float:
    """The windows, and about as much for each run as starting and judging it takes beyond what overlaps."""
    return sum(float(campaign.cells[index].own["duration_s"]) + 1.5 for index, _ in campaign.runs)
