"""Loads a campaign's directory as tidy frames: one row a run, an episode, a bin of the load window.

A run that cannot be used is listed with the reason. It is never dropped silently, and it does not stop the other runs
from being loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames.columns import EPISODE_COLUMNS, RUN_COLUMNS, SECOND_COLUMNS, Row, frame
from analysis.frames.runs import load_run, required
from stacks.lifecycle.records import CAMPAIGN_FILE, RUN_FILE, RecordError, read_json


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Runs as frames; the columns are in `analysis.frames.columns`."""

    runs: pd.DataFrame
    episodes: pd.DataFrame
    seconds: pd.DataFrame  # bins of the load windows
    left_out: list[tuple[str, str]]  # run id and reason of every run that is not in the frames

    @property
    def counted(self) -> pd.DataFrame:
        """The runs that are done. Only they say anything of their cell."""
        return self.runs[self.runs["status"] == "done"]


@dataclass(frozen=True, kw_only=True)
class Campaign(Frames):
    """The frames of one campaign, with its directory and its campaign.json."""

    path: Path
    campaign: dict[str, Any]


def load_runs(directories: list[Path]) -> Frames:
    """Load every run that can be used, and list the others in `left_out`."""
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


def _read_plan(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return campaign.json and the run ids of its plan. Checks the fields that the frames and the summary need."""
    campaign = read_json(path)
    run_ids: list[str] = []
    for cell in required(path, campaign, "cells"):
        for name in ("stack", "version", "python", "package", "pin", "expected"):
            required(path, cell, name)
        run_ids += required(path, cell, "runs")
    return campaign, run_ids


def load_campaign(path: Path) -> Campaign:
    """Load every run of the campaign in `path`. Raises RecordError if campaign.json itself cannot be used."""
    path = path.resolve()
    campaign, planned = _read_plan(path / CAMPAIGN_FILE)
    missing = [run_id for run_id in planned if not (path / run_id).is_dir()]
    unplanned = sorted({file.parent.name for file in path.glob(f"*/{RUN_FILE}")} - set(planned))
    frames = load_runs([path / run_id for run_id in planned if run_id not in missing])
    state = campaign.get("status", "not known")
    reasons = dict.fromkeys(missing, f"missing; planned but never run (campaign {state}). Repeat it.")
    reasons |= dict.fromkeys(unplanned, f"not in {CAMPAIGN_FILE}; move it out of the campaign.")
    left_out = frames.left_out + [(run_id, f"{path / run_id}: {reason}") for run_id, reason in reasons.items()]
    return Campaign(**(vars(frames) | {"path": path, "campaign": campaign, "left_out": left_out}))
