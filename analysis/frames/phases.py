"""Splits respawns into phases - exit, reap, start, first response - and returns their durations with censoring.

A phase that began and was not seen to end is censored: it lasted at least until the observation ended. A phase that
never began is left out.
"""

from __future__ import annotations

import pandas as pd

from analysis.statistics.survival import Sample

# Phase: the columns of its begin and its end, and what happens in it.
PHASES: dict[str, tuple[str, str, str]] = {
    "exit": ("exit_begun_ns", "exited_ns", "the old worker ends"),
    "reap": ("exited_ns", "forked_ns", "the master sleeps, finds the dead worker and forks"),
    "start": ("forked_ns", "ready_ns", "the new worker imports what it must and accepts"),
    "first response": ("ready_ns", "first_response_ns", "a request arrives and is answered"),
}


def _sample(rows: pd.DataFrame, begin: pd.Series[int], end: pd.Series[int]) -> Sample:
    usable = begin.notna() & (end.notna() | rows["watched_until_ns"].notna())
    begin, end, until = begin[usable], end[usable], rows.loc[usable, "watched_until_ns"]
    # A worker may log "ready" before its master logs its pid. So a difference may be negative, and 0 is the least.
    durations = ((end.fillna(until) - begin).astype("float64") / 1e9).clip(lower=0.0)
    return Sample(durations.tolist(), end.notna().tolist())


def respawns(episodes: pd.DataFrame) -> pd.DataFrame:
    """Return the episodes without the first generation, which replaced no worker."""
    return episodes[episodes["generation"] > 0]


def phase_sample(episodes: pd.DataFrame, phase: str) -> Sample:
    """Return the durations of one phase (a key of PHASES) over all respawns of an episodes frame."""
    begin, end, _ = PHASES[phase]
    rows = respawns(episodes)
    # A worker that crashed or was killed before `end` leaves no duration: it neither reached the end of this phase, nor
    # did the end of the observation cut the phase off.
    rows = rows[~rows["outcome"].isin(["crashed", "killed"]) | rows[end].notna()]
    return _sample(rows, rows[begin], rows[end])


def ready_sample(episodes: pd.DataFrame) -> Sample:
    """Return how long each slot was without a ready worker: from exit begun to ready.

    A worker that crashed began no exit: its time counts from its end, or from the fork of its successor.
    """
    rows = respawns(episodes)
    begin = rows["exit_begun_ns"].fillna(rows["exited_ns"]).fillna(rows["forked_ns"])
    return _sample(rows, begin, rows["ready_ns"])
