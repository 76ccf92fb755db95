"""The throughput ratio of interleaved pairs of runs, and the choice of the pairs."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import ratio

# Efron and Tibshirani, An Introduction to the Bootstrap, table 14.1: spatial test A.
SPATIAL = [48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6, 0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41]


def test_interleaved_pairs_cancel_drift():
    generator = np.random.default_rng(3)
    day = np.exp(generator.normal(0, 0.08, 10))
    pairs = [(100 * d, 105 * d * math.exp(e)) for d, e in zip(day, generator.normal(0, 0.004, 10), strict=True)]
    result = ratio.log_ratio(pairs)
    assert result.low < 1.05 < result.high
    assert result.high - result.low < 0.01
    assert result.p < 1e-6


def test_a_ratio_needs_two_pairs_that_answered():
    assert ratio.log_ratio([(1.0, 2.0)]) is None
    assert ratio.log_ratio([(1.0, 2.0), (0.0, 2.0)]) is None
    assert ratio.log_ratio([(1.0, 1.0), (1.0, 1.0)]).p == 1.0


def test_pairs_are_runs_of_the_same_round_with_the_same_settings():
    left = pd.DataFrame({"campaign": ["a", "a", "b"], "trial": [1, 2, 1], "answered_rps": [1.0, 2.0, 3.0]})
    right = pd.DataFrame({"campaign": ["a", "b", "b"], "trial": [2, 1, 2], "answered_rps": [20.0, 30.0, None]})
    assert ratio.matched(left, right) == [(2.0, 20.0), (3.0, 30.0)]
    left, right = left.assign(workers=[4, 4, 4], users=None), right.assign(workers=[4, 8, 8], users=None)
    assert ratio.matched(left, right) == [(2.0, 20.0)]


def test_scipys_bootstrap_matches_the_book():
    """BCa interval of a variance (Efron and Tibshirani, table 14.2).

    The pack does not use the bootstrap. A reader with 20 pairs or more would use this function of scipy.
    """
    from scipy.stats import bootstrap

    generator = np.random.default_rng(1)
    result = bootstrap((SPATIAL,), np.var, confidence_level=0.9, n_resamples=20_000, method="BCa", rng=generator)
    assert result.confidence_interval == pytest.approx((115.8, 259.6), abs=4)
