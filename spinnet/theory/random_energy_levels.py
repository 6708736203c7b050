r"""The lowest levels of a random energy model: exact order statistics at any N.

For M = 2^N independent levels with distribution function F, the k-th lowest has

.. math::
    P(E_{(k)} \le x) = I_{F(x)}(k, M - k + 1)

(regularised incomplete beta function). By Rényi's representation -ln(1 - F(E_(k))) = sum_{i <= k} u_i/(M - i + 1)
with independent u_i ~ Exp(1), which gives exact joint samples without drawing M numbers. Levels beyond
M = 2^50 are treated as a Poisson process, which changes nothing above 1e-15 k^2.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, digamma, gammainc, gammaln, log_ndtr, ndtri_exp, polygamma

from spinnet.configurable import one_of, whole_number
from spinnet.errors import InputError
from spinnet.theory.random_energy_finite import DISTRIBUTIONS, LARGEST_N, integrate, log_minus_log1p

Array = NDArray[np.float64]

_EXACT_BITS = 50


def check_level(n: int, level: int, distribution: str = "gaussian") -> tuple[int, int]:
    """Return N and the number k of a level, or raise InputError unless 1 <= k <= 2^N."""
    n, level = whole_number("n", n, 1), whole_number("level", level, 1)
    one_of("distribution", distribution, DISTRIBUTIONS)
    if n > LARGEST_N:
        raise InputError(f"n = {n}: levels are computed up to n = {LARGEST_N}")
    if n < 60 and level > 2**n:
        raise InputError(f"level = {level}: {n} spins have 2^{n} = {2**n} levels; ask for one of them")
    return n, level


def _log_below(x: Array, n: int, distribution: str) -> Array:
    """Return ln P(E <= x) for one level."""
    if distribution == "gaussian":
        return log_ndtr(x / math.sqrt(n / 2.0))
    return np.minimum(x, 0.0)


def level_distribution(energy: ArrayLike, n: int, level: int = 1, distribution: str = "gaussian") -> Array | float:
    """Return P(E_(k) <= energy) for the k-th lowest of 2^N levels, at energies of any shape."""
    n, level = check_level(n, level, distribution)
    log_p = _log_below(np.asarray(energy, dtype=float), n, distribution)
    if n <= _EXACT_BITS:
        value = betainc(level, 2.0**n - level + 1.0, np.exp(log_p))
    else:
        value = gammainc(level, np.exp(np.minimum(n * math.log(2.0) + log_minus_log1p(log_p), 700.0)))
    return value if np.ndim(value) else float(value)


def level_moments(n: int, level: int = 1, distribution: str = "gaussian") -> tuple[float, float]:
    """Return mean and variance of the k-th lowest of 2^N levels.

    Exponential levels have closed forms: the mean is -(H_M - H_(k-1)), the variance sum_{k <= i <= M} 1/i^2.
    Gaussian levels: quadrature of the density of the order statistic, accurate to 1e-12.
    """
    n, level = check_level(n, level, distribution)
    log_count = n * math.log(2.0)
    if distribution == "exponential":
        count = 2.0**n if n < 1000 else math.inf
        top = log_count + (float(digamma(count + 1.0)) - log_count if n <= _EXACT_BITS else 0.0)
        rest = float(polygamma(1, count + 1.0)) if n <= _EXACT_BITS else 0.0
        return float(digamma(level)) - top, float(polygamma(1, level)) - rest
    sigma = math.sqrt(n / 2.0)
    count = 2.0**n if n <= _EXACT_BITS else math.inf
    # ln of M!/((k-1)!(M-k)!)
    log_ways = float(np.log1p(-np.arange(level) / count).sum()) + level * log_count - float(gammaln(level))
    above = 1.0 - level / count

    def log_density(z: Array) -> Array:
        log_p = log_ndtr(z)
        with np.errstate(over="ignore", invalid="ignore"):
            others = log_count + math.log(above) + log_minus_log1p(log_p) if above > 0 else np.full_like(z, -np.inf)
            many = np.exp(np.minimum(others, 700.0))
        return log_ways + (level - 1) * log_p - many - 0.5 * z * z - 0.5 * math.log(2.0 * math.pi)

    # start where M F = k
    low, high = _support(log_density, float(ndtri_exp(min(math.log(level) - log_count, -1e-3))))
    mean = integrate(lambda z: z * np.exp(log_density(z)), low, high)
    spread = integrate(lambda z: (z - mean) ** 2 * np.exp(log_density(z)), low, high)
    return sigma * mean, sigma**2 * spread


def _support(log_density, start: float) -> tuple[float, float]:
    """Return an interval outside of which a log-concave density is below e^-44 of its value at start."""
    threshold = float(log_density(np.array([start]))[0]) - 50.0
    ends = []
    for direction in (-1.0, 1.0):
        size = 0.05
        while float(log_density(np.array([start + direction * size]))[0]) > threshold:
            size *= 1.25
        ends.append(start + direction * size)
    return ends[0], ends[1]


def mean_ground_state(n: int, distribution: str = "gaussian") -> float:
    """Return E E_min, extensive, of 2^N independent levels."""
    return level_moments(n, 1, distribution)[0]


def sample_lowest_levels(
    n: int, count: int, rng: np.random.Generator, samples: int = 1, distribution: str = "gaussian"
) -> Array:
    """Return exact joint samples of the lowest levels, shape (samples, count), increasing along the last axis.

    Cost: O(samples x count), whatever N is.
    """
    n, count = check_level(n, count, distribution)
    samples = whole_number("samples", samples, 1)
    spacings = rng.standard_exponential((samples, count))
    if n <= _EXACT_BITS:
        spacings /= 2.0**n - np.arange(count)
        log_hazard = np.log(np.cumsum(spacings, axis=1))
    else:
        log_hazard = np.log(np.cumsum(spacings, axis=1)) - n * math.log(2.0)
    # F = 1 - exp(-hazard)
    small = log_hazard < -36.0
    with np.errstate(divide="ignore"):
        log_p = np.where(small, log_hazard, np.log(-np.expm1(-np.exp(np.where(small, -36.0, log_hazard)))))
    if distribution == "exponential":
        return log_p
    return math.sqrt(n / 2.0) * ndtri_exp(np.minimum(log_p, -0.0))
