"""Measured against predicted: how well each formula of the plan holds on the runs that can tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis import capacity, herd
from analysis.load import Results
from analysis.measured import SATURATED, Measured

OUTAGE_TOLERANCE = 0.10  # of the predicted time
LOSS_TOLERANCE = 0.02  # points of throughput
STILL_ASKED = 0.5  # of the demand, after the last answer
HERD_SEEDS = 5


@dataclass(frozen=True)
class Check:
    """One run held against one formula; numbers in the unit that `what` names."""

    run_key: str
    what: str
    formula: str
    predicted: float
    measured: float
    unit: str
    holds: bool


def workers_down(episodes: pd.DataFrame, begin_ns: int, end_ns: int) -> int:
    """The most slots that were without a ready worker at one moment of the window."""
    rows = episodes[episodes["generation"] > 0]
    begun = rows["exit_begun_ns"].fillna(rows["exited_ns"]).fillna(rows["forked_ns"])
    inside = begun.between(begin_ns, end_ns)
    until = rows["ready_ns"].fillna(rows["watched_until_ns"])
    steps = [(int(t), 1) for t in begun[inside]] + [(int(t), -1) for t in until[inside]]
    return int(max(np.cumsum([step for _, step in sorted(steps)]), default=0))


def total_requests(run: dict[Any, Any]) -> int:
    """What all workers together answer before each of them has reached its limit."""
    workers, delta = int(run["workers"]), int(run["max_requests_delta"])
    return sum(capacity.limit_of_worker(int(run["max_requests"]), delta, w + 1) for w in range(workers))


def _outage(results: Results, run: dict[Any, Any], episodes: pd.DataFrame) -> Check | None:
    """Every worker hung at its first recycle: the last answer came when W x M requests were answered."""
    first = episodes[episodes["generation"] == 1]
    slots = episodes["slot"].nunique()
    if not slots or first["slot"].nunique() < slots or not (first["outcome"] == "hung_at_fork").all():
        return None
    begin = int(run["load_begin_ns"])
    key = str(run["run_key"]).replace("'", "''")
    last = results.requests("max(start_ns + latency_us * 1000) AS t", f"run_key = '{key}' AND error = ''")["t"].iloc[0]
    if pd.isna(last) or last <= begin:
        return None
    took_s = (int(last) - begin) / 1e9
    # The load of a run in which nobody is left ends early.
    end = min(begin + int(float(run["window_s"]) * 1e9), int(run["load_end_ns"]))
    select = f"scheduled_ns < {int(last)} AS before, count(*) AS n"
    due = results.requests(select, f"run_key = '{key}' AND scheduled_ns < {end} GROUP BY 1")
    counts = dict(zip(due["before"].astype(bool), due["n"], strict=True))
    demand = float(counts.get(True, 0)) / took_s
    # Users of a closed loop stop asking when nobody answers: their demand is the stack's own doing and proves nothing.
    if last >= end or counts.get(False, 0) < STILL_ASKED * demand * (end - int(last)) / 1e9:
        return None
    expected_s = total_requests(run) / demand
    holds = abs(took_s - expected_s) <= OUTAGE_TOLERANCE * expected_s
    return Check(key, "time to total outage", "W M / lambda", expected_s, took_s, "s", holds)


def _loss(run: dict[Any, Any], episodes: pd.DataFrame, measured: Measured) -> Check | None:
    """Saturated and recycling, with a saturated run of the same size that did not recycle."""
    limit = measured.limits.get(str(run["run_key"]))
    if limit is None or limit.limit not in SATURATED or run["verdict"] != "recovers" or not run["respawns"]:
        return None
    size = int(run["workers"]) * int(run["threads"])
    same = [p.rps for p in measured.points if p.workers == run["workers"] and p.threads == run["threads"]]
    times = episodes["respawn_s"].astype(float)
    times = times[np.isfinite(times)]
    if not same or times.empty:
        return None
    still_rps = sum(same) / len(same)
    mean_limit = total_requests(run) / int(run["workers"])
    service_s = size / still_rps
    numbers = (mean_limit, service_s, float(times.mean()), int(run["threads"]))
    expected = 1 - capacity.efficiency(*numbers)
    # The closed loop must have kept every worker busy, or what was lost is the generator's.
    found = 1 - float(run["answered_rps"]) / still_rps
    holds = abs(found - expected) <= LOSS_TOLERANCE
    return Check(
        str(run["run_key"]),
        f"throughput lost, max-requests {int(run['max_requests'])}",
        "R T / (M s + R T)",
        100 * expected,
        100 * found,
        "%",
        holds,
    )


def _herd(run: dict[Any, Any], episodes: pd.DataFrame, measured: Measured) -> Check | None:
    """The most workers away at once under a demand that the stack meets."""
    service_s, away_s = measured.service_s, measured.away_s
    if service_s is None or away_s is None or run["verdict"] != "recovers" or not run["respawns"]:
        return None
    demand, workers = float(run["offered_rps"]), int(run["workers"])
    if pd.isna(demand) or demand * service_s >= 0.8 * workers * int(run["threads"]):
        return None
    begin = int(run["load_begin_ns"])
    window_s = float(run["window_s"])
    setting = herd.Setting(
        workers,
        int(run["max_requests"]),
        demand,
        service_s,
        away_s,
        int(run["max_requests_delta"]),
        int(run["threads"]),
        float(run["min_worker_lifetime_s"]),
    )
    peaks = [herd.simulate(setting, window_s, seed).peak_down for seed in range(HERD_SEEDS)]
    found = workers_down(episodes, begin, begin + int(window_s * 1e9))
    expected = float(np.median(peaks))
    needed = capacity.delta_against_herd(workers, demand, away_s)
    words = f"most workers away at once, delta {setting.delta} (computed: {needed})"
    holds = min(peaks) <= found <= max(peaks)
    return Check(str(run["run_key"]), words, "event simulation", expected, float(found), "workers", holds)


def checks(results: Results, measured: Measured) -> list[Check]:
    """Every formula on every run that can tell, in the order of the runs."""
    made: list[Check | None] = []
    for run in results.counted.to_dict("records"):
        if any(
            pd.isna(run[name])
            for name in ("load_begin_ns", "load_end_ns", "workers", "threads", "max_requests", "offered_rps")
        ):
            continue
        if not run["max_requests"]:
            continue
        episodes = results.episodes[results.episodes["run_key"] == run["run_key"]]
        made += [_outage(results, run, episodes), _loss(run, episodes, measured), _herd(run, episodes, measured)]
    return [check for check in made if check is not None]


def as_json(found: list[Check]) -> list[dict[str, Any]]:
    """For capacity.json."""
    return [asdict(check) for check in found]
