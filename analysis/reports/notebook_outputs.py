"""What a cell of a notebook returns to show a figure, a sentence or a table."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.reports import page_templates
from analysis.reports.titled_figure import TitledFigure

DPI = 110
NO_FIGURE = "There is nothing to draw: these results have no such runs."
MISSING, NEVER = "-", "never"
LEAST_P = 1e-4  # a smaller p is shown as "< 0.0001": its digits mean nothing, and 0 would be wrong


def picture(shown: TitledFigure | None, otherwise: str = NO_FIGURE) -> Any:
    """The figure as a PNG with its alternative text for screen readers; the sentence `otherwise` for None."""
    from IPython.display import Image

    if shown is None:
        return sentence(otherwise)
    file = io.BytesIO()
    shown.figure.savefig(file, format="png", dpi=DPI)
    return Image(file.getvalue(), alt=shown.alt_text)  # type: ignore[no-untyped-call]


def sentence(text: str) -> Any:
    """A text as a sentence in HTML, in which `names in backticks` are code; every other character stands for itself."""
    from IPython.display import HTML

    return HTML(page_templates.sentence(text))  # type: ignore[no-untyped-call]


def table(rows: pd.DataFrame | Iterable[dict[str, Any]]) -> Any:
    """A frame, or rows as dicts, as an HTML table that cuts no text off, with values as people read them."""
    from IPython.display import HTML

    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    if frame.empty:
        return sentence("there are no rows: these results have no such runs")
    shown = pd.DataFrame(
        [
            [value_words(value, f"{row} {column}") for column, value in zip(frame.columns, values, strict=True)]
            for row, values in zip(frame.index, frame.astype(object).to_numpy(), strict=True)
        ],
        index=frame.index,
        columns=frame.columns,
    )
    with pd.option_context("display.max_colwidth", None):
        html = shown.to_html(escape=True, max_rows=None, max_cols=None, border=0, index=_has_names(frame))
    return HTML(html)  # type: ignore[no-untyped-call]


def value_words(value: Any, name: str = "") -> str:
    """A value of a table as text. `name` is its row and column: a name that ends in `_p` is a probability."""
    if isinstance(value, list | tuple):
        return " to ".join(value_words(item) for item in value) if value else MISSING
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_words(item)}" for key, item in value.items()) or MISSING
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        if math.isinf(value):
            return NEVER
        if any(part.endswith("_p") for part in name.split()) and value < LEAST_P:
            return f"< {LEAST_P:.4f}"
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return str(value)


def _has_names(frame: pd.DataFrame) -> bool:
    """True if the rows have names; the numbers that pandas gives to rows tell nothing."""
    return not isinstance(frame.index, pd.RangeIndex)
