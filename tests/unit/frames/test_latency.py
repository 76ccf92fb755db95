"""Latency from the scheduled moment, and its quantiles."""

import numpy as np
import pytest

from analysis.frames import latency


def test_coordinated_omission_is_corrected():
    """Gil Tene's example: 10 000 answers of 1 ms and one stall of 100 s, with a request due every 10 ms."""
    recorded = [0.001] * 10_000 + [100.0]
    assert np.quantile(recorded, 0.9999, method="inverted_cdf") == 0.001
    values = latency.corrected(recorded, 0.01)
    assert len(values) == pytest.approx(20_000, abs=1)
    assert np.quantile(values, 0.5, method="inverted_cdf") == 0.001
    assert np.quantile(values, 0.75) == pytest.approx(50, abs=0.05)
    assert values.mean() == pytest.approx(25.0, abs=0.05)
