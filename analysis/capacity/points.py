"""Picks the runs that are points of the capacity curve, and computes the service time from them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from analysis.frames.bottleneck import Bottleneck

# Bottlenecks of a saturated run. If the generator or nothing was the bottleneck, the workers could have answered more.
SATURATED = ("workers", "host")


@dataclass(frozen=True)
class Point:
    """One saturated run without recycling."""

    run_key: str
    size: int  # workers x threads
    workers: int
    threads: int
    rps: float


def saturated_points(runs: pd.DataFrame, bottlenecks: dict[str, Bottleneck]) -> list[Point]:
    """Return the runs that were saturated and in which no worker recycled or hung.

    `bottlenecks` maps `run_key` to the bottleneck of the run.
    """
    points = []
    for run in runs.to_dict("records"):
        limit = bottlenecks.get(run["run_key"])
        if limit is None or limit.limit not in SATURATED or pd.isna(run["workers"]) or pd.isna(run["answered_rps"]):
            continue
        # The verdict of a run without recycles is `invalid`.
        if run["respawns"] > 0 or run["hung_initial"] or run["verdict"] not in ("recovers", "invalid"):
            continue
        size = int(run["workers"]) * int(run["threads"])
        points.append(Point(run["run_key"], size, int(run["workers"]), int(run["threads"]), float(run["answered_rps"])))
    return points


def saturated_service(points: list[Point]) -> tuple[float, str]:
    """Return the seconds that a request occupies a thread, from the points of the smallest size, and their description.

    The smallest size has the least contention. `points` must not be empty.
    """
    least = min(point.size for point in points)
    rates = [point.rps / point.size for point in points if point.size == least]
    runs = f"{len(rates)} saturated run{'' if len(rates) == 1 else 's'}"
    return len(rates) / sum(rates), f"{least} busy thread{'' if least == 1 else 's'}, {runs}"


def unsaturated_service(runs: pd.DataFrame) -> tuple[float | None, str]:
    """Return the least median answer time of a run in seconds, and its description; (None, "") without an answer.

    It stands for the service time if no run was saturated.
    """
    answers_ms = runs["median_answer_ms"].dropna()
    if answers_ms.empty:
        return None, ""
    description = "the shortest median answer of a run, as no run was saturated without recycling"
    return float(answers_ms.min()) / 1e3, description
