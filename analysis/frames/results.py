"""Loads results directories of any number of campaigns and hosts as one set of tidy frames.

Requests and samples stay in their files; queries read them on demand.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames.campaigns import Campaign, Frames, load_campaign, load_runs
from analysis.frames.queries import query_runs
from stacks.lifecycle.records import CAMPAIGN_FILE, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE, RecordError


@dataclass(frozen=True, kw_only=True)
class Results(Frames):
    """The frames of runs of one or several campaigns and hosts. `run_key` identifies a run."""

    paths: list[Path]  # directories of the campaigns and of the runs without a campaign
    campaigns: list[dict[str, Any]]  # campaign.json of each campaign; {} for the runs without a campaign

    def requests(self, select: str, where: str = "TRUE") -> pd.DataFrame:
        """Return `SELECT select FROM requests WHERE where` over the requests of the counted runs.

        The rows have the columns of requests.parquet and `run_key`. `select` and `where` are SQL of the caller and are
        not escaped.
        """
        return query_runs(self.counted, REQUESTS_FILE, select, where)

    def samples(self, run_key: str | None = None) -> pd.DataFrame:
        """Return the /proc samples of one counted run, or of all."""
        runs = self.counted if run_key is None else self.counted[self.counted["run_key"] == run_key]
        return query_runs(runs, SAMPLES_FILE, "*")

    def one_run(self, run_key: str) -> tuple[pd.Series[Any], pd.DataFrame, pd.DataFrame]:
        """Return the row of one run, its episodes and its bins of the load window."""
        run = self.runs[self.runs["run_key"] == run_key].iloc[0]
        frames = [frame[frame["run_key"] == run_key] for frame in (self.episodes, self.seconds)]
        return run, frames[0], frames[1]


def load(*paths: Path | str, mixed_hosts: bool = False) -> Results:
    """Load runs, campaigns, or directories of both.

    Raises RecordError if there is nothing to load, and if the runs come from several hosts and `mixed_hosts` is False.
    """
    campaign_paths, lone_runs = _find_directories(paths)
    campaigns: list[Campaign] = []
    left_out: list[tuple[str, str]] = []
    for path in campaign_paths:
        try:
            campaigns.append(load_campaign(path))
        except RecordError as error:
            left_out.append((path.name, str(error)))
    if lone_runs:
        campaigns.append(Campaign(**vars(load_runs(lone_runs)), path=lone_runs[0].parent, campaign={}))
    if not campaigns:
        what = left_out[0][1] if left_out else f"{', '.join(map(str, paths))}: holds no run and no campaign."
        raise RecordError(what + ("" if left_out else " `make loadtest` makes them."))
    results = Results(
        paths=[*campaign_paths, *lone_runs],
        campaigns=[campaign.campaign for campaign in campaigns],
        runs=_concatenate([campaign.runs for campaign in campaigns]),
        episodes=_concatenate([campaign.episodes for campaign in campaigns]),
        seconds=_concatenate([campaign.seconds for campaign in campaigns]),
        damaged=[(f"{c.path.name}/{name}", why) for c in campaigns for name, why in c.damaged],
        left_out=left_out + [(f"{c.path.name}/{run_id}", why) for c in campaigns for run_id, why in c.left_out],
    )
    if not mixed_hosts:
        refuse_mixed_hosts(results.counted)
    return results


def _find_directories(paths: Iterable[Path | str]) -> tuple[list[Path], list[Path]]:
    """Return the directories of campaigns, and of runs without a campaign, each once."""
    campaigns: list[Path] = []
    lone_runs: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            raise RecordError(f"{path}: no such results directory. `make loadtest` makes one.")
        for directory in _candidates(path.resolve()):
            kind = campaigns if (directory / CAMPAIGN_FILE).is_file() else lone_runs
            if directory not in kind:
                kind.append(directory)
    return campaigns, lone_runs


def _candidates(path: Path) -> list[Path]:
    """`path` if it is a campaign or a run, otherwise its subdirectories that are one."""
    if (path / CAMPAIGN_FILE).is_file() or (path / RUN_FILE).is_file():
        return [path]
    # Resolved, because `latest` links to a campaign beside it.
    below = sorted({child.resolve() for child in path.iterdir() if child.is_dir()})
    return [child for child in below if (child / CAMPAIGN_FILE).is_file() or (child / RUN_FILE).is_file()]


def _concatenate(frames: list[pd.DataFrame]) -> pd.DataFrame:
    # Without the empty frames: pandas would take their types for those of the result.
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled, ignore_index=True)


def hosts(runs: pd.DataFrame) -> list[str]:
    """Describe the different machines of the runs: name, processor and number of cores."""
    columns = ["hostname", "cpu", "cores"]
    rows = runs[columns].drop_duplicates().to_dict("records")
    return [", ".join(str(row[c]) + (" cores" if c == "cores" else "") for c in columns) for row in rows]


def refuse_mixed_hosts(runs: pd.DataFrame) -> None:
    """Raise RecordError if the runs come from more than one machine."""
    names = hosts(runs)
    if len(names) > 1:
        raise RecordError(
            f"the runs come from {len(names)} hosts ({'; '.join(names)}), so a difference between two runs may come "
            "from the hosts. Name the results of one host, or allow several hosts with --mixed-hosts."
        )
