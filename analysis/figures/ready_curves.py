"""The time until a worker is ready: one Kaplan-Meier curve for each cell.

A curve that ends on a level above 0 shows the share of workers that never came back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from analysis.figures.style import (
    BAD_TEXT,
    BLUE,
    DARK_BAD_TEXT,
    GREEN_TEXT,
    GRID,
    SMALL_SIZE,
    TEXT,
    VERMILION,
    WIDTH,
    add_title,
    hide_spines,
)
from analysis.statistics import survival
from analysis.statistics.survival import Sample

HEIGHT = 4.6  # inches
BOTTOM, TALL = 0.13, 0.74  # of the height: where the axes begin, and how high they are
TOP_PERCENT = 103  # of the axis, so that a line at 100 % is drawn in full
Style = Literal["-", "--", "-.", ":"]
STYLES: tuple[Style, ...] = ("-", "--", "-.", ":")
# Colours of the curves whose workers all came back, and of the others. Each (colour, style) is used once.
GOOD_COLOURS, BAD_COLOURS = (BLUE, GREEN_TEXT, TEXT), (VERMILION, BAD_TEXT, DARK_BAD_TEXT)
NEVER = 0.005  # a cell with a smaller share that never became ready counts as one whose workers all did
TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LABEL_GAP = 9.5  # percent between two labels of two lines, so that they do not cover each other
LOWEST_LABEL = 3.0  # percent; a lower label would touch the axis

SAMPLE_WIDTH = 0.03  # of the figure: the piece of a line before its label


@dataclass(frozen=True, slots=True)
class Look:
    """How a curve is drawn. No two curves of a figure have the same colour and style."""

    colour: str
    style: Style
    width: float


@dataclass(frozen=True, slots=True)
class Label:
    """The words at the end of a curve, which ends at `percent`."""

    percent: float
    words: str
    look: Look


# (name, times from the exit of the old worker to ready in seconds) of each cell.
NamedSamples = Sequence[tuple[str, Sample]]


def never_ready(sample: Sample) -> float:
    """The share of workers that never became ready: the level on which the curve ends."""
    curve = survival.kaplan_meier(sample) if any(sample.seen) else None
    return 1.0 if curve is None or curve.empty else float(curve["survival"].iloc[-1])


def slowest_s(sample: Sample) -> float:
    """The longest time of a worker that became ready; 0 where none did."""
    return max((d for d, seen in zip(sample.durations_s, sample.seen, strict=True) if seen), default=0.0)


def title(named: NamedSamples) -> str:
    """Say how many workers never become ready, and when the others are."""
    lost = [share for _, sample in named if (share := never_ready(sample)) > NEVER]
    ready = [slowest_s(sample) for _, sample in named if never_ready(sample) <= NEVER]
    parts = []
    if lost:
        parts.append(
            f"Up to {100 * max(lost):.0f} % of the workers never become ready in {len(lost)} of {len(named)} cells"
        )
    if ready:
        parts.append(f"{'elsewhere every' if lost else 'Every'} worker is ready within {max(ready):.1f} s")
    return "; ".join(parts) or "No respawn was seen"


def alt_text(named: NamedSamples) -> str:
    """Describe every curve by its median and its end."""
    rows = []
    for name, sample in named:
        median_s = survival.median_s(sample) if any(sample.seen) else None
        half = "half of them never" if median_s is None else f"half of them within {median_s:.2f} s"
        rows.append(f"{name}: {half}, {never_ready(sample):.0%} never")
    return (
        "Share of workers that are not yet ready, by the seconds since the old worker began to exit. "
        + "; ".join(rows)
        + "."
    )


def draw(named: NamedSamples) -> Figure:
    """Draw one curve with its 95 % band for each cell, on a logarithmic time axis.

    Takes the name and the sample (durations in seconds, with censoring) of each cell. Returns a matplotlib Figure.
    Reads no file.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.08, BOTTOM, 0.58, TALL))
    add_title(figure, title(named))
    times = [d for _, sample in named for d in sample.durations_s if d > 0] or [1.0]
    begin_s, end_s = max(1e-3, 0.6 * float(np.quantile(times, 0.05))), 1.15 * max(times)
    labels: list[Label] = []
    counts = {True: 0, False: 0}  # curves so far, bad or not: each kind has looks of its own
    for name, sample in named:
        share = never_ready(sample)
        is_bad = share > NEVER
        look = look_of(counts[is_bad], is_bad)
        _draw_curve(axes, sample, (begin_s, end_s), look)
        counts[is_bad] += 1
        end = f"{100 * share:.0f} % never" if is_bad else f"all ready within {slowest_s(sample):.1f} s"
        labels.append(Label(100 * share, f"{name}\n{end}", look))
    _add_labels(figure, axes.get_position().x1 + 0.01, labels)
    axes.set_xscale("log")
    axes.set_xlim(begin_s, end_s)
    axes.set_ylim(0, TOP_PERCENT)
    axes.xaxis.set_major_locator(FixedLocator([t for t in TICKS if begin_s <= t <= end_s]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds since the old worker began to exit (logarithmic)")
    axes.set_ylabel("workers not yet ready, %")
    axes.grid(color=GRID, linewidth=0.7)
    hide_spines(axes)
    return figure


def look_of(number: int, is_bad: bool) -> Look:
    """The colour and the style of the line of the curve with this number among the bad, or among the other curves."""
    colours = BAD_COLOURS if is_bad else GOOD_COLOURS
    return Look(colours[number % len(colours)], STYLES[number % len(STYLES)], 2.2 if is_bad else 1.6)


def _draw_curve(axes: Axes, sample: Sample, span_s: tuple[float, float], look: Look) -> None:
    curve = survival.kaplan_meier(sample) if any(sample.seen) else None
    if curve is None or curve.empty:
        axes.plot(span_s, [100, 100], color=look.colour, linewidth=look.width, linestyle=look.style)
        return
    x = np.concatenate([span_s[:1], curve["t_s"], span_s[1:]])
    y = 100 * np.concatenate([[1.0], curve["survival"], [never_ready(sample)]])
    low, high = survival.limits(curve)
    axes.fill_between(
        x,
        100 * np.concatenate([[1.0], low, low[-1:]]),
        100 * np.concatenate([[1.0], high, high[-1:]]),
        step="post",
        color=look.colour,
        alpha=0.12,
        linewidth=0,
    )
    axes.step(x, y, where="post", color=look.colour, linewidth=look.width, linestyle=look.style)


def _add_labels(figure: Figure, x: float, labels: list[Label]) -> None:
    """Write the labels at the ends of the curves, each with a piece of its line, moved apart where they would touch."""
    ordered = sorted(labels, key=lambda label: label.percent, reverse=True)
    for place, percent in zip(ordered, places([label.percent for label in ordered]), strict=True):
        y = BOTTOM + TALL * percent / TOP_PERCENT
        figure.add_artist(
            Line2D(
                [x, x + SAMPLE_WIDTH],
                [y, y],
                color=place.look.colour,
                linestyle=place.look.style,
                linewidth=place.look.width,
                transform=figure.transFigure,
            )
        )
        figure.text(
            x + SAMPLE_WIDTH + 0.008,
            y,
            place.words,
            fontsize=SMALL_SIZE,
            color=BAD_TEXT if place.look.colour == VERMILION else place.look.colour,
            weight="bold",
            va="center",
            linespacing=1.1,
        )


def places(percents: Sequence[float]) -> list[float]:
    """The heights of labels that want to be at `percents`, from high to low, with LABEL_GAP between two of them."""
    heights: list[float] = []
    for want in percents:
        heights.append(min(want, heights[-1] - LABEL_GAP if heights else 100.0))
    lift = LOWEST_LABEL  # the lowest label must not touch the axis, and pushes those above it
    for index in reversed(range(len(heights))):
        heights[index] = max(heights[index], lift)
        lift = heights[index] + LABEL_GAP
    return heights
