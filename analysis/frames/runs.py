"""Reads one run's directory: its row of the runs frame, its episodes, and the bins of its load window."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

from analysis.frames.answers import read_answers
from analysis.frames.columns import Row
from analysis.frames.episodes import episode_row, read_episodes
from analysis.frames.latency import read_latency
from analysis.frames.load_window import LoadWindow
from analysis.frames.stack_ini import read_settings
from stacks.lifecycle.records import EVENTS_FILE, INI_FILE, REQUESTS_FILE, RUN_FILE, RecordError, read_json
from stacks.lifecycle.verdict import VERDICTS


def required(path: Path, document: dict[str, Any], *names: str) -> Any:
    """Return `document[names[0]][names[1]]...`. Raises RecordError, which names `path`, if it is missing."""
    value: Any = document
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise RecordError(f"{path}: lacks {'.'.join(names)!r}; the file is damaged. Repeat the run.")
        value = value[name]
    return value


def _recorded_row(path: Path, run: dict[str, Any]) -> Row:
    """The columns that run.json and stack.ini give."""
    required_names = ("run_id", "trial", "version", "python", "package", "status", "expected")
    row = {name: required(path, run, name) for name in required_names}
    row["stack_id"] = required(path, run, "stack")
    for name in ("package_version", "app", "scenario", "error", "verdict", "reason", "evidence", "fork_threads"):
        row[name] = run.get(name)
    stop, load, host, plan = (run.get(name) or {} for name in ("stop", "load", "host", "plan"))
    row |= {"stop_signal": stop.get("signal"), "stop_s": stop.get("seconds"), "window_s": load.get("window_s")}
    row |= {"load_begin_ns": load.get("begin_ns"), "load_end_ns": load.get("end_ns")}
    row |= {name: host.get(name) for name in ("hostname", "cpu", "cores", "memory_kib", "kernel")}
    row |= {"users": plan.get("users"), "rate": plan.get("rate")}
    row |= {"campaign": run.get("campaign"), "path": str(path.parent)}
    row["app_path"] = (run.get("paths") or {}).get("app")
    row["env"] = shlex.join((plan.get("options") or {}).get("env") or [])
    row["run_key"] = f"{row['campaign']}/{row['run_id']}"
    row["polled"] = (run.get("collectors") or {}).get("stats") == "on"
    return row | {"unix_ns": (run.get("clock") or {}).get("unix_ns")} | read_settings(path.parent / INI_FILE)


def load_run(directory: Path) -> tuple[Row, list[Row], list[Row]]:
    """Return the run's row, its episode rows and its bin rows. A run whose status is not `done` has only its row.

    Raises RecordError, which names the file and what to do, if a file is missing or damaged.
    """
    path = directory / RUN_FILE
    run = read_json(path)
    row = _recorded_row(path, run)
    if row["status"] != "done":
        return row, [], []
    if row["verdict"] not in VERDICTS:
        raise RecordError(f"{path}: verdict {row['verdict']!r} is none of {', '.join(VERDICTS)}. Repeat the run.")
    window_s = row["window_s"]
    if not isinstance(window_s, int | float) or not 0 < window_s < math.inf:
        raise RecordError(f"{path}: load.window_s is {window_s!r} and no time; the file is damaged. Repeat the run.")
    episodes, watched_until_ns = read_episodes(directory / EVENTS_FILE)
    window = LoadWindow(row["load_begin_ns"], row["load_end_ns"], window_s)
    answers = read_answers(directory / REQUESTS_FILE, window, episodes)
    if window.begin_ns is not None:
        row |= read_latency(directory / REQUESTS_FILE, window)
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
    names = {"run_id": row["run_id"], "run_key": row["run_key"]}
    episode_rows = [
        names | episode_row(episode, watched_until_ns, first_response_ns)
        for episode, first_response_ns in zip(episodes, answers.first_response_ns, strict=True)
    ]
    return row, episode_rows, [names | one_bin for one_bin in answers.bins]
