"""The recommendation put to the test: a run of it under the demand, started as `python -m stacks` would be by hand.

The analysis starts no server itself; what it learns of the run it reads from the results like of any other.
"""

from __future__ import annotations

import math
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.demand import Demand
from analysis.load import Results, load
from analysis.recommend import Recommendation
from stacks.records import RecordError

OPEN_SCENARIO, USER_RPS = "open", 20.0  # arrivals a second that a user brings
SHORTEST_S, LONGEST_S = 10.0, 60.0
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

    @property
    def gaps(self) -> str:
        """What the run leaves open although it met the level; '' when nothing."""
        return "" if self.recycles else "no worker recycled in it, so it says nothing of what recycling costs"


def command(demand: Demand, advice: Recommendation) -> list[str]:
    """The command line of the run: the recommended configuration under the demand, for as long as a worker lives."""
    life_s = (advice.max_requests or 1) * (advice.workers or 1) / demand.rps
    duration_s = min(LONGEST_S, max(SHORTEST_S, 1.2 * life_s))
    options: dict[str, object] = {
        "--trials": 1,
        "--scenario": OPEN_SCENARIO,
        "--rate": demand.rps,
        "--users": math.ceil(demand.rps / USER_RPS),
        "--duration": round(duration_s, 1),
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
        not why, "; ".join(why) or met, str(run["run_key"]), p99_s, offered, answered, int(run["respawns"])
    )


def verify(demand: Demand, advice: Recommendation, root: Path) -> Verification:
    """Run it and judge it. Raises RecordError where it cannot be run."""
    if not advice.feasible:
        raise RecordError("there is no recommendation to verify: " + advice.why_not)
    before = _latest(root)
    made = [sys.executable, "-m", "stacks", *command(demand, advice)]
    print(f"verifying: {shlex.join(['python', *made[1:]])}", flush=True)
    ended = subprocess.run(made, cwd=root, capture_output=True, text=True, check=False)
    after = _latest(root)
    if after is None or after == before:
        said = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RecordError(f"the run that was to verify the plan could not be started: {said}")
    if before is not None:
        _point(root, before)  # the plan was made of those, and the next report of the latest shall be, too
    return judge(demand, load(after))


def _latest(root: Path) -> Path | None:
    link = root / "results" / "latest"
    return link.resolve() if link.exists() else None


def _point(root: Path, directory: Path) -> None:
    link = root / "results" / f".latest.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(directory.name)
    link.replace(root / "results" / "latest")
