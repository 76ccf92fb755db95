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
from analysis.frames.runs import load_run
from stacks.lifecycle.reading import REPEAT, read_document
from stacks.lifecycle.records import CAMPAIGN_FILE, JUDGED, RUN_FILE, RecordError


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Runs as frames; the columns are in `analysis.frames.columns`."""

    runs: pd.DataFrame
    episodes: pd.DataFrame
    seconds: pd.DataFrame  # bins of the load windows
    left_out: list[tuple[str, str]]  # run id and reason of every run that is not in the frames
    damaged: list[tuple[str, str]]  # file and reason of every part of a file that is not in the frames

    @property
    def counted(self) -> pd.DataFrame:
        """The runs that have a verdict. Only they say anything of their cell."""
        return self.runs[self.runs["status"].isin(JUDGED)]


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
    damaged: list[tuple[str, str]] = []
    for directory in directories:
        try:
            run = load_run(directory)
        except RecordError as error:
            left_out.append((directory.name, str(error)))
            continue
        rows.append(run.row)
        episodes += run.episodes
        seconds += run.seconds
        damaged += [(directory.name, text) for text in run.left_out]
    return Frames(
        runs=frame(rows, RUN_COLUMNS),
        episodes=frame(episodes, EPISODE_COLUMNS),
        seconds=frame(seconds, SECOND_COLUMNS),
        left_out=left_out,
        damaged=damaged,
    )


def _planned_runs(path: Path, campaign: dict[str, Any]) -> list[str]:
    """Return the run ids of the plan. Raises RecordError if one is no name of a directory, or stands there twice."""
    run_ids = [run_id for cell in campaign["cells"] for run_id in cell["runs"]]
    for run_id in run_ids:
        if Path(run_id).name != run_id or "\0" in run_id or run_ids.count(run_id) > 1:
            raise RecordError(f"{path}: {run_id!r} cannot be the name of a run; the file is damaged. {REPEAT}")
    return run_ids


def load_campaign(path: Path) -> Campaign:
    """Load every run of the campaign in `path`. Raises RecordError if campaign.json itself cannot be used."""
    path = path.resolve()
    document = read_document(path / CAMPAIGN_FILE)
    campaign = document.value
    planned = _planned_runs(path / CAMPAIGN_FILE, campaign)
    missing = [run_id for run_id in planned if not (path / run_id).is_dir()]
    unplanned = sorted({file.parent.name for file in path.glob(f"*/{RUN_FILE}")} - set(planned))
    frames = load_runs([path / run_id for run_id in planned if run_id not in missing])
    damaged = [(CAMPAIGN_FILE, text) for text in document.left_out] + frames.damaged
    state = campaign.get("status", "not known")
    reasons = dict.fromkeys(missing, f"missing; planned but never run (campaign {state}). Repeat it.")
    why = "its entry in it is damaged." if document.left_out else "move it out of the campaign."
    reasons |= dict.fromkeys(unplanned, f"not in {CAMPAIGN_FILE}; {why}")
    left_out = frames.left_out + [(run_id, f"{path / run_id}: {reason}") for run_id, reason in reasons.items()]
    return Campaign(**(vars(frames) | {"path": path, "campaign": campaign, "left_out": left_out, "damaged": damaged}))
