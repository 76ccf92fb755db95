"""Preforking against lazy-apps: memory of a worker, time to ready, first response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Kind:
    """Preforking or lazy-apps: what a worker takes of the memory and how long a slot is without one."""

    lazy: bool
    mb: float | None  # of a worker, its share of common pages counted proportionally (PSS)
    sampled: int  # workers
    workers: int  # of a stack, as shared pages weigh less the more of them there are; 0 where they differ
    recycles: int
    away_s: float | None  # mean from exit begun to ready
    start_s: float | None  # median from the fork to ready: with lazy-apps the import
    first_s: float | None  # median from ready to the first response


def kinds(samples: pd.DataFrame, runs: pd.DataFrame, episodes: pd.DataFrame) -> list[Kind]:
    """Preforking and lazy-apps, from runs of equal settings where both were run with some."""
    settings = ["workers", "threads", "max_requests"]
    by_kind = {bool(lazy): rows for lazy, rows in runs.dropna(subset=["lazy_apps"]).groupby("lazy_apps")}
    if len(by_kind) == 2:
        common = by_kind[False][settings].drop_duplicates().merge(by_kind[True][settings].drop_duplicates())
        if len(common):
            by_kind = {lazy: rows.merge(common, on=settings) for lazy, rows in by_kind.items()}
    return [_kind(lazy, samples, rows, episodes) for lazy, rows in by_kind.items()]


def _kind(lazy: bool, samples: pd.DataFrame, runs: pd.DataFrame, episodes: pd.DataFrame) -> Kind:
    """A worker counts with its largest sample."""
    peaks = pd.Series(dtype=float)
    if len(samples):
        of_workers = (samples["role"] == "worker") & (samples["pss_kib"] > 0)
        rows = samples[of_workers & samples["run_key"].isin(runs["run_key"])]
        peaks = rows.groupby(["run_key", "pid"])["pss_kib"].max()
    own = episodes[episodes["run_key"].isin(runs["run_key"])]
    back = own[np.isfinite(own["respawn_s"].astype(float))]
    numbers = runs["workers"].dropna().unique()
    return Kind(
        lazy,
        float(peaks.median()) / 1024 if len(peaks) else None,
        len(peaks),
        int(numbers[0]) if len(numbers) == 1 else 0,
        len(back),
        float(back["respawn_s"].mean()) if len(back) else None,
        _median_s(back, "forked_ns", "ready_ns"),
        _median_s(back, "ready_ns", "first_response_ns"),
    )


def _median_s(rows: pd.DataFrame, begin: str, end: str) -> float | None:
    spans = (rows[end] - rows[begin]).dropna().astype(float)
    return max(0.0, float(spans.median()) / 1e9) if len(spans) else None
