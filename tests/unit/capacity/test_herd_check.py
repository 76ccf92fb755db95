"""The most workers that were away at once in a run."""

import pandas as pd

from analysis.capacity import predictions


def test_workers_that_are_away_at_once():
    frame = pd.DataFrame(
        {
            "generation": [0, 1, 1, 1],
            "exit_begun_ns": pd.array([None, 10, 15, 40], dtype="Int64"),
            "exited_ns": pd.array([None, 11, 16, 41], dtype="Int64"),
            "forked_ns": pd.array([1, 12, 17, None], dtype="Int64"),
            "ready_ns": pd.array([2, 20, 30, None], dtype="Int64"),
            "watched_until_ns": pd.array([99] * 4, dtype="Int64"),
        }
    )
    assert predictions.workers_down(frame, 0, 99) == 2
    assert predictions.workers_down(frame, 35, 99) == 1
