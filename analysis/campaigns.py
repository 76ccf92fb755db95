"""A campaign's directory -> tidy frames: one row a run, an episode, a bin of the load window.

A run that cannot be used is named with its reason and never dropped; one damaged run does not
cost the others. Times ending in `_ns` are CLOCK_MONOTONIC, `t_s` counts from the begin of the load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.episodes import EPISODE_COLUMNS
from analysis.runs import RUN_COLUMNS, SECOND_COLUMNS, Row, field, frame, load_run
from stacks.records import CAMPAIGN_FILE, RUN_FILE, RecordError, read_json


@dataclass(frozen=True)
class Campaign:
    """A campaign as frames; `left_out` names every planned run that is missing from them, and why."""

    path: Path
    campaign: dict[str, Any]
    runs: pd.DataFrame
    episodes: pd.DataFrame
    seconds: pd.DataFrame
    left_out: list[tuple[str, str]]

    @property
    def counted(self) -> pd.DataFrame:
        """The runs that came to their end: the only ones that say anything of their cell."""
        return self.runs[self.runs["status"] == "done"]


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
    rows: list[Row] = []
    episodes: list[Row] = []
    seconds: list[Row] = []
    left_out: list[tuple[str, str]] = []
    for run_id in planned:
        if not (path / run_id).is_dir():
            state = campaign.get("status", "not known")
            left_out.append((run_id, f"{path / run_id}: missing; planned but never run (campaign {state}). Repeat it."))
            continue
        try:
            row, run_episodes, run_seconds = load_run(path / run_id)
        except RecordError as error:
            left_out.append((run_id, str(error)))
            continue
        rows.append(row)
        episodes += run_episodes
        seconds += run_seconds
    strangers = sorted({file.parent.name for file in path.glob(f"*/{RUN_FILE}")} - set(planned))
    left_out += [
        (run_id, f"{path / run_id}: not in {CAMPAIGN_FILE}; move it out of the campaign.") for run_id in strangers
    ]
    return Campaign(
        path,
        campaign,
        frame(rows, RUN_COLUMNS),
        frame(episodes, EPISODE_COLUMNS),
        frame(seconds, SECOND_COLUMNS),
        left_out,
    )
