"""What every worker slot of a recorded uWSGI did, on one time axis. A recording has no requests of its own."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.lanes_panel import add_legend, draw_lanes
from analysis.figures.slot_spans import slot_spans
from analysis.figures.style import WIDTH, hide_spines
from analysis.figures.swimlane import LANE, MARGINS, MOST_LANES, MOST_TICKS
from analysis.summary.run_findings import PicturedRun


def draw(run: PicturedRun, from_s: float) -> Figure:
    """Draw the time from `from_s` seconds after the begin of the run to its end. Reads no file."""
    spans = slot_spans(run.episodes, run.begin_ns + round(from_s * 1e9), run.end_s - from_s)
    slots = max((span.slot for span in spans), default=1)
    lanes_height = max(1.0, LANE * min(slots, MOST_LANES))
    height = MARGINS["top"] + MARGINS["bottom"] + lanes_height
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes(
        (
            MARGINS["left"] / WIDTH,
            MARGINS["bottom"] / height,
            1 - (MARGINS["left"] + MARGINS["right"]) / WIDTH,
            lanes_height / height,
        )
    )
    # The name comes from a file or a command line, and matplotlib would read a text between `$` as mathematics.
    draw_lanes(axes, replace(run, name=run.name.replace("$", r"\$")), spans)
    axes.set_xlim(0, run.end_s - from_s)
    axes.set_ylim(slots + 0.6, 0.4)
    axes.set_yticks(range(1, slots + 1, 1 + (slots - 1) // MOST_TICKS))
    axes.xaxis.set_major_locator(MaxNLocator(8))
    axes.set_xlabel(
        "seconds since the recording began" if not from_s else f"seconds; 0 is {from_s:.0f} s after the recording began"
    )
    axes.set_ylabel("worker slot")
    hide_spines(axes)
    add_legend(figure, 1 - MARGINS["right"] / WIDTH, {span.state for span in spans})
    return figure
