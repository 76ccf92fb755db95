"""Time to ready as Kaplan-Meier curves with their intervals; a plateau is who never came back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter

from analysis.figures.swimlane import BAD_TEXT, BLUE, VERMILION, headline
from analysis.statistics import survival
from analysis.statistics.survival import Sample

WIDTH, HEIGHT = 10.5, 4.6
STYLES = ("-", "--", "-.", ":")
NEVER = 0.005  # of the workers; below, the curve ends at the bottom
TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
LABEL_GAP = 9.5  # percent between labels of two lines that would lie on each other

LOWEST = 3.0  # percent; lower, a label would meet the axis

Named = Sequence[tuple[str, Sample]]


def never_ready(sample: Sample) -> float:
    """The share that the curve leaves at its end."""
    curve = survival.kaplan_meier(sample) if any(sample.seen) else None
    return 1.0 if curve is None or curve.empty else float(curve["survival"].iloc[-1])


def slowest_s(sample: Sample) -> float:
    """The longest time of a worker that did become ready."""
    return max((d for d, seen in zip(sample.durations_s, sample.seen, strict=True) if seen), default=0.0)


def finding(named: Named) -> str:
    """The title."""
    lost = [(name, never_ready(sample)) for name, sample in named if never_ready(sample) > NEVER]
    fine = [slowest_s(sample) for _, sample in named if never_ready(sample) <= NEVER]
    parts = []
    if lost:
        worst = max(share for _, share in lost)
        parts.append(
            f"Up to {100 * worst:.0f} % of the workers never become ready in {len(lost)} of {len(named)} cells"
        )
    if fine:
        parts.append(f"{'elsewhere every' if lost else 'Every'} worker is ready within {max(fine):.1f} s")
    return "; ".join(parts) or "no respawn was seen"


def alt(named: Named) -> str:
    """The curves in words."""
    rows = []
    for name, sample in named:
        share, middle = never_ready(sample), survival.median_s(sample) if any(sample.seen) else None
        half = "half of them never" if middle is None else f"half of them within {middle:.2f} s"
        rows.append(f"{name}: {half}, {share:.0%} never")
    return (
        "Share of workers not yet ready against the seconds since the old worker began to exit. "
        + "; ".join(rows)
        + "."
    )


def ready(named: Named) -> Figure:
    """One line a cell, on a logarithmic axis."""
    figure = Figure(figsize=(WIDTH, HEIGHT))
    axes = figure.add_axes((0.08, 0.13, 0.58, 0.74))
    headline(figure, finding(named))
    times = [d for _, sample in named for d in sample.durations_s if d > 0] or [1.0]
    begin = max(1e-3, 0.6 * float(np.quantile(times, 0.05)))
    end = 1.15 * max(times)
    labels: list[tuple[float, str, str]] = []
    bad_count = good_count = 0
    for name, sample in named:
        curve = survival.kaplan_meier(sample) if any(sample.seen) else None
        share = never_ready(sample)
        bad = share > NEVER
        style = STYLES[(bad_count if bad else good_count) % len(STYLES)]
        bad_count, good_count = bad_count + bad, good_count + (not bad)
        colour = VERMILION if bad else BLUE
        if curve is None or curve.empty:
            axes.plot([begin, end], [100, 100], color=colour, linewidth=2.2, linestyle=style)
        else:
            x = np.concatenate([[begin], curve["t_s"], [end]])
            y = 100 * np.concatenate([[1.0], curve["survival"], [share]])
            low, high = survival.limits(curve)
            axes.fill_between(
                x,
                100 * np.concatenate([[1.0], low, low[-1:]]),
                100 * np.concatenate([[1.0], high, high[-1:]]),
                step="post",
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
            axes.step(x, y, where="post", color=colour, linewidth=2.2 if bad else 1.6, linestyle=style)
        if bad:
            labels.append((100 * share, f"{name}\n{100 * share:.0f} % never", colour))
    fine = [(name, slowest_s(sample)) for name, sample in named if never_ready(sample) <= NEVER]
    if fine:
        words = fine[0][0] if len(fine) == 1 else f"{len(fine)} cells"
        labels.append((LOWEST, f"{words}\nall ready within {max(s for _, s in fine):.1f} s", BLUE))
    _label(figure, axes.get_position().x1 + 0.01, labels)
    axes.set_xscale("log")
    axes.set_xlim(begin, end)
    axes.set_ylim(0, 103)
    axes.xaxis.set_major_locator(FixedLocator([t for t in TICKS if begin <= t <= end]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("seconds since the old worker began to exit (logarithmic)")
    axes.set_ylabel("workers not yet ready, %")
    axes.grid(color="#E2E2E2", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _label(figure: Figure, x: float, labels: list[tuple[float, str, str]]) -> None:
    """The names at the ends of their lines, moved apart where they would meet."""
    at = 100 + LABEL_GAP
    for value, words, colour in sorted(labels, reverse=True):
        at = max(LOWEST, min(value, at - LABEL_GAP))
        text = BAD_TEXT if colour == VERMILION else BLUE
        figure.text(
            x, 0.13 + 0.74 * at / 103, words, fontsize=8.5, color=text, weight="bold", va="center", linespacing=1.1
        )
