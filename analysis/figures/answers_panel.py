"""The lower panel of a swimlane: the answered requests/s of a run over time, and where its load ended."""

from __future__ import annotations

from matplotlib.axes import Axes

from analysis.figures.style import BAD_TEXT, BLUE, DASHES, LIGHT_BLUE, NOTE_SIZE, QUIET_TEXT, TEXT
from analysis.summary.run_findings import ROUNDING, PicturedRun, is_bad, outage_begin_s

ROOM_FOR_NOTE = 0.6  # of the width; a note of 26 letters needs the rest
BELOW_HEADING = 0.74  # of the height; two lines of text stand above


def draw_answers(axes: Axes, side: PicturedRun, end_s: float, top_rps: float) -> None:
    """Draw `side.seconds` up to `end_s`, with the mean of the load window and the begin of an outage as text."""
    bins = side.seconds[side.seconds["t_s"] < end_s]
    edges = [*bins["t_s"].astype(float), float((bins["t_s"] + bins["bin_s"]).max())] if len(bins) else [0.0, end_s]
    heights = bins["answered_rps"].astype(float).tolist() or [0.0]
    axes.stairs(heights, edges, fill=True, facecolor=LIGHT_BLUE, edgecolor=BLUE, linewidth=1.3)
    window = side.seconds[side.seconds["t_s"] < side.window_s - ROUNDING]
    mean_rps = float(window["answered"].sum()) / side.window_s
    text = f"{mean_rps:.0f} answered/s in the first {side.window_s:g} s"
    silent_s = outage_begin_s(side)
    if silent_s is not None:
        text += f"\nno answer after {silent_s:.1f} s"
    colour = TEXT if silent_s is None else BAD_TEXT
    axes.text(
        0.985,
        0.95,
        text,
        transform=axes.transAxes,
        ha="right",
        va="top",
        color=colour,
        weight="bold",
        fontsize=NOTE_SIZE,
    )
    axes.set_ylim(0, top_rps)


def draw_end_of_load(lanes: Axes, answers: Axes, side: PicturedRun, end_s: float) -> None:
    """Mark where the load ended, if that is before the end of the axis.

    The load of a run ends early where no worker is left that can answer.
    """
    if side.end_s > end_s - ROUNDING:
        return
    for axes, top in ((lanes, 1.0), (answers, BELOW_HEADING)):
        axes.axvline(side.end_s, ymax=top, color=QUIET_TEXT, linestyle=DASHES, linewidth=1)
    is_left_of_line = side.end_s > ROOM_FOR_NOTE * end_s
    answers.annotate(
        "load ended: no worker left" if is_bad(side) else "load ended",
        (side.end_s, 0.66),
        xytext=(-5 if is_left_of_line else 5, 0),
        xycoords=answers.get_xaxis_transform(),
        textcoords="offset points",
        ha="right" if is_left_of_line else "left",
        va="center",
        color=QUIET_TEXT,
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
