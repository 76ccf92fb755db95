"""What one run shows, in words computed from its frames: titles, notes and alternative texts of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

ROUNDING = 1e-9  # seconds; a bin's begin is a product of floats
OUTAGE_BINS = 3  # this many silent bins at the end are an outage and not a gap


@dataclass(frozen=True)
class Side:
    """One run as a half of a picture."""

    name: str
    verdict: str
    begin_ns: int
    end_s: float  # when the load ended, in seconds since it began
    window_s: float
    episodes: pd.DataFrame
    seconds: pd.DataFrame


def finding(side: Side) -> str:
    """What the run shows, in words computed from it."""
    slots = side.episodes.groupby("outcome")["slot"].nunique()
    workers = side.episodes["slot"].nunique()
    if side.verdict == "hung_master":
        return f"the master hung, {slots.get('undecided', 0)} of {workers} workers not replaced"
    if side.verdict == "dead_master":
        return f"the master ended, and {workers} workers with it"
    if side.verdict == "hung_request":
        return "workers came up and never answered"
    if "hung_at_fork" in slots:
        return f"{slots['hung_at_fork']} of {workers} workers hung"
    if "hung_at_exit" in slots:
        return f"{slots['hung_at_exit']} of {workers} workers never ended their exit"
    respawns = int(side.episodes["is_respawn"].sum())
    return f"no worker hung, {respawns} respawn{'' if respawns == 1 else 's'}"


def is_bad(side: Side) -> bool:
    """Whether the finding is one to worry about."""
    return side.verdict != "recovers"


def silent_from_s(side: Side) -> float | None:
    """The second from which a bad run answered nothing any more; None where it still answered at its end."""
    answered = side.seconds.loc[side.seconds["answered"] > 0]
    last_s = float((answered["t_s"] + answered["bin_s"]).max()) if len(answered) else 0.0
    silent_bins = (side.seconds["t_s"] > last_s - ROUNDING).sum()
    return last_s if is_bad(side) and silent_bins >= OUTAGE_BINS else None


def alt_text(left: Side, right: Side) -> str:
    """The picture in words, for who cannot see it."""
    parts = []
    for side in (left, right):
        silent_s = silent_from_s(side)
        after = "" if silent_s is None else f", nothing answered after {silent_s:.1f} s"
        parts.append(f"{side.name}: {finding(side)}{after}")
    return "Worker slots over time above answered requests per second. Left, " + ". Right, ".join(parts) + "."
