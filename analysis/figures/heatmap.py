"""Python x package version: the hang rate and its n as text in every field, hatched where nothing was tested."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from packaging.version import Version

from analysis.figures.swimlane import LIGHT_BLUE, TEXT, headline
from analysis.frames.cells import Cell
from analysis.statistics.clusters import HangRate, hang_rate
from analysis.statistics.hang_rates import highest_rate_without_hang

FIELD_W, FIELD_H = 1.75, 0.85  # inches
LEFT, TOP, FOOT = 1.5, 1.05, 0.2
# From white to Okabe and Ito's vermilion; text on it stays dark and legible up to here.
SHADES = ((0.0, LIGHT_BLUE), (0.0001, "#FBE6D8"), (0.1, "#F6CBB0"), (0.4, "#F0AE84"), (0.8, "#EA9160"))

Grid = dict[tuple[str, str], HangRate]


def grid(cells: Sequence[Cell]) -> Grid:
    """(python, version) -> the hang rate over all stacks of that field."""
    fields: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for cell in cells:
        fields.setdefault((cell.python, cell.package_version), []).extend(cell.per_run)
    return {field: hang_rate(runs) for field, runs in fields.items()}


def finding(fields: Grid) -> str:
    """The title."""
    bad = [field for field, rate in fields.items() if rate.hung]
    if not bad:
        return f"No respawn hung in any of {len(fields)} combinations of Python and pyuwsgi"
    names = [f"Python {python} with {version}" for python, version in sorted(bad)]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return "Workers hang on " + " and ".join(names[:2]) + more


def alt(fields: Grid) -> str:
    """Every field in words."""
    rows = [f"Python {p}, {v}: {words(rate).replace(chr(10), ', ')}" for (p, v), rate in sorted(fields.items())]
    return "Hang rate by Python and package version. " + "; ".join(rows) + "."


def words(rate: HangRate) -> str:
    """What stands in a field."""
    if not rate.trials:
        return "no respawn"
    if not rate.hung:
        limit = highest_rate_without_hang(rate.trials) or 0.0
        return f"0 of {rate.trials}\nbelow {100 * limit:.1f} %"
    return f"{100 * (rate.rate or 0):.0f} % hung\n{rate.hung} of {rate.trials}"


def heatmap(cells: Sequence[Cell], title: str) -> Figure:
    """Rows are Pythons, columns are versions, oldest first."""
    fields = grid(cells)
    pythons = sorted({python for python, _ in fields}, key=Version)
    versions = sorted({version for _, version in fields}, key=Version)
    width, height = LEFT + FIELD_W * len(versions) + 0.2, TOP + FIELD_H * len(pythons) + FOOT
    width = max(width, 10.5)
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    headline(figure, title)
    for column, version in enumerate(versions):
        axes.text(LEFT + FIELD_W * (column + 0.5), TOP - 0.12, version, ha="center", fontsize=9.5, color=TEXT)
    for row, python in enumerate(pythons):
        axes.text(
            LEFT - 0.15,
            TOP + FIELD_H * (row + 0.5),
            f"Python {python}",
            ha="right",
            va="center",
            fontsize=9.5,
            color=TEXT,
        )
        for column, version in enumerate(versions):
            rate = fields.get((python, version))
            tested = rate is not None and rate.trials > 0
            share = (rate.rate or 0.0) if rate is not None else 0.0
            shade = next(colour for limit, colour in reversed(SHADES) if share >= limit)
            x, y = LEFT + FIELD_W * column, TOP + FIELD_H * row
            axes.add_patch(
                Rectangle(
                    (x, y),
                    FIELD_W,
                    FIELD_H,
                    facecolor=shade if tested else "#FFFFFF",
                    edgecolor="#FFFFFF" if tested else "#BBBBBB",
                    hatch="" if tested else "///",
                    linewidth=2 if tested else 0.6,
                )
            )
            text = words(rate) if rate is not None else "not tested"
            axes.text(
                x + FIELD_W / 2,
                y + FIELD_H / 2,
                text,
                ha="center",
                va="center",
                fontsize=9.5,
                weight="bold" if share else "normal",
                color="#5C2400" if share else TEXT,
                bbox=None if tested else {"facecolor": "white", "edgecolor": "none", "pad": 2},
            )
    return figure
