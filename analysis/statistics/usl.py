"""Fits the Universal Scalability Law (USL) to measured throughput, with a confidence band.

X(N) = gamma N / (1 + alpha (N - 1) + beta N (N - 1)), where N is a number of threads or workers, alpha the contention,
beta the crosstalk and gamma the throughput of N = 1 (Gunther, Guerrilla Capacity Planning, 2007). All three parameters
are fitted: X(1) is a measurement with noise like the others. Throughput is in requests/s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.statistics.hang_rates import CONFIDENCE

FEWEST_SIZES = 4  # different N: a curve of three parameters passes through three points and shows no error
AT_BOUND = 1e-9  # a parameter below this lies at its bound, which is 0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """The fitted parameters. A parameter that the bound holds at 0 has the standard error 0."""

    alpha: float
    beta: float
    gamma: float
    errors: tuple[float, float, float]  # standard errors of alpha, beta and gamma
    residual: float  # standard error of the residuals, requests/s
    freedom: int  # degrees of freedom of the residuals
    largest: float  # largest N that was measured
    covariance: Floats  # 3 x 3, of alpha, beta and gamma

    def at(self, n: float | Floats) -> Floats:
        """Return the fitted throughput at N."""
        return _curve(np.asarray(n, float), self.alpha, self.beta, self.gamma)

    def band(self, n: float | Floats, confidence: float = CONFIDENCE) -> tuple[Floats, Floats]:
        """Return the lower and upper limit of the curve at N: two-sided, pointwise, never below 0.

        Delta method with a t quantile.
        """
        from scipy.special import stdtrit

        points = np.asarray(n, float)
        slopes = _gradient(points, self.alpha, self.beta, self.gamma)
        variance = np.einsum("i...,ij,j...->...", slopes, self.covariance, slopes)
        half = float(stdtrit(self.freedom, 0.5 + confidence / 2)) * np.sqrt(np.maximum(variance, 0))
        return np.maximum(self.at(points) - half, 0), self.at(points) + half

    @property
    def peak(self) -> float:
        """The N with the highest throughput, sqrt((1 - alpha) / beta); infinite without crosstalk."""
        return math.sqrt((1 - self.alpha) / self.beta) if self.beta > AT_BOUND and self.alpha < 1 else math.inf


def _curve(n: Floats, alpha: float, beta: float, gamma: float) -> Floats:
    return np.asarray(gamma * n / (1 + alpha * (n - 1) + beta * n * (n - 1)), float)


def _gradient(n: Floats, alpha: float, beta: float, gamma: float) -> Floats:
    """The derivatives of X(N) by alpha, beta and gamma: shape (3, len(n))."""
    denominator = 1 + alpha * (n - 1) + beta * n * (n - 1)
    by_gamma = n / denominator
    common = -gamma * n / denominator**2
    return np.stack([common * (n - 1), common * n * (n - 1), by_gamma])


def fit(sizes: Sequence[float], throughputs: Sequence[float]) -> Fit:
    """Fit the law by least squares with alpha, beta >= 0 and gamma > 0. `sizes` are the N of the `throughputs`.

    Raises ValueError if a value is not a number, and for fewer than 4 different sizes.
    """
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
        x_scale=(1e-2, 1e-4, first),  # without it the optimiser does not find the small beta
        ftol=1e-12,
        xtol=1e-12,
        gtol=1e-12,
        max_nfev=20_000,
    )
    parameters = np.array([alpha, beta, gamma])
    free = np.array([alpha > AT_BOUND, beta > AT_BOUND, True])
    parameters[~free] = 0.0
    freedom = len(n) - 3
    residuals = x - _curve(n, *parameters)
    residual = math.sqrt(float(residuals @ residuals) / max(1, freedom))
    slopes = _gradient(n, *parameters)[free]
    covariance = np.zeros((3, 3))
    covariance[np.ix_(free, free)] = residual**2 * np.linalg.pinv(slopes @ slopes.T)
    errors = np.sqrt(np.diag(covariance))
    return Fit(
        float(parameters[0]),
        float(parameters[1]),
        float(parameters[2]),
        (float(errors[0]), float(errors[1]), float(errors[2])),
        residual,
        max(1, freedom),
        float(n.max()),
        covariance,
    )
