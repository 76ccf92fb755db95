"""Runs the recommended configuration under the demand, with `python -m stacks loadtest` in a process of its own.

The analysis starts no server itself: it reads the results of this run as it reads those of every other run.
"""

from __future__ import annotations

import math
import shlex
import subprocess
import sys
from pathlib import Path

from analysis.capacity import formulas
from analysis.capacity.demand import Demand
from analysis.capacity.recommendation import Recommendation
from analysis.frames.results import load
from analysis.reports import verification
from analysis.reports.verification import Verification
from stacks.lifecycle.records import LATEST, RESULTS, RecordError, point_to

ROOT = Path(__file__).resolve().parents[2]
OPEN_SCENARIO, USER_RPS = "open", 20.0  # arrivals a second that one Locust user brings
# A shorter run measures its p99 by chance. After the longest time an incomplete answer is better than none.
SHORTEST_S, LONGEST_S = 10.0, 300.0
MARGIN = 1.2  # the kernel does not give every worker the same share of the requests


def verify(demand: Demand, advice: Recommendation) -> Verification:
    """Run the recommendation and judge the run. Raises RecordError if there is none, or if the run fails."""
    if not advice.feasible:
        raise RecordError("there is no recommendation to verify: " + advice.why_not)
    before = _latest()
    program = [sys.executable, "-m", "stacks", *command(demand, advice)]
    seconds = duration_s(demand, advice)
    print(f"verifying, {seconds:.0f} s of load: {shlex.join(['python', *program[1:]])}", flush=True)
    ended = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    after = _latest()
    if after is None or after == before:
        last_line = (ended.stderr.strip().splitlines() or ["it printed no error"])[-1]
        raise RecordError(f"the run that verifies the plan could not be started: {last_line}")
    if before is not None:
        point_to(before)  # the next report shall read what this plan was made of, not the run that verifies it
    return verification.judge(demand, load(after))


def duration_s(demand: Demand, advice: Recommendation) -> float:
    """The load window: until every worker has recycled, so that the run shows what this costs; at most LONGEST_S."""
    workers = advice.workers or 1
    last = formulas.limit_of_worker(advice.max_requests or 1, advice.max_requests_delta or 0, workers)
    return min(LONGEST_S, max(SHORTEST_S, MARGIN * last * workers / demand.rps))


def command(demand: Demand, advice: Recommendation) -> list[str]:
    """The arguments of `python -m stacks` for the recommended configuration under the demand."""
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


def _latest() -> Path | None:
    link = RESULTS / LATEST
    return link.resolve() if link.exists() else None
