"""The time to a total outage by max-requests: the formula for each hang rate, and the runs that measured it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from analysis.capacity import formulas
from analysis.figures.durations import duration_words
from analysis.figures.style import (
    BAD_TEXT,
    DASHES,
    GRID,
    NOTE_SIZE,
    QUIET_TEXT,
    SMALL_SIZE,
    VERMILION,
    WIDTH,
    add_title,
    hide_spines,
)

HEIGHT = 4.6  # inches
LINES = ("-", "--", ":")
LEAST_MAX_REQUESTS, MOST_MAX_REQUESTS = 10.0, 10_000.0  # the axis covers at least these
MAX_REQUESTS_TICKS = [m * 10**p for p in range(1, 6) for m in (1, 3)]
SECONDS_TICKS = (
    (1, "1 s"),
    (10, "10 s"),
    (60, "1 min"),
    (600, "10 min"),
    (3600, "1 h"),
    (6 * 3600, "6 h"),
    (86400, "1 day"),
)


@dataclass(frozen=True)
class Scene:
    """What the figure shows: `workers` workers under `demand_rps` requests/s.

    `rates` are the hang rates to draw, as shares. `measured` has (predicted, measured) seconds of runs in which every
    respawn hung. `max_requests` is the number that the texts are about.
    """

    workers: int
    demand_rps: float
    rates: Sequence[float]
    measured: Sequence[tuple[float, float]]
    max_requests: int

    def outage_s(self, max_requests: float, rate: float) -> tuple[float, float]:
        """Mean and standard deviation of the seconds until every worker hangs."""
        return formulas.outage_s(self.workers, max_requests, self.demand_rps, rate)


def title(scene: Scene) -> str:
    """Say when the version that hangs is down for good."""
    m = scene.max_requests
    mean_s, _ = scene.outage_s(m, max(scene.rates))
    return f"At max-requests {m}, the version that hangs is down for good after {duration_words(mean_s)}"


def alt_text(scene: Scene) -> str:
    """Describe the time to a total outage for each hang rate."""
    m = scene.max_requests
    rows = [f"{100 * rate:.0f} % hung: {duration_words(scene.outage_s(m, rate)[0])}" for rate in scene.rates]
    count = len(scene.measured)
    return (
        f"Time to a total outage by max-requests for {scene.workers} workers and {scene.demand_rps:.0f} requests/s. "
        f"At max-requests {m}: {', '.join(rows)}. {count} measured run{'' if count == 1 else 's'}."
    )


def draw(scene: Scene) -> Figure:
    """Draw the formula as lines and the measured runs as crosses, on logarithmic axes.

    Takes a scene (seconds, requests/s, shares). Returns a matplotlib Figure. Reads no file.
    The measured runs had another demand and number of workers; the formula allows to scale them to those of the scene.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.09, 0.13, 0.70, 0.74))
    add_title(figure, title(scene))
    # A run's predicted time is max-requests x workers / demand, so this is the max-requests with that time here.
    scale = scene.workers / scene.demand_rps
    crosses = [(predicted_s / scale, measured_s) for predicted_s, measured_s in scene.measured]
    least = min([LEAST_MAX_REQUESTS, *[m for m, _ in crosses]])
    most = max(MOST_MAX_REQUESTS, 2.0 * scene.max_requests)
    _draw_formula(axes, scene, least, most)
    _draw_measured(axes, crosses)
    _scale_axes(axes, least, most)
    axes.axvline(scene.max_requests, color=QUIET_TEXT, linestyle=DASHES, linewidth=1)
    note = f"max-requests {scene.max_requests} "
    y = axes.get_ylim()[0] * 1.15
    axes.text(scene.max_requests, y, note, ha="right", fontsize=SMALL_SIZE, color=QUIET_TEXT)
    axes.set_xlabel(f"max-requests ({scene.workers} workers, {scene.demand_rps:.0f} requests/s)")
    axes.set_ylabel("time until no worker is left")
    axes.grid(color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    hide_spines(axes)
    return figure


def _draw_formula(axes: Axes, scene: Scene, least: float, most: float) -> None:
    """Draw one line for each hang rate; the band is one standard deviation on either side."""
    m = np.geomspace(least, most, 60)
    for style, rate in zip(LINES, sorted(scene.rates, reverse=True), strict=False):
        mean_s, sd_s = (np.array(values) for values in zip(*[scene.outage_s(x, rate) for x in m], strict=True))
        axes.plot(m, mean_s, color=VERMILION, linewidth=2, linestyle=style)
        if rate < 1:
            axes.fill_between(m, mean_s - sd_s, mean_s + sd_s, color=VERMILION, alpha=0.12, linewidth=0)
        axes.annotate(
            f"{100 * rate:.0f} % of the respawns hang",
            (m[-1], mean_s[-1]),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=NOTE_SIZE,
            weight="bold",
            color=BAD_TEXT,
        )


def _draw_measured(axes: Axes, crosses: Sequence[tuple[float, float]]) -> None:
    """Draw (max-requests, seconds) of the measured runs."""
    if not crosses:
        return
    x, y = zip(*crosses, strict=True)
    axes.scatter(x, y, marker="X", s=75, color=BAD_TEXT, edgecolor="white", zorder=4)
    axes.annotate(
        f"{len(crosses)} measured run{'' if len(crosses) == 1 else 's'},\nscaled to this demand",
        max(crosses),
        xytext=(10, -22),
        textcoords="offset points",
        fontsize=NOTE_SIZE,
        color=BAD_TEXT,
    )


def _scale_axes(axes: Axes, least: float, most: float) -> None:
    """Make both axes logarithmic, with ticks that people know: 10 s, 1 min, 1 h."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(least, most)
    low, high = axes.get_ylim()
    names = dict(SECONDS_TICKS)
    axes.yaxis.set_major_locator(FixedLocator([t for t in names if low <= t <= high]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: names.get(round(value), "")))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(FixedLocator([t for t in MAX_REQUESTS_TICKS if least <= t <= most]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
