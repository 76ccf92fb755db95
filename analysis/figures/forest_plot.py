"""The hang rate of every cell with its interval and its counts: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import (
    BAD_TEXT,
    BLUE,
    GRID,
    LABEL_SIZE,
    QUIET_TEXT,
    SMALL_SIZE,
    TEXT,
    VERMILION,
    WIDTH,
    add_title,
    hide_spines,
)
from analysis.frames.cells import Cell

ROW, HEADING, FOOT = 0.36, 0.75, 0.6  # inches
LEFT, RIGHT = 0.33, 0.68  # of the width: the axis lies between the names and the counts
COUNTS_END, RATES_END = 0.775, 0.985  # of the width: the right edges of the two columns of text


def title(cells: Sequence[Cell]) -> str:
    """Say in how many cells respawns hang, and which rate the other cells rule out."""
    hung = [cell for cell in cells if cell.hangs.hung]
    clean = [cell for cell in cells if cell.hangs.trials and not cell.hangs.hung]
    limits = [cell.hangs.high for cell in clean if cell.hangs.high is not None]
    parts = []
    if hung:
        rates = [100 * (cell.hangs.rate or 0) for cell in hung]
        span = f"{min(rates):.0f} %" if max(rates) - min(rates) < 0.5 else f"{min(rates):.0f} to {max(rates):.0f} %"
        parts.append(f"{span} of the respawns hang in {len(hung)} of {len(cells)} cells")
    if clean:
        parts.append(f"none hung in the other {len(clean)}" if hung else f"No respawn hung in {len(clean)} cells")
        parts[-1] += f", so their rate is at most {100 * max(limits):.1f} %"
    return "; ".join(parts) or "No respawn was seen"


def alt_text(cells: Sequence[Cell]) -> str:
    """Describe every row of the figure."""
    rows = [
        f"{cell.name}: {cell.hangs.hung} of {cell.hangs.trials} hung, "
        f"{100 * (cell.hangs.low or 0):.1f} to {100 * (1 if cell.hangs.high is None else cell.hangs.high):.1f} %"
        for cell in cells
        if cell.hangs.trials
    ]
    return "Hang rate of each cell with its 95 % interval. " + "; ".join(rows) + "."


def draw(cells: Sequence[Cell]) -> Figure:
    """Draw one row for each cell that has respawns.

    Takes cells with `hangs` (hung, trials, and rate, low, high as shares). Returns a matplotlib Figure. Reads no file.
    """
    cells = [cell for cell in cells if cell.hangs.trials]
    height = HEADING + FOOT + ROW * max(1, len(cells))
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((LEFT, FOOT / height, RIGHT - LEFT, 1 - (HEADING + FOOT) / height))
    add_title(figure, title(cells))
    for row, cell in enumerate(cells):
        y = FOOT / height + (1 - (HEADING + FOOT) / height) * (len(cells) - row - 0.5) / len(cells)
        _draw_row(figure, axes, cell, row, y)
    top = 1 - (HEADING - 0.08) / height
    figure.text(COUNTS_END, top, "hung/respawns", ha="right", fontsize=SMALL_SIZE, color=QUIET_TEXT)
    figure.text(RATES_END, top, "hang rate (95 % interval)", ha="right", fontsize=SMALL_SIZE, color=QUIET_TEXT)
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_yticks([])
    axes.grid(axis="x", color=GRID, linewidth=0.7)
    axes.set_axisbelow(True)
    hide_spines(axes, "left")
    axes.set_xlabel("respawns that hang, % (Wilson interval, allowing for runs whose respawns are alike)", fontsize=9)
    return figure


def _draw_row(figure: Figure, axes: Axes, cell: Cell, row: int, y: float) -> None:
    """Draw the interval of a cell at `row` of the axes, and its texts at the height `y` of the figure (0 to 1)."""
    hangs = cell.hangs
    is_bad = hangs.hung > 0
    low, rate = 100 * (hangs.low or 0), 100 * (hangs.rate or 0)
    high = 100 * (1 if hangs.high is None else hangs.high)
    colour, text = (VERMILION, BAD_TEXT) if is_bad else (BLUE, TEXT)
    axes.plot([low, high], [row, row], color=colour, linewidth=3, solid_capstyle="butt", clip_on=False)
    axes.scatter(
        [rate],
        [row],
        marker="X" if is_bad else "o",
        s=85 if is_bad else 60,
        color=colour,
        edgecolor="white",
        zorder=3,
        clip_on=False,
    )
    interval = f"{rate:.1f} % ({low:.1f} to {high:.1f})"
    figure.text(0.01, y, cell.name, va="center", fontsize=LABEL_SIZE, color=text)
    for x, words in ((COUNTS_END, f"{hangs.hung}/{hangs.trials}"), (RATES_END, interval)):
        figure.text(x, y, words, va="center", ha="right", fontsize=LABEL_SIZE, color=text)
