"""Collects what a plan needs from the runs: service time, absence at a recycle, throughput by size, memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.capacity.absence import mean_absence
from analysis.capacity.lazy_apps import ImportMode, compare_import_modes
from analysis.capacity.points import Point, saturated_points, saturated_service, unsaturated_service
from analysis.frames.bottleneck import Bottleneck, find_bottleneck
from analysis.frames.cells import Cell
from analysis.frames.results import Results
from analysis.statistics import usl
from analysis.statistics.hang_rates import Interval


@dataclass(frozen=True)
class Measurements:
    """Everything that a recommendation rests on. A value that no run tells is None or empty."""

    points: list[Point] = field(default_factory=list)
    threads: int = 1  # of a worker; curve and service time are of workers with so many threads
    curve: usl.Fit | None = None  # throughput by size, without recycling
    why_no_curve: str = ""
    service_s: float | None = None  # the time that a request occupies a thread
    service_from: str = ""  # the runs behind `service_s`
    away_s: float | None = None  # mean absence of a worker at a recycle
    away_interval: Interval | None = None
    away_runs: int = 0
    kinds: list[ImportMode] = field(default_factory=list)  # the name is a key of capacity.json
    lazy: bool = False  # True if the points are of lazy-apps
    limits: dict[str, Bottleneck] = field(default_factory=dict)  # by run_key
    stack: str = ""
    app: str = ""  # path of the app, if the runs recorded it
    env: str = ""

    @property
    def thread_counts(self) -> list[int]:
        """The measured numbers of threads, the one with most sizes first.

        Each number has a curve of its own, because threads of a worker share a GIL and workers do not.
        """
        sizes: dict[int, set[int]] = {}
        for point in self.points:
            sizes.setdefault(point.threads, set()).add(point.size)
        return sorted(sizes, key=lambda threads: (-len(sizes[threads]), threads))

    @property
    def curve_points(self) -> list[Point]:
        """The points that the curve was fitted to."""
        return [point for point in self.points if point.threads == self.threads]

    @property
    def worker_mb(self) -> float | None:
        """The memory of a worker with the import mode of the points."""
        return next((mode.mb for mode in self.kinds if mode.lazy == self.lazy and mode.mb is not None), None)

    def for_threads(self, threads: int) -> Measurements:
        """Return the same measurements with the curve and the service time of workers with so many threads."""
        points = [point for point in self.points if point.threads == threads]
        try:
            curve, why = usl.fit([p.size for p in points], [p.rps for p in points]), ""
        except ValueError as error:
            curve, why = None, str(error)
        service_s, service_from = saturated_service(points) if points else (self.service_s, self.service_from)
        return replace(
            self, threads=threads, curve=curve, why_no_curve=why, service_s=service_s, service_from=service_from
        )


def _find_bottlenecks(runs: pd.DataFrame, samples: pd.DataFrame) -> dict[str, Bottleneck]:
    """The bottleneck of each run by its run_key; {} if no run has samples."""
    if samples.empty:
        return {}
    by_run = dict(tuple(samples.groupby("run_key")))
    return {
        run["run_key"]: find_bottleneck(
            {str(name): value for name, value in run.items()}, by_run.get(run["run_key"], samples.iloc[:0])
        )
        for run in runs.to_dict("records")
    }


def _comparable_runs(runs: pd.DataFrame, points: list[Point]) -> pd.DataFrame:
    """The runs of one app with one environment and one import mode.

    Of several such groups the one with most measured sizes, and among those the one with most respawns.
    """
    size_by_run = {point.run_key: point.size for point in points}
    groups = [rows for _, rows in runs.groupby(["app", "env", "lazy_apps"], dropna=False, sort=False)]
    return max(
        groups,
        key=lambda rows: (
            len({size_by_run[key] for key in rows["run_key"] if key in size_by_run}),
            int(rows["respawns"].fillna(0).sum()),
        ),
        default=runs,
    )


def measure(results: Results, cells: list[Cell]) -> Measurements:
    """Return the measurements of the runs of `cells`, the cells of the version to be recommended.

    Runs of other cells say nothing of the capacity: their version may hang.
    """
    keys = [key for cell in cells for key in cell.runs["run_key"]]
    runs = results.counted[results.counted["run_key"].isin(keys)]
    samples = results.samples()
    bottlenecks = _find_bottlenecks(results.counted, samples)
    all_points = saturated_points(runs, bottlenecks)
    alike = _comparable_runs(runs, all_points)
    same_app = runs
    if len(alike):
        first = alike.iloc[0]
        same_app = runs[(runs["app"].eq(first["app"])) & (runs["env"].eq(first["env"]))]
    points = [point for point in all_points if point.run_key in set(alike["run_key"])]
    service_s, service_from = unsaturated_service(alike)
    absence = mean_absence(results.episodes[results.episodes["run_key"].isin(alike["run_key"])])
    measurements = Measurements(
        points=points,
        service_s=service_s,
        service_from=service_from,
        away_s=absence.mean_s,
        away_interval=absence.interval_s,
        away_runs=absence.runs,
        kinds=compare_import_modes(samples, same_app, results.episodes),
        lazy=bool(len(alike)) and bool(alike["lazy_apps"].fillna(False).iloc[0]),
        limits=bottlenecks,
    )
    with_path = alike.dropna(subset=["app_path"])
    if len(with_path):
        stack, app, env = (str(with_path.iloc[0][name]) for name in ("stack_id", "app_path", "env"))
        measurements = replace(measurements, stack=stack, app=app, env=env)
    return measurements.for_threads(measurements.thread_counts[0] if points else 1)


def as_json(measurements: Measurements) -> dict[str, Any]:
    """Return the measurements for capacity.json."""
    curve = measurements.curve
    return {
        "points": [vars(point) for point in measurements.points],
        "threads": measurements.threads,
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
        "why_no_curve": measurements.why_no_curve,
        "service_s": measurements.service_s,
        "service_from": measurements.service_from,
        "away_s": measurements.away_s,
        "away_interval_s": measurements.away_interval,
        "kinds": [vars(mode) for mode in measurements.kinds],
        "limits": {key: {"limit": b.limit, "why": b.why} for key, b in measurements.limits.items()},
    }
