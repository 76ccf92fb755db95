"""Throughput around recycles, one small panel a cell on one scale: how deep it falls and how fast it is back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.swimlane import BAD_TEXT, BLUE, LIGHT_BLUE, LIGHT_VERMILION, QUIET_TEXT, TEXT, VERMILION, headline

PANELS_A_ROW = 4
WIDTH, PANEL_H = 10.5, 1.75
BEFORE_S, AFTER_S, STEP_S = 1.0, 3.0, 0.1
BACK = 0.95
NOISE = 3.0  # standard deviations of a Poisson count, as some window among 20 strays by two
SMOOTH = 5  # steps: half a second


Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answered:
    """One run: how many answers were complete in each short bin, and when its waves of recycles began."""

    done_s: Floats
    counts: Floats
    events_s: list[float]


@dataclass(frozen=True)
class Panel:
    """Answered requests/s of a cell, averaged over its recycles; `t_s` counts from the first worker that leaves."""

    name: str
    t_s: Floats
    rps: Floats
    recycles: int
    bad: bool

    @property
    def before(self) -> float:
        """The level before."""
        level = self.rps[self.t_s < 0]
        return float(np.nanmedian(level)) if np.isfinite(level).any() else math.nan

    @property
    def low(self) -> float:
        """Below this throughput has fallen: 95 % of the level, or what chance alone leaves of arrivals at random."""
        counted = self.before * SMOOTH * STEP_S * max(1, self.recycles)
        return min(BACK * self.before, self.before * (1 - NOISE / math.sqrt(counted))) if counted > 0 else 0.0

    @property
    def back_s(self) -> float | None:
        """When throughput was up again for half a second; 0 where it never fell, None where it did not come back."""
        smooth = np.convolve(self.rps, np.ones(SMOOTH) / SMOOTH, mode="valid")
        begins = self.t_s[: len(smooth)]
        down = np.flatnonzero((begins >= -STEP_S / 2) & (smooth < self.low) & (begins < AFTER_S / 2))
        if not len(down):
            return 0.0 if self.before > 0 else None
        # Half a second that is good on the whole may begin with a bad tenth: that is not yet back.
        itself = self.rps[: len(smooth)] >= self.before / 2
        up = np.flatnonzero((begins > begins[down[0]]) & (smooth >= self.low) & itself)
        return max(0.0, float(begins[up[0]])) if len(up) else None


def events_s(episodes: pd.DataFrame, begin_ns: int, gap_s: float = 2.0) -> list[float]:
    """Seconds at which a wave of recycles began: a leaving worker with `gap_s` of quiet before it."""
    begun = episodes["exit_begun_ns"].dropna().astype("int64")
    times = sorted(float(t - begin_ns) / 1e9 for t in begun if t >= begin_ns)
    return [t for before, t in zip([-math.inf, *times], times, strict=False) if t - before >= gap_s]


def panel(name: str, answers: Sequence[Answered], bad: bool) -> Panel:
    """The mean over all events of all runs; each run brings its counts and its events."""
    edges = np.arange(-BEFORE_S, AFTER_S + STEP_S / 2, STEP_S)
    counts = [
        # Before the load began nothing was asked, which is no level.
        np.where(
            edges[:-1] + event < -STEP_S / 2,
            np.nan,
            np.histogram(run.done_s - event, edges, weights=run.counts)[0] / STEP_S,
        )
        for run in answers
        for event in run.events_s
    ]
    known = np.sum(~np.isnan(counts), axis=0) if counts else np.zeros(len(edges) - 1)
    middle = np.where(known > 0, np.nansum(counts, axis=0) / np.maximum(known, 1), np.nan)
    return Panel(name, edges[:-1], middle, len(counts), bad)


def finding(panels: Sequence[Panel]) -> str:
    """The title."""
    back = [p.back_s for p in panels if p.back_s is not None]
    lost = [p for p in panels if p.back_s is None]
    parts = []
    if back:
        parts.append(
            f"Throughput is back within {max(*back, 0.1):.1f} s of a recycle in {len(back)} of {len(panels)} cases"
        )
    if lost:
        rest = f"in {len(lost)}" if back else f"of a recycle in {len(lost)} of {len(panels)} cases"
        parts.append(f"{'and not' if back else 'Throughput is not back'} within {AFTER_S:g} s {rest}")
    return " ".join(parts) or "no recycle was seen"


def alt(panels: Sequence[Panel]) -> str:
    """Every panel in words."""
    rows = []
    for p in panels:
        back = f"back after {p.back_s:.1f} s" if p.back_s is not None else f"not back within {AFTER_S:g} s"
        rows.append(f"{p.name}: {p.before:.0f} requests per second before, {back}")
    return "Answered requests per second around the moment when workers recycle. " + "; ".join(rows) + "."


def recovered(panels: Sequence[Panel]) -> Figure:
    """Small multiples on the same axes."""
    columns = min(PANELS_A_ROW, max(1, len(panels)))
    rows = math.ceil(len(panels) / columns) or 1
    height = 1.15 + rows * (PANEL_H + 0.45)
    figure = Figure(figsize=(WIDTH, height))
    headline(figure, finding(panels))
    grid = figure.subplots(
        rows,
        columns,
        sharex=True,
        sharey=True,
        squeeze=False,
        gridspec_kw={
            "left": 0.07,
            "right": 0.985,
            "bottom": 0.6 / height,
            "top": 1 - 0.9 / height,
            "hspace": 0.45,
            "wspace": 0.08,
        },
    )
    top = 1.2 * max([float(np.nanmax(p.rps)) for p in panels if not np.isnan(p.rps).all()], default=1.0)
    for index, (axes, p) in enumerate(zip(grid.flat, panels, strict=False)):
        bad = p.bad or p.back_s is None
        axes.stairs(
            p.rps,
            [*p.t_s, p.t_s[-1] + STEP_S],
            fill=True,
            facecolor=LIGHT_VERMILION if bad else LIGHT_BLUE,
            edgecolor=VERMILION if bad else BLUE,
            hatch="////" if bad else "",
            linewidth=1.2,
        )
        axes.axvline(0, color=QUIET_TEXT, linestyle=(0, (4, 3)), linewidth=1)
        note = f"not back within {AFTER_S:g} s"
        if p.back_s is not None:
            note = f"back after {p.back_s:.1f} s" if p.back_s else "hardly falls"
        axes.text(
            0.98,
            0.95,
            note,
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=8.5,
            weight="bold",
            color=BAD_TEXT if bad else TEXT,
        )
        axes.set_title(p.name.replace(" x ", "\n"), fontsize=8.5, loc="left", color=BAD_TEXT if bad else TEXT)
        axes.set_xlim(-BEFORE_S, AFTER_S)
        axes.set_ylim(0, top)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8, labelbottom=index + columns >= len(panels))
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    figure.supxlabel("seconds since the first worker of a wave began to leave", fontsize=9.5, y=0.1 / height)
    grid[0, 0].set_ylabel("answered\nrequests/s", fontsize=9)
    return figure
