"""Runs -> cells: for each stack at a version its hang rate over runs, its respawn times, and what it may claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from analysis.frames import phases
from analysis.frames.results import Results
from analysis.statistics import clusters, hang_rates, ratio, survival
from stacks.lifecycle.verdict import VERDICTS


@dataclass(frozen=True)
class Cell:
    """One stack at a version, over all its runs that came to their end."""

    stack: str
    version: str
    python: str
    package_version: str
    app: str
    verdict: str
    runs: pd.DataFrame
    episodes: pd.DataFrame
    hangs: clusters.HangRate
    ready: survival.Sample

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.stack} x {self.version}"

    @property
    def per_run(self) -> list[clusters.RunCounts]:
        """(hung, trials) of each run; a first generation that hung is a trial as well."""
        first = self.runs["hung_initial"]
        return list(
            zip((self.runs["hung"] + first).astype(int), (self.runs["respawns"] + first).astype(int), strict=True)
        )

    @property
    def away_s(self) -> float | None:
        """The mean time from exit begun to ready of those that came back; None without one."""
        came_back = [d for d, seen in zip(self.ready.durations_s, self.ready.seen, strict=True) if seen]
        return sum(came_back) / len(came_back) if came_back else None


def _verdict(verdicts: pd.Series[str]) -> str:
    """The severest; a run without recycles, as capacity is measured with, takes nothing from those that had some."""
    telling = [verdict for verdict in verdicts if verdict != "invalid"]
    return min(telling, key=VERDICTS.index, default="invalid")


def cells(results: Results) -> list[Cell]:
    """Every cell, in the order of its first run."""
    found = []
    for (stack, version), runs in results.counted.groupby(["stack_id", "version"], sort=False):
        episodes = results.episodes[results.episodes["run_key"].isin(runs["run_key"])]
        first = runs.iloc[0]
        cell = Cell(
            str(stack),
            str(version),
            first["python"],
            first["package_version"],
            first["app"],
            _verdict(runs["verdict"]),
            runs,
            episodes,
            clusters.hang_rate([]),
            phases.ready_sample(episodes),
        )
        found.append(Cell(**(vars(cell) | {"hangs": clusters.hang_rate(cell.per_run)})))
    return found


def claim(hangs: clusters.HangRate) -> str:
    """The hang rate in words; no hang is a limit and never a zero."""
    if not hangs.trials:
        return "no respawn was seen to its end"
    if hangs.hung == 0:
        limit = hang_rates.highest_rate_without_hang(hangs.trials)
        return f"below {100 * (limit or 0):.2g} % at 95 % (0 of {hangs.trials} respawns hung)"
    low, high = hangs.low or 0.0, 1.0 if hangs.high is None else hangs.high
    rate = f"{100 * (hangs.rate or 0):.3g} % ({100 * low:.3g} to {100 * high:.3g} %)"
    return f"{rate}, {hangs.hung} of {hangs.trials} respawns in {hangs.runs} run{'' if hangs.runs == 1 else 's'}"


@dataclass(frozen=True)
class Comparison:
    """An unfixed cell against a fixed one; what could not be computed is None."""

    unfixed: Cell
    fixed: Cell
    difference: hang_rates.Interval | None
    fisher_p: float | None
    log_rank: survival.Comparison | None
    horizon_s: float
    means_s: tuple[float | None, float | None]  # restricted to the horizon
    throughput: ratio.Ratio | None
    pairs: int


def compare(unfixed: Cell, fixed: Cell) -> Comparison:
    """Hang rates, times to ready and throughput of two cells."""
    samples = (unfixed.ready, fixed.ready)
    both = all(len(sample.durations_s) for sample in samples)
    horizon = survival.common_horizon_s(samples)
    pairs = ratio.matched(unfixed.runs, fixed.runs)
    return Comparison(
        unfixed,
        fixed,
        clusters.difference(unfixed.per_run, fixed.per_run),
        clusters.fisher_p(unfixed.per_run, fixed.per_run),
        survival.log_rank(*samples) if both and any(samples[0].seen) | any(samples[1].seen) else None,
        horizon,
        (_mean(samples[0], horizon), _mean(samples[1], horizon)),
        ratio.log_ratio(pairs),
        len(pairs),
    )


def _mean(sample: survival.Sample, horizon_s: float) -> float | None:
    if not len(sample.durations_s):
        return None
    return survival.restricted_mean_s(sample, horizon_s) if any(sample.seen) else horizon_s


def comparisons(found: list[Cell]) -> list[Comparison]:
    """Each stack's hung versions against its newest version that recovers, on the same Python where there is one."""
    from packaging.version import Version

    made = []
    for cell in found:
        if not cell.verdict.startswith("hung"):
            continue
        fixed = [c for c in found if c.stack == cell.stack and c.verdict == "recovers"]
        if fixed:
            best = max(fixed, key=lambda c: (c.python == cell.python, Version(c.package_version)))
            made.append(compare(cell, best))
    return made


def as_row(cell: Cell) -> dict[str, Any]:
    """The cell as a row of a table or of JSON."""
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
