"""The Universal Scalability Law fitted to measured throughput, with the band that a plan leans on.

X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1)) (Gunther, Guerrilla Capacity Planning, 2007); three
parameters, because X(1) is a measurement like the others and not exact.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics.hang_rates import CONFIDENCE

FEWEST_SIZES = 4  # different N; three parameters pass through three of them and show no error
AT_BOUND = 1e-9  # of a parameter that may not be negative

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """Parameters with their standard errors (0 where the bound holds a parameter at 0)."""

    alpha: float
    beta: float
    gamma: float
    errors: tuple[float, float, float]
    residual: float  # standard error of the residuals
    freedom: int
    largest: float  # N that was measured
    covariance: Floats

    def at(self, n: float | Floats) -> Floats:
        """Throughput at N."""
        return _curve(np.asarray(n, float), self.alpha, self.beta, self.gamma)

    def band(self, n: float | Floats, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
        """The two-sided pointwise interval of the curve (delta method, t quantile); never below 0."""
        from scipy.special import stdtrit

        points = np.asarray(n, float)
        slopes = _gradient(points, self.alpha, self.beta, self.gamma)
        variance = np.einsum("i...,ij,j...->...", slopes, self.covariance, slopes)
        half = float(stdtrit(self.freedom, 0.5 + confidence / 2)) * np.sqrt(np.maximum(variance, 0))
        return np.maximum(self.at(points) - half, 0), self.at(points) + half

    @property
    def peak(self) -> float:
        """The N beyond which more of it answer less; infinite without a crosstalk term."""
        return math.sqrt((1 - self.alpha) / self.beta) if self.beta > AT_BOUND and self.alpha < 1 else math.inf


def _curve(n: Floats, alpha: float, beta: float, gamma: float) -> Floats:
    return np.asarray(gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1)), float)


def _gradient(n: Floats, alpha: float, beta: float, gamma: float) -> Floats:
    below = 1 + alpha * (n - 1) + beta * n * (n - 1)
    by_gamma = n / below
    steep = -gamma * n / below**2
    return np.stack([steep * (n - 1), steep * n * (n - 1), by_gamma])


def fit(sizes: Sequence[float], throughputs: Sequence[float]) -> Fit:
    """Least squares with alpha, beta >= 0 and gamma > 0. Raises ValueError when the points cannot carry it."""
    from scipy.optimize import curve_fit

    n, x = np.asarray(sizes, float), np.asarray(throughputs, float)
    if not (np.isfinite(n).all() and np.isfinite(x).all()):
        raise ValueError("a size or a throughput is not a number")
    if len(set(n.tolist())) < FEWEST_SIZES:
        raise ValueError(f"{len(set(n.tolist()))} sizes were measured; a curve needs {FEWEST_SIZES}")
    first = float(np.max(x / n))
    (alpha, beta, gamma), _ = curve_fit(
        _curve,
        n,
        x,
        p0=(0.01, 1e-4, first),
        bounds=([0, 0, 0], [np.inf, np.inf, np.inf]),
        method="trf",
        x_scale=(1e-2, 1e-4, first),  # without it the small beta is not found
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
        max_nfev=20_000,
    )
    found = np.array([alpha, beta, gamma])
    free = np.array([alpha > AT_BOUND, beta > AT_BOUND, True])
    found[~free] = 0.0
    freedom = len(n) - 3
    left = x - _curve(n, *found)
    residual = math.sqrt(float(left @ left) / max(1, freedom))
    slopes = _gradient(n, *found)[free]
    covariance = np.zeros((3, 3))
    covariance[np.ix_(free, free)] = residual**2 * np.linalg.pinv(slopes @ slopes.T)
    errors = np.sqrt(np.diag(covariance))
    return Fit(
        float(found[0]),
        float(found[1]),
        float(found[2]),
        (float(errors[0]), float(errors[1]), float(errors[2])),
        residual,
        max(1, freedom),
        float(n.max()),
        covariance,
    )
