"""Hang rates of all cells with their intervals, counts beside them: a forest plot."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from analysis.figures.swimlane import BAD_TEXT, BLUE, QUIET_TEXT, TEXT, VERMILION, headline
from analysis.frames.cells import Cell

WIDTH, ROW = 10.5, 0.36  # inches
HEADING, FOOT = 0.75, 0.6
LEFT, RIGHT = 0.33, 0.68  # of the width; names stand left, counts right
COUNTS, RATES = 0.775, 0.985


def finding(cells: Sequence[Cell]) -> str:
    """The title: how many cells hang, and what the others may claim."""
    hung = [cell for cell in cells if cell.hangs.hung]
    clean = [cell for cell in cells if cell.hangs.trials and not cell.hangs.hung]
    limits = [cell.hangs.high for cell in clean if cell.hangs.high is not None]
    parts = []
    if hung:
        rates = [100 * (cell.hangs.rate or 0) for cell in hung]
        span = f"{min(rates):.0f} %" if max(rates) - min(rates) < 0.5 else f"{min(rates):.0f} to {max(rates):.0f} %"
        parts.append(f"{span} of respawns hang in {len(hung)} of {len(cells)} cells")
    if clean:
        parts.append(f"none hung in the other {len(clean)}" if hung else f"no respawn hung in {len(clean)} cells")
        parts[-1] += f": at most {100 * max(limits):.1f} %"
    return "; ".join(parts) or "no respawn was seen"


def alt(cells: Sequence[Cell]) -> str:
    """Every row in words."""
    rows = [
        f"{cell.name}: {cell.hangs.hung} of {cell.hangs.trials}, "
        f"{100 * (cell.hangs.low or 0):.1f} to {100 * (1 if cell.hangs.high is None else cell.hangs.high):.1f} %"
        for cell in cells
        if cell.hangs.trials
    ]
    return "Hang rate of each cell with its 95 % interval. " + "; ".join(rows) + "."


def forest(cells: Sequence[Cell]) -> Figure:
    """One row a cell that had respawns."""
    cells = [cell for cell in cells if cell.hangs.trials]
    height = HEADING + FOOT + ROW * max(1, len(cells))
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((LEFT, FOOT / height, RIGHT - LEFT, 1 - (HEADING + FOOT) / height))
    headline(figure, finding(cells))
    for row, cell in enumerate(cells):
        hangs = cell.hangs
        bad = hangs.hung > 0
        low, high, rate = (
            100 * (hangs.low or 0),
            100 * (1 if hangs.high is None else hangs.high),
            100 * (hangs.rate or 0),
        )
        colour = VERMILION if bad else BLUE
        axes.plot([low, high], [row, row], color=colour, linewidth=3, solid_capstyle="butt", clip_on=False)
        axes.scatter(
            [rate],
            [row],
            marker="X" if bad else "o",
            s=85 if bad else 60,
            color=colour,
            edgecolor="white",
            zorder=3,
            clip_on=False,
        )
        y = FOOT / height + (1 - (HEADING + FOOT) / height) * (len(cells) - row - 0.5) / len(cells)
        text = BAD_TEXT if bad else TEXT
        figure.text(0.01, y, cell.name, va="center", fontsize=9.5, color=text)
        figure.text(COUNTS, y, f"{hangs.hung}/{hangs.trials}", va="center", ha="right", fontsize=9.5, color=text)
        figure.text(
            RATES, y, f"{rate:.1f} % ({low:.1f} to {high:.1f})", va="center", ha="right", fontsize=9.5, color=text
        )
    top = 1 - (HEADING - 0.08) / height
    figure.text(COUNTS, top, "hung/respawns", ha="right", fontsize=8.5, color=QUIET_TEXT)
    figure.text(RATES, top, "rate (95 % interval)", ha="right", fontsize=8.5, color=QUIET_TEXT)
    axes.set_ylim(len(cells) - 0.5, -0.5)
    axes.set_xlim(0, 100)
    axes.set_yticks([])
    axes.grid(axis="x", color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel("respawns that hang, % (Wilson, effective trials of clustered runs)", fontsize=9)
    return figure
