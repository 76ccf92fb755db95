"""Groups runs by cell, a stack at a version: verdict, hang rate over runs, and respawn times of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.frames import phases
from analysis.frames.results import Results
from analysis.statistics import clusters, survival
from stacks.lifecycle.verdict import VERDICTS


@dataclass(frozen=True)
class Cell:
    """One stack at one version, over all its counted runs."""

    stack: str
    version: str
    python: str
    package_version: str
    app: str
    verdict: str
    runs: pd.DataFrame
    episodes: pd.DataFrame
    hangs: clusters.HangRate
    ready: survival.Sample  # exit begun to ready of each respawn

    @property
    def name(self) -> str:
        """Stack and version."""
        return f"{self.stack} x {self.version}"

    @property
    def per_run(self) -> list[clusters.RunCounts]:
        """(hung, trials) of each run."""
        return run_counts(self.runs)

    @property
    def away_s(self) -> float | None:
        """The mean time from exit begun to ready, of the workers that came back; None if none came back."""
        durations_s = [d for d, seen in zip(self.ready.durations_s, self.ready.seen, strict=True) if seen]
        return sum(durations_s) / len(durations_s) if durations_s else None


def run_counts(runs: pd.DataFrame) -> list[clusters.RunCounts]:
    """Return (hung, trials) of each run. A worker of the first generation that hung is a trial as well."""
    initial = runs["hung_initial"]
    return list(zip((runs["hung"] + initial).astype(int), (runs["respawns"] + initial).astype(int), strict=True))


def _verdict(verdicts: pd.Series[str]) -> str:
    """The severest verdict.

    `invalid` counts only if there is no other: `make capacity` measures runs without recycles, which are `invalid`, and
    they must not change the verdict of the runs with recycles.
    """
    valid = [verdict for verdict in verdicts if verdict != "invalid"]
    return min(valid, key=VERDICTS.index, default="invalid")


def group_by_cell(results: Results) -> list[Cell]:
    """Return every cell, in the order of its first run."""
    cells = []
    for (stack, version), runs in results.counted.groupby(["stack_id", "version"], sort=False):
        episodes = results.episodes[results.episodes["run_key"].isin(runs["run_key"])]
        first = runs.iloc[0]
        cells.append(
            Cell(
                stack=str(stack),
                version=str(version),
                python=first["python"],
                package_version=first["package_version"],
                app=first["app"],
                verdict=_verdict(runs["verdict"]),
                runs=runs,
                episodes=episodes,
                hangs=clusters.hang_rate(run_counts(runs)),
                ready=phases.ready_sample(episodes),
            )
        )
    return cells


def claim(hangs: clusters.HangRate) -> str:
    """Say in words which hang rate the trials support. Without a hang that is an upper limit, never 0."""
    if not hangs.trials:
        return "no respawn was seen to its end"
    if hangs.hung == 0:
        return f"at most {100 * (hangs.high or 0):.3g} %, 0 of {hangs.trials} respawns hung"
    low, high = hangs.low or 0.0, 1.0 if hangs.high is None else hangs.high
    rate = f"{100 * (hangs.rate or 0):.3g} % ({100 * low:.3g} to {100 * high:.3g} %)"
    return f"{rate}, {hangs.hung} of {hangs.trials} respawns in {hangs.runs} run{'' if hangs.runs == 1 else 's'}"


def as_row(cell: Cell) -> dict[str, Any]:
    """Return the cell as a row of a table, or of capacity.json."""
    hangs = cell.hangs
    return {
        "stack": cell.stack,
        "version": cell.version,
        "verdict": cell.verdict,
        "runs": len(cell.runs),
        "hung": hangs.hung,
        "trials": hangs.trials,
        "hang_rate": hangs.rate,
        "low": hangs.low,
        "high": hangs.high,
        "design_effect": hangs.design_effect,
        "claim": claim(hangs),
        "away_s": cell.away_s,
    }
