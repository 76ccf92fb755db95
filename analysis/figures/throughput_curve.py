"""The capacity curve: measurements, the fitted law with its band, what recycling leaves of it, demand and advice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from analysis.capacity.demand import Demand
from analysis.capacity.points import Point
from analysis.figures.swimlane import BAD_TEXT, BLUE, QUIET_TEXT, VERMILION, headline
from analysis.statistics.usl import Fit

WIDTH, HEIGHT = 10.5, 4.8
AMBER_TEXT, GREEN_TEXT, GREEN, AMBER = "#9A6700", "#00734F", "#009E73", "#E69F00"


@dataclass(frozen=True)
class Scene:
    """What the picture shows; `workers` is None where none suffice."""

    points: list[Point]
    fit: Fit
    demand: Demand
    efficiency: float
    max_requests: int
    threads: int
    workers: int | None
    spares: int


def finding(scene: Scene) -> str:
    """The title."""
    wanted = f"{scene.demand.rps:.0f} requests/s with {100 * scene.demand.headroom:.0f} % headroom"
    if scene.workers is None:
        return f"{wanted}: more than this host was shown to answer"
    need = scene.workers - scene.spares
    spare = f" and {scene.spares} spare" if scene.spares else ""
    return f"{wanted}: {need} workers{spare}, recycling costs {100 * (1 - scene.efficiency):.1f} %"


def alt(scene: Scene) -> str:
    """The picture in words."""
    sizes = sorted({point.size for point in scene.points})
    ends = ", ".join(f"{float(scene.fit.at(n)):.0f} requests/s with {n}" for n in (sizes[0], sizes[-1]))
    text = f"Requests per second against workers, measured at {len(sizes)} sizes. The fitted curve gives {ends}. "
    return f"{text}{finding(scene)}."


def curve(scene: Scene) -> Figure:
    """Zero-based on both axes."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.08, 0.13, 0.68, 0.75))
    headline(figure, finding(scene))
    t = scene.threads
    right = max(scene.fit.largest * 1.1, (scene.workers or 0) * t * 1.15) / t
    n = np.linspace(0.01, right, 200)
    low, high = scene.fit.band(n * t)
    y = scene.fit.at(n * t)
    axes.fill_between(n, low, high, color=BLUE, alpha=0.18, linewidth=0)
    axes.plot(n, y, color=BLUE, linewidth=2.2)
    axes.plot(n, y * scene.efficiency, color=AMBER, linewidth=2.2, linestyle=(0, (6, 3)))
    axes.scatter(
        [p.size / t for p in scene.points],
        [p.rps for p in scene.points],
        s=30,
        color=BLUE,
        alpha=0.7,
        zorder=3,
        edgecolor="white",
    )
    top = 1.15 * max(float(high.max()), scene.demand.wanted_rps)
    wanted = scene.demand.wanted_rps
    axes.axhline(wanted, color=QUIET_TEXT, linestyle=(0, (4, 3)), linewidth=1.2)
    axes.text(
        0.01 * right,
        wanted + 0.012 * top,
        f"demand {scene.demand.rps:.0f}/s + {100 * scene.demand.headroom:.0f} % = {wanted:.0f}/s",
        color=QUIET_TEXT,
        fontsize=9,
    )
    end, lost = float(y[-1]), 1 - scene.efficiency
    apart = end * lost < 0.1 * top
    axes.text(
        right * 1.012,
        end + (0.035 * top if apart else 0),
        "fitted law, 95 % band,\nno recycling",
        color=BLUE,
        weight="bold",
        fontsize=9,
        va="bottom" if apart else "center",
    )
    axes.text(
        right * 1.012,
        end * scene.efficiency - (0.005 * top if apart else 0),
        f"with max-requests {scene.max_requests}\n(-{100 * lost:.1f} %)",
        color=AMBER_TEXT,
        weight="bold",
        fontsize=9,
        va="top" if apart else "center",
    )
    if math.isfinite(scene.fit.peak) and scene.fit.peak / t <= right:
        axes.axvline(scene.fit.peak / t, color="#AAAAAA", linewidth=1)
        axes.text(
            scene.fit.peak / t,
            0.02 * top,
            f" peak at {scene.fit.peak / t:.0f} ",
            color=QUIET_TEXT,
            fontsize=8.5,
            ha="right",
        )
    if scene.workers is None:
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
        axes.scatter([n[int(np.argmax(low))]], [float(low.max())], marker="X", s=90, color=VERMILION, zorder=4)
    else:
        need = scene.workers - scene.spares
        answers = float(scene.fit.band(need * t)[0]) * scene.efficiency
        axes.plot([need, need], [0, answers], color=GREEN, linewidth=1.8)
        axes.scatter([need], [answers], marker="D", s=70, color=GREEN, zorder=4, edgecolor="white")
        left = need > 0.55 * right
        words = f"{need} workers answer {answers:.0f}/s\nat the lower 95 % limit"
        words += f";\nrecommended: {scene.workers} with {scene.spares} spare" if scene.spares else ""
        axes.annotate(
            words,
            (need, 0.3 * answers),
            xytext=(-10 if left else 10, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
            color=GREEN_TEXT,
            weight="bold",
            fontsize=9.5,
        )
    axes.set_xlim(0, right)
    axes.set_ylim(0, top)
    axes.grid(axis="y", color="#E2E2E2", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.set_xlabel("workers" + (f" of {t} threads" if t > 1 else ""))
    axes.set_ylabel("requests/s the stack can answer")
    axes.spines[["top", "right"]].set_visible(False)
    return figure
