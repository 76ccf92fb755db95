"""Latency from the scheduled moment, and its quantiles."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from results_builder import load_only_run, recovering

from analysis.frames import latency


def test_latency_counts_from_the_schedule_and_a_lost_request_is_infinite(builder):
    story = recovering()
    for row in story.requests:
        row["scheduled_ns"] -= 10_000_000
    story.request(1.0, 1.0, "timeout")
    _, run = load_only_run(builder, story)
    assert run["p50_ms"] == pytest.approx(11.0)
    assert run["p999_ms"] == math.inf
    assert run["late_ms"] == pytest.approx(10.0)
    assert run["offered"] == 100  # the first request was scheduled before the window


@given(st.lists(st.integers(0, 50), max_size=60), st.integers(0, 20), st.sampled_from([0.5, 0.95, 0.99, 0.999, 1.0]))
def test_quantiles_of_counts_equal_the_quantiles_of_the_rows(values, lost, share):
    counts = tuple(np.unique(np.array(values, float), return_counts=True))
    rows = sorted(values) + [math.inf] * lost
    expected = np.quantile(rows, share, method="inverted_cdf") if rows else math.inf
    assert latency.quantile_of_counts(counts, share, len(rows)) == expected


def test_coordinated_omission_is_corrected():
    """Gil Tene's example: 10 000 answers of 1 ms and one stall of 100 s, with a request due every 10 ms."""
    recorded = [0.001] * 10_000 + [100.0]
    assert np.quantile(recorded, 0.9999, method="inverted_cdf") == 0.001
    values = latency.correct_omission(recorded, 0.01)
    assert len(values) == pytest.approx(20_000, abs=1)
    assert np.quantile(values, 0.5, method="inverted_cdf") == 0.001
    assert np.quantile(values, 0.75) == pytest.approx(50, abs=0.05)
    assert values.mean() == pytest.approx(25.0, abs=0.05)
