"""The Universal Scalability Law against the published fits of the R package `usl` (README and tests)."""

import math

import numpy as np
import pytest

from analysis.statistics import usl

# Sizes, throughputs.
SDM91 = ([1, 18, 36, 72, 108, 144, 216], [64.9, 995.9, 1652.4, 1853.2, 1828.9, 1775.0, 1702.2])
RAYTRACER = ([1, 4, 8, 12, 16, 20, 24, 28, 32, 48, 64], [20, 78, 130, 170, 190, 200, 210, 230, 260, 280, 310])


def test_usl_of_sdm91():
    fit = usl.fit(*SDM91)
    assert (fit.alpha, fit.beta, fit.gamma) == (
        pytest.approx(0.0277285, abs=5e-7),
        pytest.approx(0.0001044, abs=5e-8),
        pytest.approx(89.995233, abs=1e-3),
    )
    assert fit.errors == (
        pytest.approx(0.0091217, abs=5e-7),
        pytest.approx(0.0000199, abs=5e-8),
        pytest.approx(14.2134894, abs=1e-3),
    )
    assert fit.residual == pytest.approx(82.8, abs=0.05)
    assert fit.peak == pytest.approx(96.52, abs=0.005)


def test_usl_without_crosstalk():
    fit = usl.fit(*RAYTRACER)
    assert (fit.alpha, fit.beta, fit.gamma) == (
        pytest.approx(0.057771, abs=5e-6),
        0.0,
        pytest.approx(21.848843, abs=1e-3),
    )
    assert fit.peak == math.inf


def test_usl_of_points_on_a_known_curve():
    fit = usl.fit([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557])
    assert (fit.alpha, fit.beta, fit.gamma) == (
        pytest.approx(0.02, abs=5e-5),
        pytest.approx(0.02, abs=5e-5),
        pytest.approx(1.0, abs=5e-4),
    )


def test_usl_band_contains_the_true_curve():
    generator = np.random.default_rng(2)
    sizes = np.repeat([1, 2, 4, 8, 16], 3)
    true = usl.fit([1, 2, 4, 6, 8, 10], [1, 1.8868, 3.0769, 3.5294, 3.5398, 3.3557])
    inside = 0
    for _ in range(60):
        low, high = usl.fit(sizes, true.at(sizes) + generator.normal(0, 0.05, len(sizes))).band(8.0)
        inside += bool(low <= true.at(8.0) <= high)
    assert inside >= 51  # 57 are expected; three standard deviations are 5


@pytest.mark.parametrize(
    ("sizes", "rates", "words"),
    [([], [], "0 sizes"), ([1, 2, 4], [1, 2, 3], "3 sizes"), ([1, 2, 3, math.nan], [1, 2, 3, 4], "not a number")],
)
def test_usl_refuses_points_that_do_not_determine_a_curve(sizes, rates, words):
    with pytest.raises(ValueError, match=words):
        usl.fit(sizes, rates)
