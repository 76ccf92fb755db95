"""Computes the entry of one cell in summary.json: counts, rates, times, and whether the verdicts are as expected.

`hung` counts every worker that was forked and never became ready: respawns, and `hung_initial` workers of the first
generation, which are no respawns. `hang_rate` is hung / (respawns + hung_initial), so a rate never exceeds 1. A respawn
time that is null although workers respawned means "never": the quantile falls among workers that did not come back.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.frames.cells import run_counts
from analysis.statistics import clusters, respawn_times
from analysis.summary.expectations import expected_verdicts
from stacks.lifecycle.records import JUDGED
from stacks.lifecycle.verdict import VERDICTS


def most_common(values: Iterable[Any]) -> Any:
    """Return the most frequent value that is not missing, the first of equally frequent ones; None without a value."""
    counts = Counter(value for value in values if not pd.isna(value))
    return counts.most_common(1)[0][0] if counts else None


def severest(verdicts: Iterable[str]) -> str | None:
    """Return the most severe of the verdicts of several runs, which is the verdict of their cell; None without one."""
    return min(verdicts, key=VERDICTS.index, default=None)


def _respawn_quantile_s(episodes: pd.DataFrame, share: float) -> float | None:
    """A quantile of the respawn time; None also for "never", because JSON has no infinity."""
    value = respawn_times.quantile(episodes["respawn_s"].to_numpy(), share)
    return round(value, 6) if value is not None and math.isfinite(value) else None


def _median(values: pd.Series[Any]) -> float | None:
    present = values.dropna()
    return round(float(present.median()), 6) if len(present) else None


def _stop_signal(runs: pd.DataFrame) -> str | None:
    """The signal that ended most runs; None if most runs ended without a signal."""
    signals = Counter(None if pd.isna(signal) else str(signal) for signal in runs["stop_signal"])
    return signals.most_common(1)[0][0] if signals else None


def _fork_threads(runs: pd.DataFrame) -> dict[str, Any] | None:
    """The table of the run that tells the most: of workers that answered, then of workers that were seen at all."""
    tables = [table for table in runs["fork_threads"] if isinstance(table, dict) and table["threads"]]
    tables = [table for table in tables if any(group["in_master"] for group in table["threads"])]
    return max(tables, key=lambda table: (table["answered"], table["workers"] > 0), default=None)


def _reason(
    cell: dict[str, Any], verdict: str | None, runs: pd.DataFrame, counted: pd.DataFrame, left_out: set[str]
) -> str:
    """Why the cell has its verdict, and which of its runs are not counted."""
    reasons = counted.loc[counted["verdict"] == verdict, "reason"].dropna()
    parts = [str(reasons.iloc[0])] if len(reasons) else []
    not_done = runs[~runs["status"].isin(JUDGED)]
    parts += [
        f"{run['run_id']} {run['status']}: {run['error'] or 'it has not come to its end'}"
        for run in not_done[["run_id", "status", "error"]].to_dict("records")
    ]
    parts += [f"{run_id} was left out" for run_id in cell["runs"] if run_id in left_out]
    return "; ".join(parts)


def cell_entry(
    cell: dict[str, Any],
    runs: pd.DataFrame,
    episodes: pd.DataFrame,
    left_out: set[str],
    generator_limits: dict[str, str],
) -> dict[str, Any]:
    """Return the entry of one cell.

    `cell` is the cell in campaign.json, `runs` are its runs that could be read, `episodes` their episodes. `left_out`
    has the ids of runs that could not be read. `generator_limits` maps the id of each run that the load generator
    limited to the reason.
    """
    counted = runs[runs["status"].isin(JUDGED)]
    verdict_by_run = dict(zip(counted["run_id"], counted["verdict"], strict=True))
    verdicts = [verdict_by_run.get(run_id) for run_id in cell["runs"]]  # null: a planned run that is not counted
    verdict = severest(verdict_by_run.values())
    respawns = int(counted["respawns"].sum())
    hung_initial = int(counted["hung_initial"].sum())
    hung = int(counted["hung"].sum()) + hung_initial
    trials = respawns + hung_initial
    rate = clusters.hang_rate(run_counts(counted))
    window_s = float(counted["window_s"].sum())
    has_requests = bool(counted["requests"].sum())  # a recording of `make watch` has none: the load was not the pack's
    also = {"also_expected": cell["also_expected"]} if "also_expected" in cell else {}
    return {
        "stack": cell["stack"],
        "variant": cell.get("variant", ""),  # of the settings, in a campaign that has several
        "python": cell["python"],
        "package": cell["package"],
        "package_version": most_common(runs["package_version"]) or cell["pin"],
        "version": cell["version"],
        "runs": len(counted),
        "respawns": respawns,
        "hung": hung,
        "hung_initial": hung_initial,
        "hang_rate": hung / trials if trials else None,
        "hang_rate_low": rate.low,
        "hang_rate_high": rate.high,
        "respawn_s_p50": _respawn_quantile_s(episodes, 0.5),
        "respawn_s_p95": _respawn_quantile_s(episodes, 0.95),
        "answered_rps": round(float(counted["answered"].sum()) / window_s, 3) if window_s and has_requests else None,
        "requests_lost": int(counted["lost"].sum()) if has_requests else None,
        "stop_signal": _stop_signal(counted),
        "stop_s": _median(counted["stop_s"]),
        "verdict": verdict,
        "verdicts": verdicts,
        "expected": cell["expected"],
        "causes": cell.get("causes", []),  # known causes of the expected verdict
        **also,
        "as_expected": bool(verdicts) and all(v in expected_verdicts(cell) for v in verdicts),
        "evidence": most_common(counted.loc[counted["verdict"] == verdict, "evidence"]),
        "fork_threads": _fork_threads(counted),
        "reason": _reason(cell, verdict, runs, counted, left_out),
        "not_tested_because": cell.get("not_tested_because"),
        "generator_limited": sum(run_id in generator_limits for run_id in cell["runs"]),
        "generator_why": most_common(generator_limits[run_id] for run_id in cell["runs"] if run_id in generator_limits),
    }
