"""The phases of a respawn - exit, reap, start, first response - as samples with censoring.

A phase that began and was not seen to end lasted at least until the watching ended. Only a worker
that was proven stuck or was cut off counts so; what never began is no row of the phase.
"""

from __future__ import annotations

import pandas as pd

from analysis.statistics.survival import Sample

# Phase: the columns of its begin and end, and what goes on in it.
PHASES: dict[str, tuple[str, str, str]] = {
    "exit": ("exit_begun_ns", "exited_ns", "the old worker ends"),
    "reap": ("exited_ns", "forked_ns", "the master sleeps, finds the dead worker and forks"),
    "start": ("forked_ns", "ready_ns", "the new worker imports what it must and accepts"),
    "first response": ("ready_ns", "first_response_ns", "a request arrives and is answered"),
}


def _sample(rows: pd.DataFrame, begin: pd.Series[int], end: pd.Series[int]) -> Sample:
    known = begin.notna() & (end.notna() | rows["watched_until_ns"].notna())
    begin, end, until = begin[known], end[known], rows.loc[known, "watched_until_ns"]
    seen = end.notna()
    # A child may write "ready" before its master has written its name: never less than 0.
    durations = ((end.fillna(until) - begin).astype("float64") / 1e9).clip(lower=0.0)
    return Sample(durations.tolist(), seen.tolist())


def respawns(episodes: pd.DataFrame) -> pd.DataFrame:
    """The rows that are a change of incarnation, not the first generation."""
    return episodes[episodes["generation"] > 0]


def phase_sample(episodes: pd.DataFrame, phase: str) -> Sample:
    """One phase over all respawns."""
    begin, end, _ = PHASES[phase]
    rows = respawns(episodes)
    # A worker that died of itself did so in the phase before: it neither ended this one nor was it cut off.
    rows = rows[~rows["outcome"].isin(["crashed", "killed"]) | rows[end].notna()]
    return _sample(rows, rows[begin], rows[end])


def ready_sample(episodes: pd.DataFrame) -> Sample:
    """Exit begun (or the end of one that crashed) to ready: what a slot is without a worker."""
    rows = respawns(episodes)
    begin = rows["exit_begun_ns"].fillna(rows["exited_ns"]).fillna(rows["forked_ns"])
    return _sample(rows, begin, rows["ready_ns"])
