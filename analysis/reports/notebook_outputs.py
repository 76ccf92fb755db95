"""What a cell of a notebook returns to show a figure or a sentence."""

from __future__ import annotations

import io
from typing import Any

from analysis.reports import page_templates
from analysis.reports.titled_figure import TitledFigure

DPI = 110
NO_FIGURE = "There is nothing to draw: these results have no such runs."


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
