"""Shows one run as tables: its episodes, its events beside its requests, and its bottleneck.

Times are seconds since the load began.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames.bottleneck import find_bottleneck
from analysis.frames.queries import END_NS, LOSSES, lost_of
from analysis.frames.results import Results
from stacks.lifecycle.reading import read_events
from stacks.lifecycle.records import EVENTS_FILE

MARKS = ("exit_begun", "exited", "forked", "ready", "first_response")
# Event kinds that change something; heartbeats and samples would hide them.
SHOWN_KINDS = (
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
    """Return the moment at which the load began; if no load began, that of the first fork."""
    if not pd.isna(run["load_begin_ns"]):
        return int(run["load_begin_ns"])
    return int(episodes["forked_ns"].min()) if len(episodes) else 0


def episodes_table(run: pd.Series[Any], episodes: pd.DataFrame) -> pd.DataFrame:
    """Return one row an episode, in the order in which the episodes began."""
    begin = begin_ns(run, episodes)
    table = episodes[["slot", "generation", "pid", "outcome"]].copy()
    for mark in MARKS:
        table[f"{mark}_s"] = ((episodes[f"{mark}_ns"] - begin).astype("Float64") / 1e9).round(3)
    order = table["exit_begun_s"].fillna(table["exited_s"]).fillna(table["forked_s"])
    return table.loc[order.sort_values().index].reset_index(drop=True)


def events_and_requests(results: Results, run_key: str) -> pd.DataFrame:
    """Return the lifecycle events of a run, and the answered and lost requests of every tenth of a second, by time.

    Columns: `t_s`, then `source`, `event` and `pid` of an event, or `answered` and `lost` of a tenth of a second.
    """
    run, episodes, _ = results.one_run(run_key)
    begin = begin_ns(run, episodes)
    key = run_key.replace("'", "''")
    time_bin = f"(({END_NS}) - {begin}) // {round(BIN_S * 1e9)}"
    select = f"{time_bin} AS bin, count(*) FILTER (error = '') AS answered, {LOSSES}"
    requests = results.requests(select, f"run_key = '{key}' GROUP BY 1").to_dict("records")
    slowest_us = max((row["slowest_us"] for row in requests), default=0)
    rows: list[dict[str, Any]] = [
        {
            "t_s": round(row["bin"] * BIN_S, 3),
            "answered": row["answered"],
            "lost": lost_of(row["failed"], slowest_us, row["ages_us"]),
        }
        for row in requests
    ]
    for event in read_events(Path(str(run["path"])) / EVENTS_FILE):
        if event.kind in SHOWN_KINDS:
            what = f"{event.kind}" + (f" slot {event.slot}" if event.slot else "")
            t_s = round((event.t_ns - begin) / 1e9, 3)
            rows.append({"t_s": t_s, "source": event.source, "event": what, "pid": event.pid or None})
    columns = ["t_s", "source", "event", "pid", "answered", "lost"]
    table = pd.DataFrame(rows, columns=columns).sort_values("t_s", ignore_index=True)
    table[["source", "event"]] = table[["source", "event"]].fillna("")
    return table.astype({"pid": "Int64", "answered": "Int64", "lost": "Int64"})


def bottleneck_table(results: Results, run_key: str) -> pd.DataFrame:
    """Return the bottleneck of a run and the numbers behind it, one row a field of `Bottleneck`."""
    run, _, _ = results.one_run(run_key)
    bottleneck = find_bottleneck({str(k): v for k, v in run.items()}, results.samples(run_key))
    names = ("limit", "why", "generator_cores", "stack_cores", "backlog")
    return pd.DataFrame({"value": [getattr(bottleneck, name) for name in names]}, index=list(names))
