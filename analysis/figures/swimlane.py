"""Two runs beside each other: what every worker slot did, above the answered requests/s, on one time axis."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures.answers_panel import draw_answers, draw_end_of_load
from analysis.figures.lanes_panel import add_legend, draw_lanes
from analysis.figures.slot_spans import slot_spans
from analysis.figures.style import WIDTH, hide_spines
from analysis.summary.run_findings import PicturedRun

# Inches.
LANE = 0.2
MARGINS = {"left": 0.95, "right": 0.15, "top": 0.85, "bottom": 0.55}
MOST_LANES = 64  # of full height; more of them are drawn lower, so that the figure fits on a page
MOST_WINDOWS = 3.0  # a run that waited long for its last respawns is drawn up to so many load windows
MOST_TICKS = 16  # slot numbers on the axis
ROOM_FOR_HEADING = 1.55  # times the highest step, so that two lines of text do not cover it


def draw(left: PicturedRun, right: PicturedRun) -> Figure:
    """Draw two runs on the same axes.

    Takes of each run its `episodes` (columns as in `slot_spans`) and its `seconds` (columns t_s in seconds since the
    load began, bin_s, answered, answered_rps). Returns a matplotlib Figure. Reads no file.
    """
    sides = (left, right)
    end_s = _end_s(sides)
    spans = [slot_spans(side.episodes, side.begin_ns, min(end_s, side.end_s)) for side in sides]
    slots = max((span.slot for of_side in spans for span in of_side), default=1)
    peak_rps = max((float(side.seconds["answered_rps"].max()) for side in sides if len(side.seconds)), default=0.0)
    lanes_height = LANE * min(slots, MOST_LANES)
    height = MARGINS["top"] + MARGINS["bottom"] + 1.9 + lanes_height
    # Fixed margins: matplotlib's own layout draws everything twice, which doubles the time of a page.
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.subplots(
        2,
        2,
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=[max(1.0, lanes_height), 1.5],
        gridspec_kw={
            "left": MARGINS["left"] / WIDTH,
            "right": 1 - MARGINS["right"] / WIDTH,
            "bottom": MARGINS["bottom"] / height,
            "top": 1 - MARGINS["top"] / height,
            "wspace": 0.07,
            "hspace": 0.12,
        },
    )
    for column, side in enumerate(sides):
        lanes, answers = grid[0, column], grid[1, column]
        draw_lanes(lanes, side, spans[column])
        draw_answers(answers, side, end_s, max(1.0, peak_rps) * ROOM_FOR_HEADING)
        draw_end_of_load(lanes, answers, side, end_s)
        answers.set_xlim(0, end_s)
        answers.xaxis.set_major_locator(MaxNLocator(5))  # more numbers would touch those of the next panel
        answers.set_xlabel("seconds since the load began")
        for axes in (lanes, answers):
            hide_spines(axes)
    grid[0, 0].set_yticks(range(1, slots + 1, 1 + (slots - 1) // MOST_TICKS))
    grid[0, 0].set_ylim(slots + 0.6, 0.4)
    grid[0, 0].set_ylabel("worker slot")
    grid[1, 0].set_ylabel("answered\nrequests/s")
    add_legend(figure, 1 - MARGINS["right"] / WIDTH, {span.state for of_side in spans for span in of_side})
    return figure


def _end_s(sides: Sequence[PicturedRun]) -> float:
    """Where the time axis ends: with the longer load, but not after MOST_WINDOWS of the longer window."""
    window_s = max(side.window_s for side in sides)
    return min(max(window_s, *(side.end_s for side in sides)), MOST_WINDOWS * window_s)
