"""A figure with its title and its alternative text, as a page and a notebook show it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from analysis.reports.inline_svg import inline_svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class TitledFigure:
    """A figure by its `name` in the template, with its title and the alternative text for screen readers."""

    name: str
    title: str
    alt_text: str
    figure: Figure

    def svg(self) -> Markup:
        """The figure as an element of a page."""
        return inline_svg(self.figure, self.alt_text)
