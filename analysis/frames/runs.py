"""One run's directory -> its row, its episodes and the bins of its load window."""

from __future__ import annotations

import math
import shlex
from itertools import repeat
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames.answers import Load, read_load
from analysis.frames.episodes import episode_row, read_episodes
from analysis.frames.latency import QUANTILES, run_latency
from analysis.frames.settings import COLUMNS as SETTINGS
from analysis.frames.settings import read_settings
from stacks.lifecycle.records import EVENTS_FILE, INI_FILE, REQUESTS_FILE, RUN_FILE, RecordError, read_json
from stacks.lifecycle.verdict import VERDICTS

RUN_COLUMNS: dict[str, str] = {
    "run_id": "object",
    "run_key": "object",  # unique among campaigns
    "campaign": "object",
    "trial": "Int64",
    "path": "object",
    "stack_id": "object",  # a column called `stack` would hide DataFrame.stack
    "version": "object",
    "python": "object",
    "package": "object",
    "package_version": "object",
    "app": "object",
    "app_path": "object",
    "env": "object",  # NAME=VALUE ..., as a shell splits them
    "scenario": "object",
    "status": "object",
    "error": "object",
    "verdict": "object",
    "expected": "object",
    "reason": "object",
    "evidence": "object",
    "respawns": "Int64",  # trials: respawns whose outcome was seen
    "hung": "Int64",  # of those
    "hung_initial": "Int64",  # first-generation workers that hung, which are no respawns
    "requests": "Int64",
    "lost": "Int64",
    "answered": "Int64",  # within the fixed load window
    "answered_rps": "Float64",
    "window_s": "Float64",
    "load_begin_ns": "Int64",
    "load_end_ns": "Int64",
    "stop_signal": "object",
    "stop_s": "Float64",
    **dict.fromkeys(SETTINGS, "Int64"),
    "lazy_apps": "boolean",
    "users": "Int64",
    "rate": "Float64",  # arrivals a second that were asked of an open scenario
    "offered": "Int64",  # due within the window
    "offered_rps": "Float64",
    "missed": "Int64",  # of those, that the generator could not start
    "late_ms": "Float64",  # the latest start behind its schedule
    "lost_share": "Float64",
    **dict.fromkeys(QUANTILES, "Float64"),  # from the scheduled moment; infinite where so many were lost
    "median_answer_ms": "Float64",  # from the start, answered ones only
    "hostname": "object",
    "cpu": "object",
    "cores": "Int64",
    "memory_kib": "Int64",
    "kernel": "object",
    "polled": "boolean",  # the stats socket was read meanwhile, which speeds respawns up
    "unix_ns": "Int64",
}
SECOND_COLUMNS: dict[str, str] = {
    "run_id": "object",
    "run_key": "object",
    "t_s": "Float64",
    "bin_s": "Float64",
    "answered": "Int64",
    "answered_rps": "Float64",
}

Row = dict[str, Any]


def frame(rows: list[Row], columns: dict[str, str]) -> pd.DataFrame:
    """Rows as a frame with exactly these columns."""
    # Column by column: pandas would guess float for integers with a gap, and lose nanoseconds.
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=kind) for name, kind in columns.items()}
    )


def field(path: Path, run: dict[str, Any], *names: str) -> Any:
    """A part of a JSON file that must be there."""
    value: Any = run
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise RecordError(f"{path}: lacks {'.'.join(names)!r}; the file is damaged. Repeat the run.")
        value = value[name]
    return value


def _run_row(path: Path, run: dict[str, Any]) -> Row:
    """What run.json alone tells."""
    plain = ("run_id", "trial", "version", "python", "package", "status", "expected")
    row = {name: field(path, run, name) for name in plain}
    row["stack_id"] = field(path, run, "stack")
    for name in ("package_version", "app", "scenario", "error", "verdict", "reason", "evidence"):
        row[name] = run.get(name)
    stop = run.get("stop") or {}
    load = run.get("load") or {}
    row |= {"stop_signal": stop.get("signal"), "stop_s": stop.get("seconds"), "window_s": load.get("window_s")}
    row |= {"load_begin_ns": load.get("begin_ns"), "load_end_ns": load.get("end_ns")}
    host, plan = run.get("host") or {}, run.get("plan") or {}
    row |= {name: host.get(name) for name in ("hostname", "cpu", "cores", "memory_kib", "kernel")}
    row |= {
        "campaign": run.get("campaign"),
        "path": str(path.parent),
        "users": plan.get("users"),
        "rate": plan.get("rate"),
    }
    row["app_path"] = (run.get("paths") or {}).get("app")
    row["env"] = shlex.join((plan.get("options") or {}).get("env") or [])
    row["run_key"] = f"{row['campaign']}/{row['run_id']}"
    row["polled"] = (run.get("collectors") or {}).get("stats") == "on"
    return row | {"unix_ns": (run.get("clock") or {}).get("unix_ns")} | read_settings(path.parent / INI_FILE)


def load_run(directory: Path) -> tuple[Row, list[Row], list[Row]]:
    """One run's row, episodes and bins; a run that did not end has only its row."""
    path = directory / RUN_FILE
    run = read_json(path)
    row = _run_row(path, run)
    if row["status"] != "done":
        return row, [], []
    if row["verdict"] not in VERDICTS:
        raise RecordError(f"{path}: verdict {row['verdict']!r} is none of {', '.join(VERDICTS)}. Repeat the run.")
    window_s = row["window_s"]
    if not isinstance(window_s, int | float) or not 0 < window_s < math.inf:
        raise RecordError(f"{path}: load.window_s is {window_s!r} and no time; the file is damaged. Repeat the run.")
    episodes, watched_until_ns = read_episodes(directory / EVENTS_FILE)
    load = Load(row["load_begin_ns"], row["load_end_ns"], window_s)
    answers = read_load(directory / REQUESTS_FILE, load, episodes)
    if load.begin_ns is not None:
        row |= run_latency(directory / REQUESTS_FILE, load)
    hung = [episode for episode in episodes if episode.outcome == "hung_at_fork"]
    row |= {
        "respawns": sum(episode.is_respawn for episode in episodes),
        "hung": sum(episode.is_respawn for episode in hung),
        "hung_initial": sum(not episode.is_respawn for episode in hung),
        "requests": answers.requests,
        "lost": answers.lost,
        "answered": answers.answered,
        "answered_rps": answers.answered / window_s,
    }
    run_id = row["run_id"]
    episode_rows = list(map(episode_row, repeat(run_id), repeat(watched_until_ns), episodes, answers.first_response_ns))
    episode_rows = [episode | {"run_key": row["run_key"]} for episode in episode_rows]
    return row, episode_rows, [{"run_id": run_id, "run_key": row["run_key"], **second} for second in answers.seconds]
