"""The verdicts of one stack by Python and pin: a heat-map with verdict, counts and hang rate in every field."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.style import DARK_BAD_TEXT, LIGHT_BLUE, ORANGES, TEXT, UNTESTED_TEXT, bare_axes
from analysis.figures.verdict_grid import NO_WHEEL, NOT_TESTED, Entry, VerdictGrid, field_words, why_untested
from analysis.summary.expectations import is_unexpected

FIELD_W, FIELD_H, LEFT, TOP = 1.32, 0.58, 1.75, 0.4  # inches
LEAST_WIDTH = 9.0  # inches, so that the letters of a small grid do not become large on the page
# From this hang rate on, a field with the verdict hung_worker has this colour.
HANG_SHADES = tuple(zip((0.0, 0.2, 0.5, 0.9), ORANGES, strict=True))
WARNING_SHADE, OTHER_SHADE = "#FFF3CC", ORANGES[2]


def draw(grid: VerdictGrid) -> Figure:
    """Draw Pythons as rows and pins as columns, from old to new, without a title.

    Takes a grid of entries (verdict, expected, hung, respawns, hung_initial, hang_rate as a share, not_tested_because).
    Returns a matplotlib Figure. Reads no file. A field that was not tested is hatched; one without a wheel is white.
    """
    width = max(LEFT + FIELD_W * len(grid.pins) + 0.15, LEAST_WIDTH)
    height = TOP + FIELD_H * len(grid.rows) + 0.1
    figure = Figure(figsize=(width, height))
    axes = bare_axes(figure, width, height)
    for column, pin in enumerate(grid.pins):
        axes.text(LEFT + FIELD_W * (column + 0.5), TOP - 0.1, pin, ha="center", fontsize=9, color=TEXT)
    for line, row in enumerate(grid.rows):
        y = TOP + FIELD_H * line
        axes.text(LEFT - 0.12, y + FIELD_H / 2, grid.row_name(row), ha="right", va="center", fontsize=9, color=TEXT)
        for column, pin in enumerate(grid.pins):
            entry = grid.entry(row, pin)
            if entry is not None:
                _draw_field(axes, LEFT + FIELD_W * column, y, entry)
    return figure


def shade(entry: Entry) -> str:
    """Blue where workers come back, orange by the hang rate where they hang, yellow where the run decides nothing."""
    verdict, rate = entry["verdict"], entry["hang_rate"]
    if verdict == "recovers":
        return LIGHT_BLUE
    if verdict in ("throttled", "invalid"):
        return WARNING_SHADE
    if verdict != "hung_worker" or not rate:
        return OTHER_SHADE
    return next(colour for limit, colour in reversed(HANG_SHADES) if rate >= limit)


def _draw_field(axes: Axes, x: float, y: float, entry: Entry) -> None:
    """Draw the field with its top left corner at (x, y) inches."""
    untested = why_untested(entry)
    axes.add_patch(
        Rectangle(
            (x, y),
            FIELD_W,
            FIELD_H,
            facecolor="#FFFFFF" if untested else shade(entry),
            edgecolor="#CCCCCC" if untested else "#FFFFFF",
            hatch="" if untested in ("", NO_WHEEL) else "////",
            linewidth=0.5 if untested else 2,
        )
    )
    verdict, counts = (untested, "") if untested else field_words(entry)
    is_bad = not untested and entry["verdict"] != "recovers"
    if not untested and is_unexpected(entry):
        verdict = f"CHANGED\n{verdict}"
    axes.text(
        x + FIELD_W / 2,
        y + FIELD_H / 2,
        f"{verdict}\n{counts}" if counts else verdict,
        ha="center",
        va="center",
        fontsize=8,
        weight="bold" if is_bad else "normal",
        color=UNTESTED_TEXT if untested else DARK_BAD_TEXT if is_bad else TEXT,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5} if untested == NOT_TESTED else None,
    )
