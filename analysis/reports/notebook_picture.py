"""What a notebook shows: a picture with its words as alternative text, a table without pandas' border."""

from __future__ import annotations

import io
from typing import Any

from analysis.reports.gallery import Shown

DPI = 110


def picture(shown: Shown | None, otherwise: str = "Nothing to draw: these results have no such runs.") -> Any:
    """The figure as a PNG that a screen reader can read; a sentence where there is none."""
    from IPython.display import Image, Markdown

    if shown is None:
        return Markdown(otherwise)  # type: ignore[no-untyped-call]
    file = io.BytesIO()
    shown.figure.savefig(file, format="png", dpi=DPI)
    return Image(file.getvalue(), alt=shown.alt)  # type: ignore[no-untyped-call]
