"""The columns of the frames and their pandas types: one row a run, an episode, or a bin of the load window.

Columns that end in `_ns` are CLOCK_MONOTONIC, `t_s` counts from the begin of the load, `_rps` is requests a second.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from analysis.frames.latency import QUANTILES
from analysis.frames.stack_ini import FLAG_COLUMNS, SETTING_COLUMNS

Row = dict[str, Any]

RUN_COLUMNS: dict[str, str] = {
    "run_id": "object",
    "run_key": "object",  # campaign/run_id, unique among campaigns
    "campaign": "object",
    "trial": "Int64",
    "path": "object",
    "stack_id": "object",  # a column named `stack` would hide DataFrame.stack
    "version": "object",
    "python": "object",
    "package": "object",
    "package_version": "object",
    "app": "object",
    "app_path": "object",
    "env": "object",  # NAME=VALUE ..., quoted for a shell
    "scenario": "object",
    "status": "object",
    "error": "object",
    "verdict": "object",
    "expected": "object",
    "reason": "object",
    "evidence": "object",
    "fork_threads": "object",  # the object of run.json, or None
    "respawns": "Int64",  # trials: respawns whose outcome was seen
    "hung": "Int64",  # respawns that hung
    "hung_initial": "Int64",  # workers of the first generation that hung; they are no respawns
    "requests": "Int64",
    "lost": "Int64",  # sent and not answered; not those that were open at the end (stacks/lifecycle/losses.py)
    "answered": "Int64",  # within the fixed load window
    "answered_rps": "Float64",
    "window_s": "Float64",
    "load_begin_ns": "Int64",
    "load_end_ns": "Int64",
    "stop_signal": "object",
    "stop_s": "Float64",
    **dict.fromkeys(SETTING_COLUMNS, "Int64"),
    **dict.fromkeys(FLAG_COLUMNS, "boolean"),
    "users": "Int64",
    "rate": "Float64",  # arrivals a second that the plan asked of an open scenario
    "offered": "Int64",  # requests scheduled within the window
    "offered_rps": "Float64",
    "missed": "Int64",  # offered requests that the load generator could not start
    "late_ms": "Float64",  # the longest delay of a start behind its schedule
    "lost_share": "Float64",  # of the offered requests: without an answer, for whatever reason
    **dict.fromkeys(QUANTILES, "Float64"),  # latency from the scheduled moment; infinite if too many were lost
    "median_answer_ms": "Float64",  # latency from the start, of the answered requests only
    "hostname": "object",
    "cpu": "object",
    "cores": "Int64",
    "memory_kib": "Int64",
    "kernel": "object",
    "polled": "boolean",  # the stats socket was read during the run, which makes respawns faster
    "unix_ns": "Int64",
    "clock_bound_ms": "Float64",  # by so much a time of a load host may be wrong beside one of the observer
}
EPISODE_COLUMNS: dict[str, str] = {
    "run_id": "object",
    "run_key": "object",
    "slot": "Int64",
    "generation": "Int64",
    "pid": "Int64",
    "previous_pid": "Int64",
    "exit_begun_ns": "Int64",
    "exited_ns": "Int64",
    "forked_ns": "Int64",
    "ready_ns": "Int64",
    "first_response_ns": "Int64",
    "outcome": "object",
    "decided_ns": "Int64",
    "watched_until_ns": "Int64",  # an event that had not happened by then is censored
    "cause": "object",
    "is_respawn": "bool",
    "respawn_s": "float64",  # infinite: never came back; NaN: no respawn, or its end was not seen
}
SECOND_COLUMNS: dict[str, str] = {
    "run_id": "object",
    "run_key": "object",
    "t_s": "Float64",  # begin of the bin
    "bin_s": "Float64",  # width of the bin
    "answered": "Int64",
    "answered_rps": "Float64",
}


def frame(rows: list[Row], columns: dict[str, str]) -> pd.DataFrame:
    """Return the rows as a frame with exactly these columns and types. A value that a row lacks is missing."""
    # Each column is built with its type: pandas would guess float for integers with gaps, and lose nanoseconds.
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=kind) for name, kind in columns.items()}
    )
