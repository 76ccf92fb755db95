"""Says in words what one run shows, for titles, notes and alternative texts of pictures.

Every number in the words comes from the frames.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

ROUNDING = 1e-9  # seconds: the begin of a bin is a product of floats
OUTAGE_BINS = 3  # bins without an answer at the end of a run; fewer are a gap and no outage


@dataclass(frozen=True)
class PicturedRun:
    """What a picture needs of one run."""

    name: str
    verdict: str
    begin_ns: int  # of the load
    end_s: float  # end of the load, in seconds since its begin
    window_s: float
    episodes: pd.DataFrame
    seconds: pd.DataFrame  # bins of the load window


def run_finding(run: PicturedRun) -> str:
    """Say what the run shows: how many workers hung, or how many respawned."""
    slots = run.episodes.groupby("outcome")["slot"].nunique()
    workers = run.episodes["slot"].nunique()
    if run.verdict == "hung_master":
        return f"the master hung, {slots.get('undecided', 0)} of {workers} workers not replaced"
    if run.verdict == "dead_master":
        return f"the master ended, and {workers} workers with it"
    if run.verdict == "hung_request":
        return "workers came up and never answered"
    if "hung_at_fork" in slots:
        return f"{slots['hung_at_fork']} of {workers} workers hung"
    if "hung_at_exit" in slots:
        return f"{slots['hung_at_exit']} of {workers} workers never ended their exit"
    respawns = int(run.episodes["is_respawn"].sum())
    return f"no worker hung, {respawns} respawn{'' if respawns == 1 else 's'}"


def is_bad(run: PicturedRun) -> bool:
    """Return True if the run has any verdict but `recovers`."""
    return run.verdict != "recovers"


def outage_begin_s(run: PicturedRun) -> float | None:
    """Return the time since which the run answered nothing, in seconds since the load began.

    None if the run recovers, and if it answered a request in one of its last bins.
    """
    answered = run.seconds.loc[run.seconds["answered"] > 0]
    last_s = float((answered["t_s"] + answered["bin_s"]).max()) if len(answered) else 0.0
    silent_bins = (run.seconds["t_s"] > last_s - ROUNDING).sum()
    return last_s if is_bad(run) and silent_bins >= OUTAGE_BINS else None


def alt_text(left: PicturedRun, right: PicturedRun) -> str:
    """Describe the picture of two runs for readers who cannot see it."""
    parts = []
    for run in (left, right):
        begin_s = outage_begin_s(run)
        after = "" if begin_s is None else f", nothing answered after {begin_s:.1f} s"
        parts.append(f"{run.name}: {run_finding(run)}{after}")
    return "Worker slots over time above answered requests per second. Left, " + ". Right, ".join(parts) + "."
