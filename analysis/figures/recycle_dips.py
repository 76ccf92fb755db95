"""Throughput around a wave of recycles: one small panel for each cell, all on the same axes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.recycle_waves import AFTER_S, BEFORE_S, STEP_S, Dip
from analysis.figures.style import (
    BAD_TEXT,
    BLUE,
    DASHES,
    LABEL_SIZE,
    LIGHT_BLUE,
    LIGHT_VERMILION,
    NOTE_SIZE,
    QUIET_TEXT,
    SMALL_SIZE,
    TEXT,
    VERMILION,
    WIDTH,
    add_title,
    hide_spines,
)

PANELS_IN_ROW = 4
PANEL_H, FOOT = 1.75, 0.6  # inches
TITLE_LINE = 0.15  # inches: one line of a panel's title
ABOVE_TITLE = 0.45  # inches: the title of the figure above the titles of the first row
BELOW_PANEL = 0.34  # inches: the numbers of an axis below it, and the space to the next title
LINE_LETTERS = 32  # letters that fit into the width of a panel
ROOM_ABOVE = 1.2  # times the highest step


def title(dips: Sequence[Dip]) -> str:
    """Say in how many cases throughput comes back, and how soon."""
    back = [dip.back_s for dip in dips if dip.back_s is not None]
    lost = len(dips) - len(back)
    parts = []
    if back:
        parts.append(
            f"Throughput is back within {max(*back, 0.1):.1f} s after a recycle in {len(back)} of {len(dips)} cases"
        )
    if lost:
        rest = f"in {lost}" if back else f"after a recycle in {lost} of {len(dips)} cases"
        parts.append(f"{'and not' if back else 'Throughput is not back'} within {AFTER_S:g} s {rest}")
    return " ".join(parts) or "No recycle was seen"


def alt_text(dips: Sequence[Dip]) -> str:
    """Describe every panel by its level before and the time until it is back."""
    rows = [
        f"{dip.name}{', ' if dip.settings else ''}{dip.settings}: {dip.level_rps:.0f} requests per second before, "
        f"{back_words(dip)}"
        for dip in dips
    ]
    return "Answered requests per second around the moment when workers recycle. " + "; ".join(rows) + "."


def back_words(dip: Dip) -> str:
    """When throughput is back, in words."""
    if dip.back_s is None:
        return f"not back within {AFTER_S:g} s"
    return f"back after {dip.back_s:.1f} s" if dip.back_s else "hardly falls"


def draw(dips: Sequence[Dip]) -> Figure:
    """Draw one panel for each dip, on the same axes.

    Takes dips (seconds since the first exit of a wave, answered requests/s). Returns a matplotlib Figure.
    Reads no file.
    """
    columns = min(PANELS_IN_ROW, max(1, len(dips)))
    rows = math.ceil(len(dips) / columns) or 1
    title_height = TITLE_LINE * max((len(_panel_title(dip)) for dip in dips), default=0)
    gap = BELOW_PANEL + title_height
    height = ABOVE_TITLE + title_height + rows * PANEL_H + (rows - 1) * gap + FOOT
    figure = Figure(figsize=(WIDTH, height))
    add_title(figure, title(dips))
    grid = figure.subplots(
        rows,
        columns,
        sharex=True,
        sharey=True,
        squeeze=False,
        gridspec_kw={
            "left": 0.07,
            "right": 0.985,
            "bottom": FOOT / height,
            "top": 1 - (ABOVE_TITLE + title_height) / height,
            "hspace": gap / PANEL_H,
            "wspace": 0.08,
        },
    )
    top_rps = ROOM_ABOVE * max([float(np.nanmax(d.rps)) for d in dips if not np.isnan(d.rps).all()], default=1.0)
    for index, (axes, dip) in enumerate(zip(grid.flat, dips, strict=False)):
        _draw_panel(axes, dip)
        axes.set_xlim(-BEFORE_S, AFTER_S)
        axes.set_ylim(0, top_rps)
        axes.tick_params(labelsize=8, labelbottom=index + columns >= len(dips))
    for axes in grid.flat[len(dips) :]:
        axes.set_visible(False)
    figure.supxlabel("seconds since the first worker of a wave began to exit", fontsize=LABEL_SIZE, y=0.1 / height)
    grid[0, 0].set_ylabel("answered\nrequests/s", fontsize=NOTE_SIZE)
    return figure


def _draw_panel(axes: Axes, dip: Dip) -> None:
    is_bad = dip.is_bad or dip.back_s is None
    text_colour = BAD_TEXT if is_bad else TEXT
    axes.stairs(
        dip.rps,
        [*dip.t_s, dip.t_s[-1] + STEP_S],
        fill=True,
        facecolor=LIGHT_VERMILION if is_bad else LIGHT_BLUE,
        edgecolor=VERMILION if is_bad else BLUE,
        hatch="////" if is_bad else "",
        linewidth=1.2,
    )
    axes.axvline(0, color=QUIET_TEXT, linestyle=DASHES, linewidth=1)
    axes.text(
        0.98,
        0.95,
        back_words(dip),
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=SMALL_SIZE,
        weight="bold",
        color=text_colour,
    )
    axes.set_title("\n".join(_panel_title(dip)), fontsize=SMALL_SIZE, loc="left", color=text_colour)
    hide_spines(axes)


def _panel_title(dip: Dip) -> list[str]:
    """The lines of a panel's title: the stack, the version and the settings."""
    return [*dip.name.split(" x "), *textwrap.wrap(dip.settings, LINE_LETTERS)]
