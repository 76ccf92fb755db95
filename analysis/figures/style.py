"""The look that all figures share: colours, font sizes, the width in inches, the title line and the frame of axes."""

from __future__ import annotations

import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours (2008), which colour-blind readers can tell apart; for areas and lines.
BLUE, AMBER, VERMILION, GREEN = "#0072B2", "#E69F00", "#D55E00", "#009E73"
# Text needs darker colours: a contrast of 4.5:1 or more on white (WCAG 2.2, 1.4.3). A test measures it.
TEXT, BAD_TEXT, QUIET_TEXT = "#222222", "#A84300", "#555555"
AMBER_TEXT, GREEN_TEXT, DARK_BAD_TEXT, UNTESTED_TEXT = "#9A6700", "#00734F", "#5C2400", "#767676"
LIGHT_BLUE, LIGHT_VERMILION = "#BFDDF0", "#F9DCC8"
# Orange areas from light to dark; the dark text stays legible on each of them.
ORANGES = ("#FBE6D8", "#F6CBB0", "#F0AE84", "#EA9160")
PALE, PALE_EDGE = "#DCE3EA", "#7A8794"
GRID = "#E2E2E2"

WIDTH = 10.5  # inches: the width of the pages' text column
TITLE_SIZE, LABEL_SIZE, NOTE_SIZE, SMALL_SIZE = 12, 9.5, 9, 8.5  # points
TITLE_LETTERS = 98  # letters of TITLE_SIZE in bold that fit into WIDTH
DASHES = (0, (4, 3))


def add_title(figure: Figure, text: str) -> None:
    """Write the title above a figure, in two lines where one line is too short for it."""
    top = 1 - 0.12 / figure.get_size_inches()[1]
    lines = textwrap.fill(text, TITLE_LETTERS)
    figure.text(0.01, top, lines, fontsize=TITLE_SIZE, weight="bold", color=TEXT, va="top", linespacing=1.15)


def hide_spines(axes: Axes, *names: str) -> None:
    """Hide the top and the right edge of the axes, and the edges in `names`."""
    axes.spines[["top", "right", *names]].set_visible(False)


def bare_axes(figure: Figure, width: float, height: float) -> Axes:
    """Axes over the whole figure in inches from its top left corner, without ticks and edges: for tables."""
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()
    return axes
