"""Frames -> summary.json: one entry a cell with counts, rates, times, and whether it met what was expected.

`hung` counts every worker that was forked and never became ready: respawns, and `hung_initial` of
the first generation, which are no respawns. `hang_rate` is hung / (respawns + hung_initial), so a
rate never exceeds 1. Where a respawn time is null although workers respawned it is "never": the
quantile falls among workers that did not come back.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.frames.bottleneck import find_bottleneck
from analysis.frames.campaigns import Campaign
from analysis.frames.queries import query_runs
from analysis.statistics import clusters, respawn_times
from stacks.lifecycle.records import SAMPLES_FILE, SCHEMA
from stacks.lifecycle.verdict import VERDICTS


def most_common(values: Iterable[Any]) -> Any:
    """The most frequent value that is not missing, the first seen of equals; None without one."""
    counts = Counter(value for value in values if not pd.isna(value))
    return counts.most_common(1)[0][0] if counts else None


def severest(verdicts: Iterable[str]) -> str | None:
    """The most severe of the runs' verdicts: what a cell with several runs says."""
    return min(verdicts, key=VERDICTS.index, default=None)


def _time(episodes: pd.DataFrame, share: float) -> float | None:
    """A quantile of the respawn time in seconds; None for never, as JSON knows no infinity."""
    value = respawn_times.quantile(episodes["respawn_s"].to_numpy(), share)
    return round(value, 6) if value is not None and math.isfinite(value) else None


def _median(values: pd.Series[Any]) -> float | None:
    known = values.dropna()
    return round(float(known.median()), 6) if len(known) else None


def _stop_signal(runs: pd.DataFrame) -> str | None:
    """The signal that most runs took; a run that ended by itself has none."""
    signals = Counter(None if pd.isna(signal) else str(signal) for signal in runs["stop_signal"])
    return signals.most_common(1)[0][0] if signals else None


def _reason(
    cell: dict[str, Any], verdict: str | None, shown: pd.DataFrame, counted: pd.DataFrame, left_out: set[str]
) -> str:
    """Why the cell has its verdict, and what is missing of it."""
    reasons = counted.loc[counted["verdict"] == verdict, "reason"].dropna()
    parts = [str(reasons.iloc[0])] if len(reasons) else []
    without_end = shown[shown["status"] != "done"]
    parts += [
        f"{run['run_id']} {run['status']}: {run['error'] or 'it has not come to its end'}"
        for run in without_end[["run_id", "status", "error"]].to_dict("records")
    ]
    parts += [f"{run_id} was left out" for run_id in cell["runs"] if run_id in left_out]
    return "; ".join(parts)


def generator_limits(campaign: Campaign) -> dict[str, str]:
    """Run id -> why, of every run whose load generator was the limit instead of its stack."""
    samples = query_runs(campaign.counted, SAMPLES_FILE, "*")
    if samples.empty:
        return {}
    by_run = dict(list(samples.groupby("run_key")))
    found = {}
    for run in campaign.counted.to_dict("records"):
        if run["run_key"] in by_run:
            limit = find_bottleneck({str(name): value for name, value in run.items()}, by_run[run["run_key"]])
            if limit.limit == "generator":
                found[run["run_id"]] = limit.why
    return found


def cell_entry(
    cell: dict[str, Any], shown: pd.DataFrame, episodes: pd.DataFrame, left_out: set[str], limits: dict[str, str]
) -> dict[str, Any]:
    """The entry of one cell from its plan, its runs that could be read, and its episodes."""
    counted = shown[shown["status"] == "done"]
    found = dict(zip(counted["run_id"], counted["verdict"], strict=True))
    verdicts = [found.get(run_id) for run_id in cell["runs"]]  # null: planned, and nothing to be counted
    verdict = severest(found.values())
    respawns = int(counted["respawns"].sum())
    hung_initial = int(counted["hung_initial"].sum())
    hung = int(counted["hung"].sum()) + hung_initial
    trials = respawns + hung_initial
    first = counted["hung_initial"]
    per_run = zip((counted["hung"] + first).astype(int), (counted["respawns"] + first).astype(int), strict=True)
    rate = clusters.hang_rate(list(per_run))
    window_s = float(counted["window_s"].sum())
    return {
        "stack": cell["stack"],
        "variant": cell.get("variant", ""),  # of its settings, in a campaign that has several
        "python": cell["python"],
        "package": cell["package"],
        "package_version": most_common(shown["package_version"]) or cell["pin"],
        "version": cell["version"],
        "runs": len(counted),
        "respawns": respawns,
        "hung": hung,
        "hung_initial": hung_initial,
        "hang_rate": hung / trials if trials else None,
        "hang_rate_low": rate.low,
        "hang_rate_high": rate.high,
        "respawn_s_p50": _time(episodes, 0.5),
        "respawn_s_p95": _time(episodes, 0.95),
        "answered_rps": round(float(counted["answered"].sum()) / window_s, 3) if window_s else None,
        "requests_lost": int(counted["lost"].sum()) if len(counted) else None,
        "stop_signal": _stop_signal(counted),
        "stop_s": _median(counted["stop_s"]),
        "verdict": verdict,
        "verdicts": verdicts,
        "expected": cell["expected"],
        "causes": cell.get("causes", []),  # what is known to be behind that verdict
        "as_expected": bool(verdicts) and all(v == cell["expected"] for v in verdicts),
        "evidence": most_common(counted.loc[counted["verdict"] == verdict, "evidence"]),
        "reason": _reason(cell, verdict, shown, counted, left_out),
        "not_tested_because": cell.get("not_tested_because"),
        "generator_limited": sum(run_id in limits for run_id in cell["runs"]),
        "generator_why": most_common(limits[run_id] for run_id in cell["runs"] if run_id in limits),
    }


def summarise(campaign: Campaign) -> dict[str, Any]:
    """The whole of summary.json."""
    plan, runs = campaign.campaign, campaign.runs
    left_out = {run_id for run_id, _ in campaign.left_out}
    limits = generator_limits(campaign)
    entries = []
    for cell in plan["cells"]:
        shown = runs[runs["run_id"].isin(cell["runs"])]
        episodes = campaign.episodes[campaign.episodes["run_id"].isin(shown["run_id"])]
        entries.append(cell_entry(cell, shown, episodes, left_out, limits))
    copied = ("campaign", "kind", "status", "command", "scenario", "seed", "trials", "host", "git")
    return {
        "schema": SCHEMA,
        **{name: plan.get(name) for name in copied},
        "cells": entries,
        "left_out": [{"run_id": run_id, "reason": reason} for run_id, reason in campaign.left_out],
    }


def is_unexpected(entry: dict[str, Any]) -> bool:
    """Whether a run of the cell came to a verdict other than the expected; `invalid` is the lack of one."""
    return any(v not in (None, "invalid", entry["expected"]) for v in entry["verdicts"])


def is_matrix(summary: dict[str, Any]) -> bool:
    """Whether it is of a matrix, in which cells without a wheel are no failure."""
    return bool(summary["kind"] == "matrix")


def exit_code(summary: dict[str, Any]) -> int:
    """0 measured and as expected, 1 something could not be measured, 3 a verdict that nobody expected."""
    cells = summary["cells"]
    if is_matrix(summary):
        cells = [cell for cell in cells if not cell["not_tested_because"]]
    if any(map(is_unexpected, cells)):
        return 3
    return 0 if cells and not summary["left_out"] and all(entry["as_expected"] for entry in cells) else 1
