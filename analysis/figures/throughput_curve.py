"""The capacity curve: measured sizes, the fitted law with its band, the loss by recycling, the demand, the advice."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    AMBER,
    AMBER_TEXT,
    BAD_TEXT,
    BLUE,
    DASHES,
    GREEN,
    GREEN_TEXT,
    GRID,
    LABEL_SIZE,
    NOTE_SIZE,
    QUIET_TEXT,
    SMALL_SIZE,
    VERMILION,
    WIDTH,
    add_title,
    hide_spines,
)
from analysis.figures.throughput_scene import Scene, title

HEIGHT = 4.8  # inches


def draw(scene: Scene) -> Figure:
    """Draw requests/s by workers; both axes begin at 0.

    Takes a scene (sizes in threads, requests/s, shares). Returns a matplotlib Figure. Reads no file.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.08, 0.13, 0.68, 0.75))
    add_title(figure, title(scene))
    _draw_curves(axes, scene)
    _draw_demand(axes, scene)
    _draw_peak(axes, scene)
    if scene.workers is None:
        _draw_not_feasible(axes, scene)
    else:
        _draw_advice(axes, scene, scene.workers - scene.spares)
    axes.set_xlim(0, scene.right)
    axes.set_ylim(0, scene.top)
    axes.grid(axis="y", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel("workers" + (f" of {scene.threads} threads" if scene.threads > 1 else ""))
    axes.set_ylabel("requests/s the stack can answer")
    hide_spines(axes)
    return figure


def _draw_curves(axes: Axes, scene: Scene) -> None:
    """Draw the fitted law with its band, the same with recycling, the measured runs, and the names of both lines."""
    n, (low, high), t = scene.workers_axis, scene.band, scene.threads
    y = scene.fit.at(n * t)
    axes.fill_between(n, low, high, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(n, y, color=BLUE, linewidth=2.2)
    axes.plot(n, y * scene.efficiency, color=AMBER, linewidth=2.2, linestyle=(0, (6, 3)))
    sizes, rates = [point.size / t for point in scene.points], [point.rps for point in scene.points]
    axes.scatter(sizes, rates, s=30, color=BLUE, alpha=0.7, zorder=3, edgecolor="white")
    end_rps, lost = float(y[-1]), 1 - scene.efficiency
    # Lines that end close to each other have their names above and below, not beside them.
    is_close = end_rps * lost < 0.1 * scene.top
    names = (
        ("fitted law, 95 % band,\nno recycling", end_rps, 0.035, BLUE, "bottom"),
        (
            f"with max-requests {scene.max_requests}\n(-{100 * lost:.1f} %)",
            end_rps - end_rps * lost,
            -0.005,
            AMBER_TEXT,
            "top",
        ),
    )
    for words, rps, shift, colour, side in names:
        axes.text(
            scene.right * 1.012,
            rps + (shift * scene.top if is_close else 0),
            words,
            color=colour,
            weight="bold",
            fontsize=NOTE_SIZE,
            va=side if is_close else "center",
        )


def _draw_demand(axes: Axes, scene: Scene) -> None:
    demand = scene.demand
    axes.axhline(demand.wanted_rps, color=QUIET_TEXT, linestyle=DASHES, linewidth=1.2)
    words = f"demand {demand.rps:.0f}/s + {100 * demand.headroom:.0f} % = {demand.wanted_rps:.0f}/s"
    y = demand.wanted_rps + 0.012 * scene.top
    axes.text(0.01 * scene.right, y, words, color=QUIET_TEXT, fontsize=NOTE_SIZE)


def _draw_peak(axes: Axes, scene: Scene) -> None:
    """Mark the number of workers beyond which the law falls, if the axis reaches it."""
    peak = scene.fit.peak / scene.threads
    if not math.isfinite(peak) or peak > scene.right:
        return
    axes.axvline(peak, color="#AAAAAA", linewidth=1)
    axes.text(peak, 0.02 * scene.top, f" peak at {peak:.0f} ", color=QUIET_TEXT, fontsize=SMALL_SIZE, ha="right")


def _draw_not_feasible(axes: Axes, scene: Scene) -> None:
    """Mark the highest lower limit, which is less than the demand."""
    axes.text(
        0.02,
        0.72,
        "not feasible on this host",
        transform=axes.transAxes,
        va="top",
        color=BAD_TEXT,
        fontsize=13,
        weight="bold",
    )
    low, _ = scene.band
    best = int(np.argmax(low))
    axes.scatter([scene.workers_axis[best]], [float(low[best])], marker="X", s=90, color=VERMILION, zorder=4)


def _draw_advice(axes: Axes, scene: Scene, need: int) -> None:
    """Mark what `need` workers, so those without the spares, answer at least."""
    answers_rps = float(scene.fit.band(need * scene.threads)[0]) * scene.efficiency
    axes.plot([need, need], [0, answers_rps], color=GREEN, linewidth=1.8)
    axes.scatter([need], [answers_rps], marker="D", s=70, color=GREEN, zorder=4, edgecolor="white")
    words = f"{need} workers answer {answers_rps:.0f}/s\nat the lower 95 % limit"
    words += f";\nrecommended: {scene.workers} with {scene.spares} spare" if scene.spares else ""
    is_left_of_line = need > 0.55 * scene.right
    axes.annotate(
        words,
        (need, 0.3 * answers_rps),
        xytext=(-10 if is_left_of_line else 10, 0),
        textcoords="offset points",
        ha="right" if is_left_of_line else "left",
        va="center",
        color=GREEN_TEXT,
        weight="bold",
        fontsize=LABEL_SIZE,
    )
