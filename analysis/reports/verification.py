"""The recommendation put to the test: a run of it under the demand, started as `python -m stacks` would be by hand.

The analysis starts no server itself; what it learns of the run it reads from the results like of any other.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.capacity import formulas
from analysis.capacity.demand import Demand
from analysis.capacity.recommendation import Recommendation
from analysis.frames.results import Results, load
from stacks.lifecycle.records import LATEST, RESULTS, RecordError, point_to

ROOT = Path(__file__).resolve().parents[2]
OPEN_SCENARIO, USER_RPS = "open", 20.0  # arrivals a second that a user brings
# A p99 of less would be a matter of luck; and who waits longer than this for an answer would rather read the gap.
SHORTEST_S, LONGEST_S = 10.0, 300.0
MARGIN = 1.2  # the kernel does not give every worker the same share of the requests
MET_SHARE = 0.99  # of the demand must have been offered


@dataclass(frozen=True)
class Verification:
    """What became of the configuration under its demand."""

    met: bool
    why: str
    run_key: str
    p99_s: float
    offered_rps: float
    answered_rps: float
    recycles: int
    workers: int

    @property
    def gaps(self) -> str:
        """What the run leaves open although it met the level; '' when nothing."""
        if self.recycles >= self.workers:
            return ""
        seen = f"only {self.recycles} of {self.workers} workers" if self.recycles else "no worker"
        return f"{seen} recycled in it, so it says {'little' if self.recycles else 'nothing'} of what recycling costs"


def duration_s(demand: Demand, advice: Recommendation) -> float:
    """Until every worker has recycled, so that what this costs is part of the answer - or as long as anybody waits."""
    workers = advice.workers or 1
    last = formulas.limit_of_worker(advice.max_requests or 1, advice.max_requests_delta or 0, workers)
    return min(LONGEST_S, max(SHORTEST_S, MARGIN * last * workers / demand.rps))


def command(demand: Demand, advice: Recommendation) -> list[str]:
    """The command line of the run: the recommended configuration under the demand."""
    options: dict[str, object] = {
        "--trials": 1,
        "--scenario": OPEN_SCENARIO,
        "--rate": demand.rps,
        "--users": math.ceil(demand.rps / USER_RPS),
        "--duration": round(duration_s(demand, advice), 1),
        "--stack": advice.stack,
        "--version": advice.version,
        "--workers": advice.workers,
        "--threads": advice.threads,
        "--max-requests": advice.max_requests,
        "--min-worker-lifetime": advice.min_worker_lifetime_s,
        "--listen": advice.listen_backlog,
    }
    options |= {"--max-requests-delta": advice.max_requests_delta} if advice.max_requests_delta else {}
    options |= {"--app": advice.app} if advice.app else {}
    options |= {"--env": advice.env} if advice.env else {}
    return ["loadtest", *(f"{name}={value}" for name, value in options.items())]


def judge(demand: Demand, results: Results) -> Verification:
    """Whether the only run of `results` met the service level."""
    counted = results.counted
    if counted.empty:
        error = "; ".join(results.runs["error"].dropna()) or "its log tells why"
        raise RecordError(f"the run that was to verify the plan did not come to its end: {error}")
    run: dict[Any, Any] = counted.iloc[0].to_dict()
    p99_s = math.inf if pd.isna(run["p99_ms"]) else float(run["p99_ms"]) / 1e3
    offered = 0.0 if pd.isna(run["offered_rps"]) else float(run["offered_rps"])
    answered = 0.0 if pd.isna(run["answered_rps"]) else float(run["answered_rps"])
    why = []
    if run["verdict"] not in ("recovers", "invalid"):  # too few recycles for a verdict is no breach
        why.append(f"its verdict is {run['verdict']}")
    if p99_s > demand.slo_p99_s:
        seconds = "was never reached" if math.isinf(p99_s) else f"was {1e3 * p99_s:.0f} ms"
        why.append(f"the 99th percentile {seconds}, {1e3 * demand.slo_p99_s:.0f} ms are allowed")
    if run["missed"]:
        why.append(f"the generator could not start {int(run['missed'])} requests, so this proves nothing")
    # Poisson arrivals stray: three standard deviations of their count.
    if offered < MET_SHARE * demand.rps - 3 * math.sqrt(demand.rps / float(run["window_s"])):
        why.append(f"only {offered:.0f} requests/s were offered")
    met = f"{offered:.0f} requests/s were offered, and 99 % of them answered within {1e3 * p99_s:.0f} ms"
    return Verification(
        not why,
        "; ".join(why) or met,
        str(run["run_key"]),
        p99_s,
        offered,
        answered,
        int(run["respawns"]),
        int(run["workers"]),
    )


def verify(demand: Demand, advice: Recommendation) -> Verification:
    """Run it and judge it. Raises RecordError where it cannot be run."""
    if not advice.feasible:
        raise RecordError("there is no recommendation to verify: " + advice.why_not)
    before = _latest()
    made = [sys.executable, "-m", "stacks", *command(demand, advice)]
    takes_s = duration_s(demand, advice)
    print(f"verifying, {takes_s:.0f} s of load: {shlex.join(['python', *made[1:]])}", flush=True)
    ended = subprocess.run(made, cwd=ROOT, capture_output=True, text=True, check=False)
    after = _latest()
    if after is None or after == before:
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RecordError(f"the run that was to verify the plan could not be started: {said}")
    if before is not None:
        point_to(before)  # the plan was made of those, and the next report of the latest shall be, too
    return judge(demand, load(after))


def _latest() -> Path | None:
    link = RESULTS / LATEST
    return link.resolve() if link.exists() else None
