"""Measured against predicted: how well each formula of the plan holds on the runs that can tell."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.capacity import formulas, herd
from analysis.capacity.measurements import SATURATED, Measured
from analysis.frames.results import Results

OUTAGE_TOLERANCE = 0.10  # of the predicted time
LOSS_TOLERANCE = 0.02  # points of throughput
FEWEST_EXITS = 3  # of a slot, so two whole cycles
STILL_ASKED = 0.5  # of the demand, after the last answer
HERD_SEEDS = 20
REAP_S = 1.0  # the master looks for dead workers once a second (core/master.c)
OPEN_SCENARIO = "open"  # without a rate it has its own


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
    return sum(formulas.limit_of_worker(int(run["max_requests"]), delta, w + 1) for w in range(workers))


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


def _whole_cycles(results: Results, run_key: str, episodes: pd.DataFrame) -> tuple[float, float] | None:
    """Answers a second and mean absence of each slot from its first exit to its last.

    A window cuts cycles at any point, and all workers begin together; whole cycles are what the formula speaks of.
    """
    spans, absences = [], []
    for slot, rows in episodes.groupby("slot"):
        rows = rows[rows["exit_begun_ns"].notna()].sort_values("exit_begun_ns")
        if len(rows) < FEWEST_EXITS:
            return None
        spans.append((int(str(slot)), int(rows["exit_begun_ns"].iloc[0]), int(rows["exit_begun_ns"].iloc[-1])))
        absences += rows["respawn_s"].astype(float).tolist()[:-1]  # the last one is not part of the span
    if not spans or not np.isfinite(absences).all():
        return None
    end = "start_ns + latency_us * 1000"
    inside = " OR ".join(f"(slot = {slot} AND {end} > {first} AND {end} <= {last})" for slot, first, last in spans)
    key = run_key.replace("'", "''")
    counts = results.requests("slot, count(*) AS n", f"run_key = '{key}' AND error = '' AND ({inside}) GROUP BY slot")
    by_slot = dict(zip(counts["slot"].astype(int), counts["n"], strict=True)) if len(counts) else {}
    rps = sum(by_slot.get(slot, 0) / ((last - first) / 1e9) for slot, first, last in spans)
    return float(rps), float(np.mean(absences))


def _service_s(episodes: pd.DataFrame, limit: float, threads: int) -> float | None:
    """Seconds of a thread that a request took while workers recycled: from ready to the next exit, less the first."""
    lives: list[float] = []
    for _, rows in episodes.sort_values("generation").groupby("slot"):
        spans = (rows["exit_begun_ns"].shift(-1) - rows["ready_ns"]).iloc[1:].dropna()
        lives += (spans.astype(float) / 1e9).tolist()
    return float(np.mean(lives)) * threads / limit if lives else None


def _still_rps(results: Results, run: dict[Any, Any], measured: Measured) -> float | None:
    """The same size without recycling, of the same round where there is one, because hosts drift."""
    same = [p for p in measured.points if p.workers == run["workers"] and p.threads == run["threads"]]
    rounds = results.counted.set_index("run_key")[["campaign", "trial"]]
    near = [p for p in same if tuple(rounds.loc[p.run_key]) == (run["campaign"], run["trial"])] or same
    return sum(p.rps for p in near) / len(near) if near else None


def _loss(results: Results, run: dict[Any, Any], episodes: pd.DataFrame, measured: Measured) -> Check | None:
    """Saturated and recycling, with a saturated run of the same size that did not recycle."""
    key = str(run["run_key"])
    limit = measured.limits.get(key)
    if limit is None or limit.limit not in SATURATED or run["verdict"] != "recovers" or not run["respawns"]:
        return None
    still_rps = _still_rps(results, run, measured)
    cycles = None if still_rps is None else _whole_cycles(results, key, episodes)
    if still_rps is None or cycles is None:
        return None
    rps, away_s = cycles
    threads, workers = int(run["threads"]), int(run["workers"])
    mean_limit = total_requests(run) / workers
    still_s = workers * threads / still_rps
    expected = 1 - formulas.efficiency(mean_limit, still_s, away_s, threads)
    found = 1 - rps / still_rps
    holds = abs(found - expected) <= LOSS_TOLERANCE
    what = f"throughput lost, max-requests {int(run['max_requests'])}"
    # What parts the two is mostly this: a host that was busier in one of the runs.
    own_s = _service_s(episodes, mean_limit, threads)
    what += "" if own_s is None else f" (requests took {100 * (own_s / still_s - 1):+.0f} %)"
    return Check(key, what, "R T / (M s + R T)", 100 * expected, 100 * found, "%", holds)


def _herd(run: dict[Any, Any], episodes: pd.DataFrame, measured: Measured) -> Check | None:
    """The most workers away at once under a demand that the stack meets."""
    service_s, away_s = measured.of(int(run["threads"])).service_s, measured.away_s
    if service_s is None or away_s is None or run["verdict"] != "recovers" or not run["respawns"]:
        return None
    if pd.isna(run["rate"]) and run["scenario"] != OPEN_SCENARIO:
        return None  # users of a closed loop wait for the answer, so there is no demand
    key, demand, workers = str(run["run_key"]), float(run["offered_rps"]), int(run["workers"])
    if pd.isna(demand) or demand * service_s >= 0.8 * workers * int(run["threads"]):
        return None
    begin = int(run["load_begin_ns"])
    window_s = float(run["window_s"])
    back = episodes[np.isfinite(episodes["respawn_s"].astype(float))]
    own_ns = (back["exited_ns"] - back["exit_begun_ns"]) + (back["ready_ns"] - back["forked_ns"])
    if own_ns.dropna().empty:
        return None
    setting = herd.Setting(
        workers,
        int(run["max_requests"]),
        demand,
        service_s,
        float(own_ns.dropna().mean()) / 1e9,
        int(run["max_requests_delta"]),
        int(run["threads"]),
        float(run["min_worker_lifetime_s"]),
        reap_s=REAP_S,
    )
    # Which of the idle workers gets a connection is the kernel's affair: measured counts lie between these two.
    peaks = [
        herd.simulate(replace(setting, balance=balance), window_s, seed).peak_down
        for balance in ("random", "lifo")
        for seed in range(HERD_SEEDS)
    ]
    found = workers_down(episodes, begin, begin + int(window_s * 1e9))
    needed = formulas.delta_against_herd(workers, demand, away_s)
    simulated = f"simulated: {min(peaks)} to {max(peaks)}"
    words = f"most workers away at once, delta {setting.delta} (computed: {needed}; {simulated})"
    holds = min(peaks) <= found <= max(peaks)
    return Check(key, words, "event simulation", float(np.median(peaks)), float(found), "workers", holds)


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
        made += [
            _outage(results, run, episodes),
            _loss(results, run, episodes, measured),
            _herd(run, episodes, measured),
        ]
    return [check for check in made if check is not None]


def summary(found: list[Check]) -> list[str]:
    """How well each formula holds, over all runs that can tell."""
    kinds: dict[str, list[Check]] = {}
    for check in found:
        kinds.setdefault(check.what.split(" (")[0], []).append(check)
    said = []
    for what, of_kind in kinds.items():
        apart = np.array([check.measured - check.predicted for check in of_kind])
        held = sum(check.holds for check in of_kind)
        unit = {"%": "points"}.get(of_kind[0].unit, of_kind[0].unit)
        if unit == "s":  # a time, as its tolerance, is a share of what was predicted
            apart, unit = 100 * apart / np.array([check.predicted for check in of_kind]), "%"
        said.append(
            f"{what}: {held} of {len(of_kind)} runs hold; measured less predicted is {apart.mean():+.1f} {unit} on "
            f"average, {apart.min():+.1f} to {apart.max():+.1f}"
        )
    return said


def as_json(found: list[Check]) -> list[dict[str, Any]]:
    """For capacity.json."""
    return [asdict(check) for check in found]
