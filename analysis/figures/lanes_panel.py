"""The upper panel of a swimlane: a lane for each worker slot with a bar for each state, and the legend."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from analysis.figures.slot_spans import CRASHED, HUNG, MISSING, RESPAWNING, SERVING, Span
from analysis.figures.style import (
    BAD_TEXT,
    BLUE,
    LIGHT_BLUE,
    LIGHT_VERMILION,
    NOTE_SIZE,
    PALE,
    PALE_EDGE,
    TEXT,
    VERMILION,
)
from analysis.summary.run_findings import PicturedRun, is_bad, run_finding

# State: fill, edge, hatch, height, words. Hatch and height tell the states apart without colour.
LOOKS = {
    SERVING: (LIGHT_BLUE, BLUE, "", 0.74, "serving"),
    # No colour of a warning: every recycle takes up to a second, in a healthy stack as well.
    RESPAWNING: (PALE, PALE_EDGE, "", 0.2, "respawning: from the exit to ready"),
    HUNG: (LIGHT_VERMILION, VERMILION, "////", 0.74, "hung"),
    MISSING: ("#E6E6E6", "#666666", "....", 0.3, "not back when the run ended"),
    CRASHED: ("#FFFFFF", VERMILION, "xxxx", 0.5, "died before it was ready"),
}


def draw_lanes(axes: Axes, side: PicturedRun, spans: Sequence[Span]) -> None:
    """Draw the spans (seconds since the load began), a cross where each hang began, and the title of the run."""
    for state, (fill, edge, hatch, height, _) in LOOKS.items():
        corners = [
            [(x, span.slot + y) for x, y in ((span.begin_s, -h), (span.end_s, -h), (span.end_s, h), (span.begin_s, h))]
            for span in spans
            if span.state == state
            for h in (height / 2,)
        ]
        axes.add_collection(
            PolyCollection(corners, facecolor=fill, edgecolor=edge, hatch=hatch, linewidth=0.7), autolim=False
        )
    hangs = [span for span in spans if span.marked and span.state == HUNG]
    axes.scatter(
        [span.begin_s for span in hangs],
        [span.slot for span in hangs],
        marker="X",
        s=46,
        color=BAD_TEXT,
        edgecolor="white",
        linewidth=0.9,
        zorder=3,
        clip_on=False,
    )
    colour = BAD_TEXT if is_bad(side) else TEXT
    axes.set_title(f"{side.name}\n{run_finding(side)}", loc="left", fontsize=11, color=colour, weight="bold")


def add_legend(figure: Figure, right: float, states: set[str]) -> None:
    """Explain these states above the figure; the legend ends at `right` (0 to 1 of the width)."""
    handles = [
        Patch(facecolor=fill, edgecolor=edge, hatch=hatch, label=words)
        for state, (fill, edge, hatch, _, words) in LOOKS.items()
        if state in states
    ]
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(right, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=NOTE_SIZE,
    )
