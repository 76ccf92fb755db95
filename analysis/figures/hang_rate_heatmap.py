"""The hang rate of one stack by Python and package version: a heat-map with the rate and the counts in every field."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.style import (
    DARK_BAD_TEXT,
    LABEL_SIZE,
    LIGHT_BLUE,
    ORANGES,
    TEXT,
    WIDTH,
    add_title,
    bare_axes,
)
from analysis.frames.cells import Cell
from analysis.frames.release import python_release, release
from analysis.statistics.clusters import HangRate, hang_rate

FIELD_W, FIELD_H = 1.75, 0.85  # inches
LEFT, TOP, FOOT = 1.5, 1.05, 0.2
# From this hang rate on, a field has this colour.
SHADES = tuple(zip((0.0, 0.0001, 0.1, 0.4, 0.8), (LIGHT_BLUE, *ORANGES), strict=True))

# (Python, package version) -> the hang rate of that field.
Fields = dict[tuple[str, str], HangRate]


def fields_of(cells: Sequence[Cell]) -> Fields:
    """Merge the runs of cells that have the same Python and package version."""
    runs: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for cell in cells:
        runs.setdefault((cell.python, cell.package_version), []).extend(cell.per_run)
    return {field: hang_rate(of_field) for field, of_field in runs.items()}


def title(fields: Fields) -> str:
    """Name the combinations on which workers hang, or say that none hung."""
    bad = [field for field, rate in fields.items() if rate.hung]
    if not bad:
        return f"No respawn hung in any of {len(fields)} combinations of Python and pyuwsgi"
    names = [f"Python {python} with {version}" for python, version in sorted(bad)]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return "Workers hang on " + " and ".join(names[:2]) + more


def alt_text(fields: Fields) -> str:
    """Describe every field of the figure."""
    rows = [f"Python {p}, {v}: {field_words(rate).replace(chr(10), ', ')}" for (p, v), rate in sorted(fields.items())]
    return "Hang rate by Python and package version. " + "; ".join(rows) + "."


def field_words(rate: HangRate) -> str:
    """The two lines of text in a field: the rate and the counts, or the upper end of the 95 % interval."""
    if not rate.trials:
        return "no respawn"
    if not rate.hung:
        return f"0 of {rate.trials} hung\nat most {100 * (rate.high or 0):.1f} %"
    return f"{100 * (rate.rate or 0):.0f} % hung\n{rate.hung} of {rate.trials}"


def draw(cells: Sequence[Cell], title_text: str) -> Figure:
    """Draw Pythons as rows and package versions as columns, the oldest first; fields without a run are hatched.

    Takes cells with `python`, `package_version` and `per_run` (hung, trials). Returns a matplotlib Figure.
    Reads no file.
    """
    fields = fields_of(cells)
    pythons = sorted({python for python, _ in fields}, key=python_release)
    versions = sorted({version for _, version in fields}, key=release)
    width = max(LEFT + FIELD_W * len(versions) + 0.2, WIDTH)
    height = TOP + FIELD_H * len(pythons) + FOOT
    figure = Figure(figsize=(width, height))
    axes = bare_axes(figure, width, height)
    add_title(figure, title_text)
    for column, version in enumerate(versions):
        axes.text(LEFT + FIELD_W * (column + 0.5), TOP - 0.12, version, ha="center", fontsize=LABEL_SIZE, color=TEXT)
    for row, python in enumerate(pythons):
        y = TOP + FIELD_H * row
        name = f"Python {python}"
        axes.text(LEFT - 0.15, y + FIELD_H / 2, name, ha="right", va="center", fontsize=LABEL_SIZE, color=TEXT)
        for column, version in enumerate(versions):
            _draw_field(axes, LEFT + FIELD_W * column, y, fields.get((python, version)))
    return figure


def _draw_field(axes: Axes, x: float, y: float, rate: HangRate | None) -> None:
    """Draw the field with its top left corner at (x, y) inches; None stands for no run."""
    is_tested = rate is not None and rate.trials > 0
    share = (rate.rate or 0.0) if rate is not None else 0.0
    shade = next(colour for limit, colour in reversed(SHADES) if share >= limit)
    axes.add_patch(
        Rectangle(
            (x, y),
            FIELD_W,
            FIELD_H,
            facecolor=shade if is_tested else "#FFFFFF",
            edgecolor="#FFFFFF" if is_tested else "#BBBBBB",
            hatch="" if is_tested else "///",
            linewidth=2 if is_tested else 0.6,
        )
    )
    axes.text(
        x + FIELD_W / 2,
        y + FIELD_H / 2,
        field_words(rate) if rate is not None else "not tested",
        ha="center",
        va="center",
        fontsize=LABEL_SIZE,
        weight="bold" if share else "normal",
        color=DARK_BAD_TEXT if share else TEXT,
        bbox=None if is_tested else {"facecolor": "white", "edgecolor": "none", "pad": 2},
    )
