"""What the runs say that a plan needs: service time, absence at a recycle, throughput by size, memory, limits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis import bottleneck, usl
from analysis.cells import Cell
from analysis.load import Results
from analysis.stats import CONFIDENCE, Interval

# A worker asked for less than this share of what it can is no measurement of what it can.
SATURATED = ("workers", "host")
# uWSGI has no respawn in a window that its workers outlive; one is within the noise of a boundary.
FEW_RESPAWNS = 0


@dataclass(frozen=True)
class Point:
    """One saturated run without recycling."""

    run_key: str
    size: int  # workers x threads
    workers: int
    threads: int
    rps: float


@dataclass(frozen=True)
class Memory:
    """Megabytes of one worker, its share of common pages counted proportionally (PSS)."""

    lazy: bool
    mb: float
    workers: int  # measured


@dataclass(frozen=True)
class Measured:
    """Everything that the recommendation rests on; None where no run tells it."""

    points: list[Point] = field(default_factory=list)
    curve: usl.Fit | None = None
    why_no_curve: str = ""
    service_s: float | None = None
    service_from: str = ""
    away_s: float | None = None
    away_interval: Interval | None = None
    away_runs: int = 0
    memory: list[Memory] = field(default_factory=list)
    limits: dict[str, bottleneck.Bottleneck] = field(default_factory=dict)


def limits(results: Results) -> dict[str, bottleneck.Bottleneck]:
    """Who was the limit of each run."""
    samples = results.samples()
    by_run = dict(tuple(samples.groupby("run_key"))) if len(samples) else {}
    return (
        {
            run["run_key"]: bottleneck.find(
                {str(k): v for k, v in run.items()}, by_run.get(run["run_key"], samples.iloc[:0])
            )
            for run in results.counted.to_dict("records")
        }
        if len(samples)
        else {}
    )


def points(runs: pd.DataFrame, found: dict[str, bottleneck.Bottleneck]) -> list[Point]:
    """Runs whose workers were the limit while none of them recycled."""
    made = []
    for run in runs.to_dict("records"):
        limit = found.get(run["run_key"])
        if limit is None or limit.limit not in SATURATED or pd.isna(run["workers"]) or pd.isna(run["answered_rps"]):
            continue
        if run["respawns"] > FEW_RESPAWNS or run["hung_initial"] or run["verdict"] not in ("recovers", "invalid"):
            continue
        size = int(run["workers"]) * int(run["threads"])
        made.append(Point(run["run_key"], size, int(run["workers"]), int(run["threads"]), float(run["answered_rps"])))
    return _of_one_kind(made)


def _of_one_kind(found: list[Point]) -> list[Point]:
    """Those with the number of threads of which most sizes were measured: threads share a GIL, workers do not."""
    sizes: dict[int, set[int]] = {}
    for point in found:
        sizes.setdefault(point.threads, set()).add(point.size)
    most = max(sizes, key=lambda threads: len(sizes[threads]), default=0)
    return [point for point in found if point.threads == most]


def _curve(found: list[Point]) -> tuple[usl.Fit | None, str]:
    try:
        return usl.fit([p.size for p in found], [p.rps for p in found]), ""
    except ValueError as error:
        return None, str(error)


def _service(runs: pd.DataFrame, found: list[Point]) -> tuple[float | None, str]:
    """Seconds that a request occupies a thread: from the smallest saturated run, else from what answers took."""
    if found:
        least = min(point.size for point in found)
        rates = [point.rps / point.size for point in found if point.size == least]
        return len(rates) / sum(rates), f"{least} busy thread{'' if least == 1 else 's'}, {len(rates)} saturated runs"
    answers = runs["median_answer_ms"].dropna()
    if len(answers):
        return float(
            answers.min()
        ) / 1e3, "the shortest median answer of a run, as no run was saturated without recycling"
    return None, ""


def away(cells: list[Cell]) -> tuple[float | None, Interval | None, int]:
    """Mean exit-to-ready of recycles that came back, with a t interval over runs, as those of one run are alike."""
    from scipy.special import stdtrit

    rows = pd.concat([cell.episodes for cell in cells]) if cells else pd.DataFrame({"respawn_s": [], "run_key": []})
    times = rows[np.isfinite(rows["respawn_s"].astype(float))]
    if times.empty:
        return None, None, 0
    means = times.groupby("run_key")["respawn_s"].mean().to_numpy(float)
    mean = float(times["respawn_s"].mean())
    if len(means) < 2:
        return mean, None, len(means)
    half = float(stdtrit(len(means) - 1, 0.5 + CONFIDENCE / 2)) * float(means.std(ddof=1)) / len(means) ** 0.5
    return mean, (max(0.0, mean - half), mean + half), len(means)


def memory(results: Results, runs: pd.DataFrame) -> list[Memory]:
    """PSS of workers that served, preforked and lazy apart; a worker counts with its largest sample."""
    samples = results.samples()
    if samples.empty:
        return []
    lazy = dict(zip(runs["run_key"], runs["lazy_apps"], strict=True))
    rows = samples[(samples["role"] == "worker") & (samples["pss_kib"] > 0) & samples["run_key"].isin(lazy)]
    peaks = rows.groupby(["run_key", "pid"])["pss_kib"].max().reset_index()
    found = []
    for kind, of_kind in peaks.groupby(peaks["run_key"].map(lazy).astype(bool)):
        found.append(Memory(bool(kind), float(of_kind["pss_kib"].median()) / 1024, len(of_kind)))
    return found


def measure(results: Results, recovering: list[Cell]) -> Measured:
    """From the cells that recover at the version to be recommended; those that hang say nothing of capacity."""
    keys = [key for cell in recovering for key in cell.runs["run_key"]]
    runs = results.counted[results.counted["run_key"].isin(keys)]
    found = limits(results)
    saturated = points(runs, found)
    curve, why = _curve(saturated)
    service_s, service_from = _service(runs, saturated)
    return Measured(saturated, curve, why, service_s, service_from, *away(recovering), memory(results, runs), found)


def as_json(measured: Measured) -> dict[str, Any]:
    """The same for capacity.json."""
    curve = measured.curve
    return {
        "points": [vars(point) for point in measured.points],
        "usl": None
        if curve is None
        else {
            "alpha": curve.alpha,
            "beta": curve.beta,
            "gamma": curve.gamma,
            "standard_errors": list(curve.errors),
            "residual": curve.residual,
            "peak_size": curve.peak if np.isfinite(curve.peak) else None,
        },
        "why_no_curve": measured.why_no_curve,
        "service_s": measured.service_s,
        "service_from": measured.service_from,
        "away_s": measured.away_s,
        "away_interval_s": measured.away_interval,
        "memory_mb": [vars(m) for m in measured.memory],
        "limits": {key: {"limit": b.limit, "why": b.why} for key, b in measured.limits.items()},
    }
