"""Pictures of respawns: frames in, a matplotlib Figure out, nothing read from files."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from analysis.figures.lanes import CRASHED, HUNG, MISSING, RESPAWNING, SERVING, Span, lane_spans
from analysis.summary.run_findings import ROUNDING, PicturedRun, is_bad, outage_begin_s, run_finding

# Okabe and Ito's colours for fills; for text darker ones with a contrast of 4.5:1 or more on white.
BLUE, AMBER, VERMILION = "#0072B2", "#E69F00", "#D55E00"
TEXT, BAD_TEXT, QUIET_TEXT = "#222222", "#A84300", "#555555"
LIGHT_BLUE, LIGHT_VERMILION = "#BFDDF0", "#F9DCC8"

# State: fill, edge, hatch, height, words. Hatch and height keep the states apart in grey.
LOOKS = {
    SERVING: (LIGHT_BLUE, BLUE, "", 0.74, "serving"),
    RESPAWNING: (AMBER, "#5C4000", "", 0.3, "respawning: exit begun to ready"),
    HUNG: (LIGHT_VERMILION, VERMILION, "////", 0.74, "hung: never ready"),
    MISSING: ("#E6E6E6", "#666666", "....", 0.3, "not back when the run ended"),
    CRASHED: ("#FFFFFF", VERMILION, "xxxx", 0.5, "died before it was ready"),
}
MOST_LETTERS = 98  # of 12 points in bold fit into the width
# Inches.
WIDTH, LANE = 10.5, 0.2
MARGINS = {"left": 0.95, "right": 0.15, "top": 0.85, "bottom": 0.55}
MOST_LANES = 64  # beyond that a picture would leave the page
MOST_WINDOWS = 3.0  # a run that waited long for its last respawns is shown up to here
ROOM_FOR_NOTE = 0.6  # of the width; a note of 23 letters takes the rest
BELOW_HEADING = 0.74  # of the height; the two lines of text stand above


def headline(figure: Figure, text: str) -> None:
    """The title above a picture, in two lines where it is too long for one."""
    top = 1 - 0.12 / figure.get_size_inches()[1]
    words = textwrap.fill(text, MOST_LETTERS)
    figure.text(0.01, top, words, fontsize=12, weight="bold", color=TEXT, va="top", linespacing=1.15)


def _draw_lanes(axes: Axes, side: PicturedRun, spans: Sequence[Span]) -> None:
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
    marks = [span for span in spans if span.marked and span.state == HUNG]
    axes.scatter(
        [span.begin_s for span in marks],
        [span.slot for span in marks],
        marker="X",
        s=46,
        color=BAD_TEXT,
        edgecolor="white",
        linewidth=0.9,
        zorder=3,
        clip_on=False,
    )
    bad = is_bad(side)
    axes.set_title(
        f"{side.name}\n{run_finding(side)}", loc="left", fontsize=11, color=BAD_TEXT if bad else TEXT, weight="bold"
    )


def _draw_answers(axes: Axes, side: PicturedRun, end_s: float, top: float) -> None:
    bins = side.seconds[side.seconds["t_s"] < end_s]
    edges = [*bins["t_s"].astype(float), float((bins["t_s"] + bins["bin_s"]).max())] if len(bins) else [0.0, end_s]
    heights = bins["answered_rps"].astype(float).tolist() or [0.0]
    axes.stairs(heights, edges, fill=True, facecolor=LIGHT_BLUE, edgecolor=BLUE, linewidth=1.3)
    window = side.seconds[side.seconds["t_s"] < side.window_s - ROUNDING]
    mean = float(window["answered"].sum()) / side.window_s
    text = f"{mean:.0f} answered/s in the first {side.window_s:g} s"
    silent_s = outage_begin_s(side)
    if silent_s is not None:
        text += f"\nno answer after {silent_s:.1f} s"
    colour = TEXT if silent_s is None else BAD_TEXT
    axes.text(
        0.985, 0.95, text, transform=axes.transAxes, ha="right", va="top", color=colour, weight="bold", fontsize=9
    )
    axes.set_ylim(0, top)


def _draw_end_of_load(lanes: Axes, answers: Axes, side: PicturedRun, end_s: float) -> None:
    """The load of a run in which nobody is left to answer is ended early: say so instead of drawing on."""
    if side.end_s > end_s - ROUNDING:
        return
    for axes, top in ((lanes, 1.0), (answers, BELOW_HEADING)):
        axes.axvline(side.end_s, ymax=top, color=QUIET_TEXT, linestyle=(0, (4, 3)), linewidth=1)
    to_left = side.end_s > ROOM_FOR_NOTE * end_s
    answers.annotate(
        "load ended: nobody left" if is_bad(side) else "load ended",
        (side.end_s, 0.66),
        xytext=(-5 if to_left else 5, 0),
        xycoords=answers.get_xaxis_transform(),
        textcoords="offset points",
        ha="right" if to_left else "left",
        va="center",
        color=QUIET_TEXT,
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )


def swimlane(left: PicturedRun, right: PicturedRun) -> Figure:
    """The worker slots above the answered requests/s, two runs beside each other on the same axes."""
    sides = (left, right)
    window_s = max(side.window_s for side in sides)
    end_s = min(max(window_s, *(side.end_s for side in sides)), MOST_WINDOWS * window_s)
    spans = [lane_spans(side.episodes, side.begin_ns, min(end_s, side.end_s)) for side in sides]
    slots = max((span.slot for of_side in spans for span in of_side), default=1)
    peak = max((float(side.seconds["answered_rps"].max()) for side in sides if len(side.seconds)), default=0.0)
    right_edge = 1 - MARGINS["right"] / WIDTH
    height = MARGINS["top"] + MARGINS["bottom"] + 1.9 + LANE * min(slots, MOST_LANES)
    # Fixed margins: matplotlib's own layout draws everything twice, which doubles the time of a page.
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.subplots(
        2,
        2,
        sharex="col",
        sharey="row",
        squeeze=False,
        height_ratios=[max(1.0, LANE * min(slots, MOST_LANES)), 1.5],
        gridspec_kw={
            "left": MARGINS["left"] / WIDTH,
            "right": right_edge,
            "bottom": MARGINS["bottom"] / height,
            "top": 1 - MARGINS["top"] / height,
            "wspace": 0.07,
            "hspace": 0.12,
        },
    )
    for column, side in enumerate(sides):
        lanes, answers = grid[0, column], grid[1, column]
        _draw_lanes(lanes, side, spans[column])
        # Room above the steps for two lines of text.
        _draw_answers(answers, side, end_s, max(1.0, peak) * 1.55)
        _draw_end_of_load(lanes, answers, side, end_s)
        answers.set_xlim(0, end_s)
        answers.xaxis.set_major_locator(MaxNLocator(5))  # more digits would meet those of the next panel
        answers.set_xlabel("seconds since the load began")
        for axes in (lanes, answers):
            axes.spines[["top", "right"]].set_visible(False)
    step = 1 + (slots - 1) // 16
    grid[0, 0].set_yticks(range(1, slots + 1, step))
    grid[0, 0].set_ylim(slots + 0.6, 0.4)
    grid[0, 0].set_ylabel("worker slot")
    grid[1, 0].set_ylabel("answered\nrequests/s")
    shown = {span.state for of_side in spans for span in of_side}
    handles = [
        Patch(facecolor=fill, edgecolor=edge, hatch=hatch, label=words)
        for state, (fill, edge, hatch, _, words) in LOOKS.items()
        if state in shown
    ]
    figure.legend(
        handles=handles,
        loc="upper right",
        bbox_to_anchor=(right_edge, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
    )
    return figure
