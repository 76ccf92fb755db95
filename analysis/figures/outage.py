"""Time to a total outage against max-requests, one line a hang rate: the formula, and the runs that met it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from analysis.capacity import formulas
from analysis.figures.swimlane import BAD_TEXT, QUIET_TEXT, VERMILION, headline

WIDTH, HEIGHT = 10.5, 4.6
LINES = ("-", "--", ":")
CLOCK = ((1, "1 s"), (10, "10 s"), (60, "1 min"), (600, "10 min"), (3600, "1 h"), (6 * 3600, "6 h"), (86400, "1 day"))
TICKS = [m * 10**p for p in range(1, 6) for m in (1, 3)]


@dataclass(frozen=True)
class Scene:
    """W workers under a demand, hang rates to draw, and measured (max-requests x W / lambda as predicted, seconds)."""

    workers: int
    demand: float
    rates: Sequence[float]
    measured: Sequence[tuple[float, float]]  # predicted and measured seconds, h = 1
    max_requests: int | None = None


def clock(seconds: float) -> str:
    """A duration as a person says it."""
    for limit, unit, name in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.{0 if seconds / unit >= 10 else 1}f} {name}"
    return f"{seconds / 86_400:.0f} days"


def finding(scene: Scene) -> str:
    """The title."""
    m = scene.max_requests or 1000
    mean, _ = formulas.outage_s(scene.workers, m, scene.demand, max(scene.rates))
    return f"At max-requests {m} the unfixed version is down for good after {clock(mean)}"


def alt(scene: Scene) -> str:
    """The picture in words."""
    m = scene.max_requests or 1000
    rows = [
        f"{100 * rate:.0f} % hung: {clock(formulas.outage_s(scene.workers, m, scene.demand, rate)[0])}"
        for rate in scene.rates
    ]
    text = f"Time to total outage against max-requests for {scene.workers} workers, {scene.demand:.0f} requests/s. "
    return text + f"At max-requests {m}: " + ", ".join(rows) + f". {len(scene.measured)} measured runs."


def outage(scene: Scene) -> Figure:
    """Both axes logarithmic; measured runs are moved to this demand and number of workers, as the formula allows."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.09, 0.13, 0.70, 0.74))
    headline(figure, finding(scene))
    scale = scene.workers / scene.demand
    shown = [(predicted / scale, took) for predicted, took in scene.measured]
    least = min([10.0, *[m for m, _ in shown]])
    most = max(10_000.0, 2 * (scene.max_requests or 0))
    m = np.geomspace(least, most, 60)
    for style, rate in zip(LINES, sorted(scene.rates, reverse=True), strict=False):
        mean = np.array([formulas.outage_s(scene.workers, x, scene.demand, rate)[0] for x in m])
        spread = np.array([formulas.outage_s(scene.workers, x, scene.demand, rate)[1] for x in m])
        axes.plot(m, mean, color=VERMILION, linewidth=2, linestyle=style)
        if rate < 1:
            axes.fill_between(m, mean - spread, mean + spread, color=VERMILION, alpha=0.12, linewidth=0)
        axes.annotate(
            f"{100 * rate:.0f} % of respawns hang",
            (m[-1], mean[-1]),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            weight="bold",
            color=BAD_TEXT,
        )
    if shown:
        axes.scatter(
            [x for x, _ in shown], [y for _, y in shown], marker="X", s=75, color=BAD_TEXT, edgecolor="white", zorder=4
        )
        axes.annotate(
            f"{len(shown)} measured,\nmoved to this demand",
            max(shown),
            xytext=(10, -22),
            textcoords="offset points",
            fontsize=9,
            color=BAD_TEXT,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(least, most)
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(FixedLocator([t for t, _ in CLOCK if low <= t <= high]))
    names = dict(CLOCK)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(round(value), "")))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator([t for t in TICKS if least <= t <= most]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    if scene.max_requests:
        axes.axvline(scene.max_requests, color=QUIET_TEXT, linestyle=(0, (4, 3)), linewidth=1)
        axes.text(
            scene.max_requests,
            low * 1.15,
            f"max-requests {scene.max_requests} ",
            ha="right",
            fontsize=8.5,
            color=QUIET_TEXT,
        )
    axes.set_xlabel(f"max-requests ({scene.workers} workers, {scene.demand:.0f} requests/s)")
    axes.set_ylabel("time until no worker is left")
    axes.grid(color="#E2E2E2", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return figure
