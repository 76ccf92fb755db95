"""A campaign's directory -> tidy frames: one row a run, an episode, a bin of the load window.

A run that cannot be used is named with its reason and never dropped; one damaged run does not
cost the others. Times ending in `_ns` are CLOCK_MONOTONIC, `t_s` counts from the begin of the load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames.episodes import EPISODE_COLUMNS
from analysis.frames.runs import RUN_COLUMNS, SECOND_COLUMNS, Row, field, frame, load_run
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, RecordError, read_json


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Runs as frames; `left_out` names every run that is missing from them, and why."""

    runs: pd.DataFrame
    episodes: pd.DataFrame
    seconds: pd.DataFrame
    left_out: list[tuple[str, str]]

    @property
    def counted(self) -> pd.DataFrame:
        """The runs that came to their end: the only ones that say anything of their cell."""
        return self.runs[self.runs["status"] == "done"]


@dataclass(frozen=True, kw_only=True)
class Campaign(Frames):
    """What was planned, and what has become of it."""

    path: Path
    campaign: dict[str, Any]


def load_runs(directories: list[Path]) -> Frames:
    """Every run that can be used."""
    rows: list[Row] = []
    episodes: list[Row] = []
    seconds: list[Row] = []
    left_out: list[tuple[str, str]] = []
    for directory in directories:
        try:
            row, run_episodes, run_seconds = load_run(directory)
        except RecordError as error:
            left_out.append((directory.name, str(error)))
            continue
        rows.append(row)
        episodes += run_episodes
        seconds += run_seconds
    return Frames(
        runs=frame(rows, RUN_COLUMNS),
        episodes=frame(episodes, EPISODE_COLUMNS),
        seconds=frame(seconds, SECOND_COLUMNS),
        left_out=left_out,
    )


def _planned(path: Path) -> tuple[dict[str, Any], list[str]]:
    """campaign.json and the run ids that it plans, checked as far as the frames and the summary need it."""
    campaign = read_json(path)
    planned: list[str] = []
    for cell in field(path, campaign, "cells"):
        for name in ("stack", "version", "python", "package", "pin", "expected"):
            field(path, cell, name)
        planned += field(path, cell, "runs")
    return campaign, planned


def load_campaign(path: Path) -> Campaign:
    """Every run of the campaign in `path`. Raises RecordError when campaign.json itself cannot be used."""
    path = path.resolve()
    campaign, planned = _planned(path / CAMPAIGN_FILE)
    missing = [run_id for run_id in planned if not (path / run_id).is_dir()]
    strangers = sorted({file.parent.name for file in path.glob(f"*/{RUN_FILE}")} - set(planned))
    found = load_runs([path / run_id for run_id in planned if run_id not in missing])
    state = campaign.get("status", "not known")
    why = dict.fromkeys(missing, f"missing; planned but never run (campaign {state}). Repeat it.")
    why |= dict.fromkeys(strangers, f"not in {CAMPAIGN_FILE}; move it out of the campaign.")
    left_out = found.left_out + [(run_id, f"{path / run_id}: {reason}") for run_id, reason in why.items()]
    return Campaign(**(vars(found) | {"path": path, "campaign": campaign, "left_out": left_out}))
