"""What the runs say that a plan needs: service time, absence at a recycle, throughput by size, memory, limits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.capacity import lazy_apps
from analysis.frames import bottleneck
from analysis.frames.cells import Cell
from analysis.frames.results import Results
from analysis.statistics import usl
from analysis.statistics.hang_rates import CONFIDENCE, Interval

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
class Measured:
    """Everything that the recommendation rests on, None where no run tells it; `of` picks a number of threads."""

    points: list[Point] = field(default_factory=list)
    threads: int = 1  # of the workers that the curve and the service time are of
    curve: usl.Fit | None = None
    why_no_curve: str = ""
    service_s: float | None = None
    service_from: str = ""
    away_s: float | None = None
    away_interval: Interval | None = None
    away_runs: int = 0
    kinds: list[lazy_apps.Kind] = field(default_factory=list)
    lazy: bool = False  # whether the points are of lazy-apps
    limits: dict[str, bottleneck.Bottleneck] = field(default_factory=dict)
    stack: str = ""
    app: str = ""  # the path, where the runs say it
    env: str = ""

    @property
    def thread_kinds(self) -> list[int]:
        """Numbers of threads that were measured, the one with most sizes first: threads share a GIL, workers do not."""
        sizes: dict[int, set[int]] = {}
        for point in self.points:
            sizes.setdefault(point.threads, set()).add(point.size)
        return sorted(sizes, key=lambda threads: (-len(sizes[threads]), threads))

    @property
    def own_points(self) -> list[Point]:
        """Those of the curve."""
        return [point for point in self.points if point.threads == self.threads]

    @property
    def worker_mb(self) -> float | None:
        """Of the workers that the curve is of."""
        return next((kind.mb for kind in self.kinds if kind.lazy == self.lazy and kind.mb is not None), None)

    def of(self, threads: int) -> Measured:
        """With the curve and the service time of workers with so many threads."""
        own = [point for point in self.points if point.threads == threads]
        try:
            fit, why = usl.fit([p.size for p in own], [p.rps for p in own]), ""
        except ValueError as error:
            fit, why = None, str(error)
        service_s, service_from = (self.service_s, self.service_from) if not own else _service(own)
        return replace(
            self, threads=threads, curve=fit, why_no_curve=why, service_s=service_s, service_from=service_from
        )


def _service(found: list[Point]) -> tuple[float, str]:
    """Seconds that a request occupies a thread, from the smallest saturated size."""
    least = min(point.size for point in found)
    rates = [point.rps / point.size for point in found if point.size == least]
    runs = f"{len(rates)} saturated run{'' if len(rates) == 1 else 's'}"
    return len(rates) / sum(rates), f"{least} busy thread{'' if least == 1 else 's'}, {runs}"


def _unsaturated_service(runs: pd.DataFrame) -> tuple[float | None, str]:
    answers = runs["median_answer_ms"].dropna()
    if answers.empty:
        return None, ""
    why = "the shortest median answer of a run, as no run was saturated without recycling"
    return float(answers.min()) / 1e3, why


def limits(results: Results, samples: pd.DataFrame) -> dict[str, bottleneck.Bottleneck]:
    """Who was the limit of each run."""
    by_run = dict(tuple(samples.groupby("run_key"))) if len(samples) else {}
    return (
        {
            run["run_key"]: bottleneck.find_bottleneck(
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
    return made


def away(episodes: pd.DataFrame) -> tuple[float | None, Interval | None, int]:
    """Mean exit-to-ready of recycles that came back, with a t interval over runs, as those of one run are alike."""
    from scipy.special import stdtrit

    times = episodes[np.isfinite(episodes["respawn_s"].astype(float))]
    if times.empty:
        return None, None, 0
    means = times.groupby("run_key")["respawn_s"].mean().to_numpy(float)
    mean = float(times["respawn_s"].mean())
    if len(means) < 2:
        return mean, None, len(means)
    half = float(stdtrit(len(means) - 1, 0.5 + CONFIDENCE / 2)) * float(means.std(ddof=1)) / len(means) ** 0.5
    return mean, (max(0.0, mean - half), mean + half), len(means)


def _like_each_other(runs: pd.DataFrame, found: list[Point]) -> pd.DataFrame:
    """The runs of one app of one size and one kind of import: those with most sizes, else with most recycles."""
    names = ["app", "env", "lazy_apps"]
    by_run = {point.run_key: point.size for point in found}
    groups = [rows for _, rows in runs.groupby(names, dropna=False, sort=False)]
    return max(
        groups,
        key=lambda rows: (
            len({by_run[key] for key in rows["run_key"] if key in by_run}),
            int(rows["respawns"].fillna(0).sum()),
        ),
        default=runs,
    )


def measure(results: Results, recovering: list[Cell]) -> Measured:
    """From the cells that recover at the version to be recommended; those that hang say nothing of capacity."""
    keys = [key for cell in recovering for key in cell.runs["run_key"]]
    runs = results.counted[results.counted["run_key"].isin(keys)]
    samples = results.samples()
    found = limits(results, samples)
    saturated = points(runs, found)
    alike = _like_each_other(runs, saturated)
    same_app = runs
    if len(alike):
        first = alike.iloc[0]
        same_app = runs[(runs["app"].eq(first["app"])) & (runs["env"].eq(first["env"]))]
    own = [point for point in saturated if point.run_key in set(alike["run_key"])]
    service_s, service_from = _unsaturated_service(alike)
    away_s, away_interval, away_runs = away(results.episodes[results.episodes["run_key"].isin(alike["run_key"])])
    made = Measured(
        points=own,
        service_s=service_s,
        service_from=service_from,
        away_s=away_s,
        away_interval=away_interval,
        away_runs=away_runs,
        kinds=lazy_apps.kinds(samples, same_app, results.episodes),
        lazy=bool(len(alike)) and bool(alike["lazy_apps"].fillna(False).iloc[0]),
        limits=found,
    )
    telling = alike.dropna(subset=["app_path"])
    if len(telling):
        stack, app, env = (str(telling.iloc[0][name]) for name in ("stack_id", "app_path", "env"))
        made = replace(made, stack=stack, app=app, env=env)
    return made.of(made.thread_kinds[0] if own else 1)


def as_json(measured: Measured) -> dict[str, Any]:
    """The same for capacity.json."""
    curve = measured.curve
    return {
        "points": [vars(point) for point in measured.points],
        "threads": measured.threads,
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
        "kinds": [vars(kind) for kind in measured.kinds],
        "limits": {key: {"limit": b.limit, "why": b.why} for key, b in measured.limits.items()},
    }
