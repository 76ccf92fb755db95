"""Rank tests against the examples of Hollander and Wolfe, as R's help page ?wilcox.test prints them."""

import pytest

from analysis.statistics import rank_tests

# Hollander and Wolfe (1973): permeability of the chorioamnion at term and earlier.
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
# Hollander and Wolfe (1973): depression scale before and after a tranquilliser.
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]


def test_mann_whitney():
    test = rank_tests.mann_whitney(TERM, EARLY, "greater")
    assert (test.statistic, test.p) == (35, pytest.approx(0.1272, abs=5e-5))
    assert test.shift == pytest.approx(0.305, abs=1e-9)
    assert test.delta == pytest.approx(0.4)
    # R prints -0.15 and 0.76, with a coverage of 95.2 %.
    assert rank_tests.shift_interval(TERM, EARLY) == pytest.approx((-0.15, 0.76), abs=1e-9)


def test_wilcoxon():
    test = rank_tests.wilcoxon(BEFORE, AFTER, "greater")
    assert (test.statistic, test.p) == (40, pytest.approx(0.01953, abs=5e-6))
    assert test.shift == pytest.approx(0.46, abs=1e-9)


def test_five_pairs_can_never_reach_five_percent():
    assert rank_tests.wilcoxon([2, 3, 4, 5, 6], [1, 1, 1, 1, 1]).p == pytest.approx(0.0625)
    assert rank_tests.wilcoxon([2, 3, 4, 5, 6, 7], [1, 1, 1, 1, 1, 1]).p < 0.05
