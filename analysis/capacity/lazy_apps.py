"""Compares preforking with lazy-apps: memory of a worker, time to ready, and time to the first response."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class ImportMode:
    """What was measured with one way of importing the app: before the fork (preforking) or after it (lazy-apps)."""

    lazy: bool  # True: lazy-apps
    mb: float | None  # median memory of a worker; a page that n processes share counts 1/n for each of them (PSS)
    sampled: int  # workers whose memory was sampled
    workers: int  # of a stack, because more workers make shared pages count less; 0 if the runs differ
    recycles: int
    away_s: float | None  # mean from exit begun to ready
    start_s: float | None  # median from fork to ready; with lazy-apps that includes the import
    first_s: float | None  # median from ready to first response


def compare_import_modes(samples: pd.DataFrame, runs: pd.DataFrame, episodes: pd.DataFrame) -> list[ImportMode]:
    """Return the measurements with preforking and with lazy-apps, as far as the runs have both.

    If both modes have runs with the same settings, only those runs count. Arguments: frames of /proc samples, runs and
    episodes.
    """
    settings = ["workers", "threads", "max_requests"]
    by_mode = {bool(lazy): rows for lazy, rows in runs.dropna(subset=["lazy_apps"]).groupby("lazy_apps")}
    if len(by_mode) == 2:
        common = by_mode[False][settings].drop_duplicates().merge(by_mode[True][settings].drop_duplicates())
        if len(common):
            by_mode = {lazy: rows.merge(common, on=settings) for lazy, rows in by_mode.items()}
    return [_measure(lazy, samples, rows, episodes) for lazy, rows in by_mode.items()]


def _measure(lazy: bool, samples: pd.DataFrame, runs: pd.DataFrame, episodes: pd.DataFrame) -> ImportMode:
    peaks = pd.Series(dtype=float)  # the largest sample of each worker
    if len(samples):
        of_workers = (samples["role"] == "worker") & (samples["pss_kib"] > 0)
        rows = samples[of_workers & samples["run_key"].isin(runs["run_key"])]
        peaks = rows.groupby(["run_key", "pid"])["pss_kib"].max()
    own = episodes[episodes["run_key"].isin(runs["run_key"])]
    back = own[np.isfinite(own["respawn_s"].astype(float))]
    worker_counts = runs["workers"].dropna().unique()
    return ImportMode(
        lazy,
        float(peaks.median()) / 1024 if len(peaks) else None,
        len(peaks),
        int(worker_counts[0]) if len(worker_counts) == 1 else 0,
        len(back),
        float(back["respawn_s"].mean()) if len(back) else None,
        _median_s(back, "forked_ns", "ready_ns"),
        _median_s(back, "ready_ns", "first_response_ns"),
    )


def _median_s(rows: pd.DataFrame, begin: str, end: str) -> float | None:
    spans_ns = (rows[end] - rows[begin]).dropna().astype(float)
    return max(0.0, float(spans_ns.median()) / 1e9) if len(spans_ns) else None
