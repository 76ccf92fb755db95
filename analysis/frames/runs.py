"""Reads one run's directory: its row of the runs frame, its episodes, and the bins of its load window."""

from __future__ import annotations

import math
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.frames.answers import bin_width_s, read_answers
from analysis.frames.columns import Row
from analysis.frames.episodes import episode_row, read_episodes
from analysis.frames.latency import read_latency
from analysis.frames.load_window import LoadWindow
from analysis.frames.parquet_files import health
from analysis.frames.request_files import require_requests
from analysis.frames.stack_ini import read_settings
from stacks.lifecycle.reading import read_document
from stacks.lifecycle.records import EVENTS_FILE, INI_FILE, JUDGED, RUN_FILE, SAMPLES_FILE, RecordError
from stacks.lifecycle.verdict import VERDICTS

SHORTEST_S, LONGEST_S = 0.001, 1e7  # of a load window: the web UI's may be open for a day


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
    row["clock_bound_ms"] = _clock_bound_ms(run)
    row["polled"] = (run.get("collectors") or {}).get("stats") == "on"
    return row | {"unix_ns": (run.get("clock") or {}).get("unix_ns")} | read_settings(path.parent / INI_FILE)


@dataclass(frozen=True)
class LoadedRun:
    """What the frames take of one run. A run without a verdict has only its row."""

    row: Row
    episodes: list[Row] = field(default_factory=list)
    seconds: list[Row] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)  # one sentence for each part of a file that was left out


def load_run(directory: Path) -> LoadedRun:
    """Load one run. Raises RecordError, which names the file and what to do, if it cannot be used."""
    path = directory / RUN_FILE
    document = read_document(path)
    run, left_out = document.value, list(document.left_out)
    row = _recorded_row(path, run)
    if row["status"] not in JUDGED:
        return LoadedRun(row, left_out=left_out)
    if row["verdict"] not in VERDICTS:
        raise RecordError(f"{path}: verdict {row['verdict']!r} is none of {', '.join(VERDICTS)}. Repeat the run.")
    window = _load_window(path, row)
    episodes, watched_until_ns, damaged_rows = read_episodes(directory / EVENTS_FILE, run)
    requests, damaged_requests = require_requests(directory)
    left_out += [*damaged_rows, *damaged_requests, health_of_samples(directory), *_missing(path, run, window)]
    answers = read_answers(requests, window, episodes)
    if window.begin_ns is not None:
        row |= read_latency(requests, window)
    hung = [episode for episode in episodes if episode.outcome == "hung_at_fork"]
    row |= {
        "respawns": sum(episode.is_respawn for episode in episodes),
        "hung": sum(episode.is_respawn for episode in hung),
        "hung_initial": sum(not episode.is_respawn for episode in hung),
        "requests": answers.requests,
        "lost": answers.lost,
        "answered": answers.answered,
        "answered_rps": answers.answered / window.window_s,
    }
    names = {"run_id": row["run_id"], "run_key": row["run_key"]}
    episode_rows = [
        names | episode_row(episode, watched_until_ns, first_response_ns)
        for episode, first_response_ns in zip(episodes, answers.first_response_ns, strict=True)
    ]
    seconds = [names | one_bin for one_bin in answers.bins]
    return LoadedRun(row, episode_rows, seconds, [text for text in left_out if text])


def _load_window(path: Path, row: Row) -> LoadWindow:
    """Return the load window. Raises RecordError if its times cannot be."""
    begin_ns, end_ns, window_s = row["load_begin_ns"], row["load_end_ns"], row["window_s"]
    if window_s is None or not SHORTEST_S <= window_s <= LONGEST_S:
        raise RecordError(f"{path}: load.window_s is {window_s!r} and no time; the file is damaged. Repeat the run.")
    if begin_ns is not None and not 0 <= (end_ns or begin_ns) - begin_ns <= LONGEST_S * 1e9:
        raise RecordError(f"{path}: load.end_ns is {end_ns}, which cannot be; the file is damaged. Repeat the run.")
    return LoadWindow(begin_ns, end_ns, window_s)


def _clock_bound_ms(run: dict[str, Any]) -> float | None:
    """Return the widest bound of the clocks of a run on many hosts: infinite if one was not measured."""
    bounds_ns = [clock["bound_ns"] for clock in (run.get("hosts") or {}).get("clocks", ())]
    if not bounds_ns:
        return None
    return max(bounds_ns) / 1e6 if min(bounds_ns) >= 0 else math.inf


def _missing(path: Path, run: dict[str, Any], window: LoadWindow) -> list[str]:
    """Return one sentence for each part that a run on many hosts lacks, and for clocks that are too far apart."""
    missing = (run.get("hosts") or {}).get("missing", ())
    texts = [f"{path}: {text}; the run counts without it." for text in missing]
    bound_ms, bin_ms = _clock_bound_ms(run), 1e3 * bin_width_s(window.window_s)
    if bound_ms is not None and bound_ms > bin_ms:
        what = f"agree only within {bound_ms:.3g} ms" if math.isfinite(bound_ms) else "were not compared"
        texts.append(
            f"{path}: the clocks of the hosts {what}, and a bar of the pictures is {bin_ms:g} ms wide: answers beside "
            "respawns are out of place by that much."
        )
    return texts


def health_of_samples(directory: Path) -> str:
    """Return what is wrong with samples.parquet, or ''. A run without samples only has no bottleneck and no memory."""
    text = health(directory / SAMPLES_FILE).unusable if (directory / SAMPLES_FILE).exists() else ""
    return f"{text} The samples are left out; the run counts." if text else health(directory / SAMPLES_FILE).left_out
