r"""Scale-free numbers of one spectrum.

Each function takes the n eigenvalues of one matrix, finite and in any order, and returns NaN where the number does not
exist (a constant spectrum has no shape). Known values: skewness 0 and excess kurtosis -1 for a semicircle;
:math:`\sqrt{c}`, c - 1 and participation 1/(1 + c) for a Marchenko-Pastur law of ratio c.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinnet.estimators.spectra import count_signs

#: A mode counts as nearly flat below this share of the largest modulus.
NEAR_ZERO = 1e-2
#: Probabilities at which the shape of a spectrum is sampled.
SHAPE_PROBABILITIES = (np.arange(16) + 0.5) / 16


def standardise(eigenvalues: NDArray) -> NDArray:
    """Sorted eigenvalues with mean 0 and variance 1; NaN for a spectrum without width."""
    values = np.sort(eigenvalues)
    spread = values.std()
    if not np.isfinite(spread) or spread <= 1e-14 * max(np.abs(values).max(), 1e-300):
        return np.full(values.shape, np.nan)
    return (values - values.mean()) / spread


def negative_fraction(eigenvalues: NDArray) -> float:
    """Share of negative eigenvalues among those that are not zero to rounding."""
    negative, _, positive = count_signs(eigenvalues)
    return negative / (negative + positive) if negative + positive else np.nan


def near_zero_fraction(eigenvalues: NDArray) -> float:
    """Share of eigenvalues with a modulus of at most 1 % of the largest."""
    top = np.abs(eigenvalues).max()
    return float((np.abs(eigenvalues) <= NEAR_ZERO * top).mean()) if top > 0 else np.nan


def skewness(eigenvalues: NDArray) -> float:
    r""":math:`\langle (\lambda - \bar\lambda)^3 \rangle / s^3`."""
    return float((standardise(eigenvalues) ** 3).mean())


def excess_kurtosis(eigenvalues: NDArray) -> float:
    r""":math:`\langle (\lambda - \bar\lambda)^4 \rangle / s^4 - 3`."""
    return float((standardise(eigenvalues) ** 4).mean() - 3.0)


def semicircle_cdf(x: NDArray) -> NDArray:
    r"""CDF of the semicircle law of variance 1: :math:`1/2 + x\sqrt{4 - x^2}/(4\pi) + \arcsin(x/2)/\pi`."""
    x = np.clip(x, -2.0, 2.0)
    return 0.5 + x * np.sqrt(4.0 - x**2) / (4 * np.pi) + np.arcsin(x / 2) / np.pi


def semicircle_distance(eigenvalues: NDArray) -> float:
    """Kolmogorov-Smirnov distance of the standardised spectrum from the semicircle of variance 1."""
    values = standardise(eigenvalues)
    expected = semicircle_cdf(values)
    steps = np.arange(len(values) + 1) / len(values)
    return float(max((steps[1:] - expected).max(), (expected - steps[:-1]).max()))


def participation(eigenvalues: NDArray) -> float:
    r""":math:`(\mathrm{tr} H)^2 / (n\, \mathrm{tr} H^2)`: 1 for equal curvature in all directions, 1/n for one."""
    squares = float((eigenvalues**2).mean())
    return float(eigenvalues.mean()) ** 2 / squares if squares > 0 else np.nan


def outlier_ratio(eigenvalues: NDArray) -> float:
    r""":math:`(\lambda_{\max} - \mathrm{median}) / (Q_{0.95} - Q_{0.05})`: 0.62 for a semicircle."""
    low, middle, high = np.quantile(eigenvalues, [0.05, 0.5, 0.95])
    return float((eigenvalues.max() - middle) / (high - low)) if high > low else np.nan


def shape(eigenvalues: NDArray) -> NDArray:
    """Quantiles of the standardised spectrum at 16 even probabilities: its Wasserstein-2 coordinates."""
    return np.quantile(standardise(eigenvalues), SHAPE_PROBABILITIES)
