"""A figure with its title and its alternative text, and how a page embeds it: as SVG in a data URI."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class TitledFigure:
    """A figure by its `name` in the template, with its title and the alternative text for screen readers."""

    name: str
    title: str
    alt_text: str
    figure: Figure

    def data_uri(self) -> str:
        """The figure as SVG in a data URI."""
        return svg_data_uri(self.figure)


def svg_data_uri(figure: Figure) -> str:
    """The figure as SVG in a data URI. The same runs give the same bytes: the ids have a fixed salt, and no date."""
    from matplotlib import rc_context

    svg = io.BytesIO()
    with rc_context({"svg.hashsalt": "pack"}):
        figure.savefig(svg, format="svg", metadata={"Date": None})
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.getvalue()).decode('ascii')}"
