"""The recommendation put to the test: a run of it under the demand, started as `python -m stacks` would be by hand.

The analysis starts no server itself; what it learns of the run it reads from the results like of any other.
"""

from __future__ import annotations

import math
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

OPEN_SCENARIO, OPEN_RATE = "open", 20.0  # arrivals a second and user, locustfiles/open.py
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
    not_set: list[str]  # options that this version of the pack cannot set

    @property
    def gaps(self) -> str:
        """What the run leaves open although it met the level; '' when nothing."""
        parts = [f"{', '.join(self.not_set)} could not be set and stood at other values"] if self.not_set else []
        parts += ["no worker recycled in it, so it says nothing of what recycling costs"] if not self.recycles else []
        return "; ".join(parts)


def command(demand: Demand, advice: Recommendation, known: str) -> tuple[list[str], list[str]]:
    """The command line, and the settings that it cannot express; `known` is the help of `loadtest`."""
    life_s = (advice.max_requests or 1) * (advice.workers or 1) / demand.rps
    duration_s = min(LONGEST_S, max(SHORTEST_S, 1.2 * life_s))
    made = [sys.executable, "-m", "stacks", "loadtest", "--trials", "1", "--scenario", OPEN_SCENARIO]
    made += ["--stack", advice.stack, "--version", advice.version, "--workers", str(advice.workers)]
    made += ["--users", str(math.ceil(demand.rps / OPEN_RATE)), "--duration", f"{duration_s:g}"]
    made += ["--max-requests", str(advice.max_requests)]
    missing = []
    for option, value in (
        ("--threads", advice.threads),
        ("--max-requests-delta", advice.max_requests_delta),
        ("--min-worker-lifetime", advice.min_worker_lifetime_s),
        ("--listen", advice.listen_backlog),
    ):
        if f"{option} " in known:
            made += [option, str(value)]
        elif not (option == "--threads" and value == 1):
            missing.append(option.removeprefix("--"))
    return made, missing


def judge(demand: Demand, results: Results, missing: list[str]) -> Verification:
    """Whether the only run of `results` met the service level."""
    counted = results.counted
    if counted.empty:
        raise RecordError("the run that was to verify the plan did not come to its end; its log tells why.")
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
        not why, "; ".join(why) or met, str(run["run_key"]), p99_s, offered, answered, int(run["respawns"]), missing
    )


def verify(demand: Demand, advice: Recommendation, root: Path) -> Verification:
    """Run it and judge it. Raises RecordError where it cannot be run."""
    if not advice.feasible:
        raise RecordError("there is no recommendation to verify: " + advice.why_not)
    base = [sys.executable, "-m", "stacks", "loadtest", "--help"]
    known = subprocess.run(base, cwd=root, capture_output=True, text=True, check=False).stdout
    made, missing = command(demand, advice, known)
    before = _latest(root)
    ended = subprocess.run(made, cwd=root, stdout=subprocess.DEVNULL, check=False)
    after = _latest(root)
    if after is None or after == before:
        raise RecordError(f"the run that was to verify the plan could not be started (exit code {ended.returncode})")
    return judge(demand, load(after), missing)


def _latest(root: Path) -> Path | None:
    link = root / "results" / "latest"
    return link.resolve() if link.exists() else None
