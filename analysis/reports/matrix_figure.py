"""One stack at every version as a heat-map: verdict and hang rate as text in each field, hatched where not tested."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.swimlane import LIGHT_BLUE, TEXT
from analysis.reports.matrix import NO_WHEEL, Grid, untested, words
from analysis.summary.expectations import is_unexpected

FIELD_W, FIELD_H, LEFT, TOP = 1.32, 0.58, 1.75, 0.4  # inches
HANG_SHADES = ((0.0, "#FBE6D8"), (0.2, "#F6CBB0"), (0.5, "#F0AE84"), (0.9, "#EA9160"))
WARN, OTHER = "#FFF3CC", "#F0AE84"
DARK = "#5C2400"


def shade(entry: dict[str, Any]) -> str:
    """Blue where workers come back, the more orange the more of them hang, yellow where nothing can be said."""
    verdict = entry["verdict"]
    if verdict == "recovers":
        return LIGHT_BLUE
    if verdict in ("throttled", "invalid"):
        return WARN
    rate = entry["hang_rate"]
    return (
        next(c for limit, c in reversed(HANG_SHADES) if rate >= limit) if verdict == "hung_worker" and rate else OTHER
    )


def matrix(grid: Grid) -> Figure:
    """Rows are Pythons, columns are pins, from old to new; `finding` is its title."""
    width = max(LEFT + FIELD_W * len(grid.pins) + 0.15, 9.0)
    height = TOP + FIELD_H * len(grid.rows) + 0.1
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    for column, pin in enumerate(grid.pins):
        axes.text(LEFT + FIELD_W * (column + 0.5), TOP - 0.1, pin, ha="center", fontsize=9, color=TEXT)
    for line, row in enumerate(grid.rows):
        y = TOP + FIELD_H * line
        axes.text(LEFT - 0.12, y + FIELD_H / 2, grid.row_name(row), ha="right", va="center", fontsize=9, color=TEXT)
        for column, pin in enumerate(grid.pins):
            entry = grid.entry(row, pin)
            if entry is not None:
                _draw(axes, LEFT + FIELD_W * column, y, entry)
    return figure


def _draw(axes: Any, x: float, y: float, entry: dict[str, Any]) -> None:
    state = untested(entry)
    axes.add_patch(
        Rectangle(
            (x, y),
            FIELD_W,
            FIELD_H,
            facecolor="#FFFFFF" if state else shade(entry),
            edgecolor="#CCCCCC" if state else "#FFFFFF",
            hatch="" if state in ("", NO_WHEEL) else "////",
            linewidth=0.5 if state else 2,
        )
    )
    verdict, rate = (state, "") if state else words(entry)
    bad = not state and entry["verdict"] != "recovers"
    if not state and is_unexpected(entry):
        verdict = f"CHANGED: {verdict}"
    axes.text(
        x + FIELD_W / 2,
        y + FIELD_H / 2,
        f"{verdict}\n{rate}" if rate else verdict,
        ha="center",
        va="center",
        fontsize=8,
        weight="bold" if bad else "normal",
        color="#767676" if state else DARK if bad else TEXT,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5} if state == "not tested" else None,
    )
