"""Results directories of any number and host -> one set of tidy frames; requests and samples on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames.answers import connection
from analysis.frames.campaigns import Campaign, Frames, load_campaign, load_runs
from stacks.lifecycle.records import CAMPAIGN_FILE, REQUESTS_FILE, RUN_FILE, SAMPLES_FILE, RecordError


@dataclass(frozen=True, kw_only=True)
class Results(Frames):
    """Runs from anywhere: of one campaign, of many, of several machines."""

    paths: list[Path]
    campaigns: list[dict[str, Any]]

    def requests(self, select: str, where: str = "TRUE") -> pd.DataFrame:
        """`SELECT select FROM requests WHERE where` over the raw rows, with `run_key` beside the file's columns.

        DuckDB aggregates, so the rows of a day need no room here. The text is the caller's own.
        """
        return raw(self.counted, REQUESTS_FILE, select, where)

    def samples(self, run_key: str | None = None) -> pd.DataFrame:
        """The /proc samples of all runs, or of one."""
        rows = self.counted if run_key is None else self.counted[self.counted["run_key"] == run_key]
        return raw(rows, SAMPLES_FILE, "*")

    def of(self, run_key: str) -> tuple[pd.Series[Any], pd.DataFrame, pd.DataFrame]:
        """One run: its row, its episodes, its seconds."""
        run = self.runs[self.runs["run_key"] == run_key].iloc[0]
        frames = [frame[frame["run_key"] == run_key] for frame in (self.episodes, self.seconds)]
        return run, frames[0], frames[1]


def raw(runs: pd.DataFrame, name: str, select: str, where: str = "TRUE") -> pd.DataFrame:
    """A query over one Parquet file of every run, which has the columns of the file and `run_key`."""
    files = {str(Path(run["path"]) / name): run["run_key"] for run in runs[["path", "run_key"]].to_dict("records")}
    files = {path: key for path, key in files.items() if Path(path).is_file()}
    if not files:
        return pd.DataFrame()
    query = f"""
        WITH names AS (SELECT unnest(?) AS filename, unnest(?) AS run_key),
             rows AS (SELECT * EXCLUDE (filename) FROM read_parquet(?, filename = true) JOIN names USING (filename))
        SELECT {select} FROM rows WHERE {where}"""  # noqa: S608 - the caller's own text, as documented
    paths = list(files)
    found: pd.DataFrame = connection().execute(query, [paths, [files[p] for p in paths], paths]).df()
    return found


def _campaigns_in(path: Path) -> tuple[list[Path], list[Path]]:
    """Campaigns and lone runs at `path` or right below it, each once although `latest` points at one as well."""
    path = path.resolve()
    if (path / CAMPAIGN_FILE).is_file():
        return [path], []
    if (path / RUN_FILE).is_file():
        return [], [path]
    below = sorted({child.resolve() for child in path.iterdir() if child.is_dir()})
    campaigns = [child for child in below if (child / CAMPAIGN_FILE).is_file()]
    return campaigns, [child for child in below if (child / RUN_FILE).is_file()]


def load(*paths: Path | str, mixed_hosts: bool = False) -> Results:
    """Runs, campaigns, or directories of either, as one set of frames keyed by `run_key` (campaign/run).

    Raises RecordError where there is nothing, or where runs of different hosts would be compared unasked.
    """
    campaigns: list[Path] = []
    lone: list[Path] = []
    for path in map(Path, paths):
        if not path.is_dir():
            raise RecordError(f"{path}: no such results directory. `make loadtest` makes one.")
        found = _campaigns_in(path)
        campaigns += [c for c in found[0] if c not in campaigns]
        lone += [run for run in found[1] if run not in lone]
    loaded = []
    left_out: list[tuple[str, str]] = []
    for path in campaigns:
        try:
            loaded.append(load_campaign(path))
        except RecordError as error:
            left_out.append((path.name, str(error)))
    if lone:
        # What a campaign would say of them is taken from themselves.
        loaded.append(Campaign(**vars(load_runs(lone)), path=lone[0].parent, campaign={}))
    if not loaded:
        what = left_out[0][1] if left_out else f"{', '.join(map(str, paths))}: holds no run and no campaign."
        raise RecordError(what + ("" if left_out else " `make loadtest` makes them."))
    results = Results(
        paths=[*campaigns, *lone],
        campaigns=[campaign.campaign for campaign in loaded],
        runs=_joined([campaign.runs for campaign in loaded]),
        episodes=_joined([campaign.episodes for campaign in loaded]),
        seconds=_joined([campaign.seconds for campaign in loaded]),
        left_out=left_out + [(f"{c.path.name}/{run_id}", why) for c in loaded for run_id, why in c.left_out],
    )
    if not mixed_hosts:
        refuse_mixed_hosts(results.counted)
    return results


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """One frame; empty ones are left out, because pandas would take their types for the answer's."""
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled, ignore_index=True)


def hosts(runs: pd.DataFrame) -> list[str]:
    """The different machines, in words: name, processor and number of cores."""
    columns = ["hostname", "cpu", "cores"]
    rows = runs[columns].drop_duplicates().to_dict("records")
    return [", ".join(str(row[c]) + (" cores" if c == "cores" else "") for c in columns) for row in rows]


def refuse_mixed_hosts(runs: pd.DataFrame) -> None:
    """Raise RecordError when runs come from more than one machine."""
    found = hosts(runs)
    if len(found) > 1:
        raise RecordError(
            f"the runs come from {len(found)} hosts ({'; '.join(found)}), so a difference between them may be the "
            "host's. Name the results of one, or ask for it with --mixed-hosts."
        )
