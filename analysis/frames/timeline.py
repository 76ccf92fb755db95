"""One run as tables in seconds since its load began: episodes, events beside requests, and who was the limit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames import bottleneck
from analysis.frames.results import Results
from stacks.lifecycle.records import EVENTS_FILE, read_events

MARKS = ("exit_begun", "exited", "forked", "ready", "first_response")
TELLING = (
    "respawned",
    "spawned",
    "ready",
    "exit_begun",
    "exited",
    "died",
    "throttle",
    "load_begin",
    "load_end",
    "stop",
)
BIN_S = 0.1


def begin_ns(run: pd.Series[Any], episodes: pd.DataFrame) -> int:
    """The begin of the load, or the first fork where there was none."""
    if not pd.isna(run["load_begin_ns"]):
        return int(run["load_begin_ns"])
    return int(episodes["forked_ns"].min()) if len(episodes) else 0


def episodes_table(run: pd.Series[Any], episodes: pd.DataFrame) -> pd.DataFrame:
    """One row an episode in the order in which they began."""
    begin = begin_ns(run, episodes)
    table = episodes[["slot", "generation", "pid", "outcome"]].copy()
    for mark in MARKS:
        table[f"{mark}_s"] = ((episodes[f"{mark}_ns"] - begin).astype("Float64") / 1e9).round(3)
    order = table["exit_begun_s"].fillna(table["exited_s"]).fillna(table["forked_s"])
    return table.loc[order.sort_values().index].reset_index(drop=True)


def merged(results: Results, run_key: str) -> pd.DataFrame:
    """What the server's side said, a row each, among the answered and lost requests of every tenth of a second."""
    run, episodes, _ = results.of(run_key)
    begin = begin_ns(run, episodes)
    key = run_key.replace("'", "''")
    end = f"((start_ns + latency_us * 1000) - {begin}) // {round(BIN_S * 1e9)}"
    select = f"{end} AS bin, count(*) FILTER (error = '') AS answered, count(*) FILTER (error <> '') AS lost"
    requests = results.requests(select, f"run_key = '{key}' GROUP BY 1")
    rows: list[dict[str, Any]] = [
        {"t_s": round(row["bin"] * BIN_S, 3), "answered": row["answered"], "lost": row["lost"]}
        for row in requests.to_dict("records")
    ]
    for event in read_events(Path(str(run["path"])) / EVENTS_FILE):
        if event.kind in TELLING:
            what = f"{event.kind}" + (f" slot {event.slot}" if event.slot else "")
            t_s = round((event.t_ns - begin) / 1e9, 3)
            rows.append({"t_s": t_s, "source": event.source, "event": what, "pid": event.pid or None})
    columns = ["t_s", "source", "event", "pid", "answered", "lost"]
    table = pd.DataFrame(rows, columns=columns).sort_values("t_s", ignore_index=True)
    table[["source", "event"]] = table[["source", "event"]].fillna("")
    return table.astype({"pid": "Int64", "answered": "Int64", "lost": "Int64"})


def limit(results: Results, run_key: str) -> pd.DataFrame:
    """Generator, host, workers or none, with the numbers behind it."""
    run, _, _ = results.of(run_key)
    found = bottleneck.find({str(k): v for k, v in run.items()}, results.samples(run_key))
    names = ("limit", "why", "generator_cores", "stack_cores", "backlog")
    return pd.DataFrame({"value": [getattr(found, name) for name in names]}, index=list(names))
