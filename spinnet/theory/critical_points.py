"""Expected numbers of stationary points of a spherical glass at finite size, exactly.

With x an eigenvalue of an N x N GOE matrix (joint density prod|x_i - x_j| exp(-sum x_i^2/2)) the Kac-Rice formula of a
mixed model becomes

    E[number with index k] = C E[exp(-a x_k^2/2)],   C = 2 sqrt(2/(1 + s)) s^(N/2),   a = (s - 1)/(s + 1),

with s = f''(1)/f'(1), which is p - 1 for a pure model, and x_0 the smallest eigenvalue. A point that belongs to x has
Hessian centre mu = -sqrt(2 f''/N) x, and an energy density that is Gaussian with mean -mu f'/(f' + f'') and
variance [f - f'^2/(f' + f'')]/N, which is zero for pure models: e = sqrt((p-1)/(p N)) x in units of a_p = 1.

Reference: Auffinger, Ben Arous and Cerny (2013) Commun. Pure Appl. Math. 66, 165, theorem 2.1 (pure models); the mixed
form follows in the same way from the covariances of energy, gradient and Hessian.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr

from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.covariance import Covariance
from spinnet.theory.goe_order_statistics import Array, check_size, counts_below, one_point_density, sample_eigenvalues

_GAUSS_NODES = 12
# rounding of the exact order statistics, relative to the prefactor C
_COUNT_ROUNDING = 1e-13


@dataclass(frozen=True)
class SampledCounts:
    """Means and standard errors over samples, one element for each index 0..N-1."""

    mean: Array
    standard_error: Array


@dataclass(frozen=True)
class _Weight:
    """The weight exp(-a x^2/2) P(e <= limit | x) and the prefactor C."""

    log_prefactor: float
    a: float
    slope: float
    width: float
    limit: float

    @property
    def cut(self) -> float:
        """The x whose mean energy is the limit."""
        return self.limit / self.slope

    def __call__(self, x: Array) -> Array:
        weight = np.exp(-0.5 * self.a * x * x)
        if self.width == 0.0:
            return np.where(x <= self.cut, weight, 0.0)
        return weight * ndtr((self.limit - self.slope * x) / self.width)

    def derivative(self, x: Array) -> Array:
        """Return the derivative at x below the cut of a pure model, or anywhere for a mixed one."""
        smooth = -self.a * x * np.exp(-0.5 * self.a * x * x)
        if self.width == 0.0:
            return smooth
        z = (self.limit - self.slope * x) / self.width
        density = np.exp(-0.5 * (z * z + self.a * x * x)) / math.sqrt(2.0 * math.pi)
        return smooth * np.exp(log_ndtr(z)) - density * self.slope / self.width


def _weight(covariance: Covariance, n: int, energy: float | None) -> _Weight:
    first, second = covariance.first(1.0), covariance.second(1.0)
    s = second / first
    limit = math.inf if energy is None else float(energy)
    if math.isnan(limit):
        raise InputError("energy density is not a number")
    variance = covariance.energy_force_determinant / (first + second) / n
    return _Weight(
        log_prefactor=math.log(2.0) + 0.5 * math.log(2.0 / (1.0 + s)) + 0.5 * n * math.log(s),
        a=(s - 1.0) / (s + 1.0),
        slope=math.sqrt(2.0 * second / n) * first / (first + second),
        width=math.sqrt(variance),
        limit=limit,
    )


def _check(n: int) -> int:
    n = check_size(n)
    if n < 2:
        raise InputError("size is 1; a sphere needs 2 or more degrees of freedom")
    return n


def _nodes(weight: _Weight, n: int) -> tuple[Array, Array]:
    """Return nodes and weights of composite Gauss-Legendre quadrature that resolves the level spacing and the cut."""
    reach = math.sqrt(2.0 * n) + 9.0
    top = min(reach, weight.cut) if weight.width == 0.0 else reach
    if top <= -reach:
        return np.zeros(0), np.zeros(0)
    ends = np.linspace(-reach, top, 2 + int((top + reach) * (math.sqrt(2.0 * n) + 4.0) / 8.0))
    if weight.width > 0.0 and math.isfinite(weight.cut):
        ends = np.union1d(ends, weight.cut + weight.width / weight.slope * np.linspace(-8.0, 8.0, 17))
        ends = ends[(ends >= -reach) & (ends <= reach)]
    node, mass = np.polynomial.legendre.leggauss(_GAUSS_NODES)
    half = 0.5 * np.diff(ends)
    middle = 0.5 * (ends[1:] + ends[:-1])
    return (middle[:, None] + half[:, None] * node).ravel(), (half[:, None] * mass).ravel()


def log_expected_critical_points(covariance: Covariance, n: int, energy: float | None = None) -> float:
    """Return ln of the expected number of stationary points (see :func:`expected_critical_points`)."""
    n = _check(n)
    weight = _weight(covariance, n, energy)
    x, mass = _nodes(weight, n)
    integral = float(np.sum(mass * weight(x) * one_point_density(x, n)))
    return weight.log_prefactor + math.log(integral) if integral > 0.0 else -math.inf


def expected_critical_points(covariance: Covariance, n: int, energy: float | None = None) -> float:
    """Return the expected number of stationary points of all indices at size n.

    C int R_1(x) exp(-a x^2/2) P(e <= energy | x) dx with R_1 the exact density of GOE eigenvalues.

    Parameters
    ----------
    covariance : Covariance
        Pure or mixed.
    n : int
        Number of spins N, 2 to 700 (the sphere has dimension N - 1).
    energy : float, optional
        Count only points with energy density at most this.

    Returns
    -------
    float
        The mean over couplings; p = 2 gives 2N, N = 2 gives 2 sqrt(3p - 2). Relative error about 1e-12; infinity where
        the number exceeds the range of floats (use :func:`log_expected_critical_points`).
    """
    try:
        return math.exp(log_expected_critical_points(covariance, n, energy))
    except OverflowError:
        return math.inf


def expected_critical_points_by_index(covariance: Covariance, n: int, energy: float | None = None) -> Array:
    """Return the expected numbers of stationary points of index 0..n-1, exactly, shape (n,).

    C int W(x) dP(x_k <= x) with the exact law of the k-th smallest GOE eigenvalue. O(n^5): about a second at n = 12.

    Raises
    ------
    InputError
        For n above 60.
    NotConvergedError
        If the numbers of minima would be lost in rounding, C > 1e10; use
        :func:`sample_critical_points_by_index`.
    """
    n = _check(n)
    weight = _weight(covariance, n, energy)
    if weight.log_prefactor + math.log(_COUNT_ROUNDING) > math.log(1e-3):
        raise NotConvergedError(
            f"numbers by index of covariance {covariance} at size {n} would be lost in rounding; "
            "use a smaller size or sample_critical_points_by_index"
        )
    prefactor = math.exp(weight.log_prefactor)
    reach = math.sqrt(2.0 * n) + 9.0
    x, mass = _nodes(weight, n)
    if x.size == 0:
        return np.zeros(n)
    below = counts_below(x, n)
    end = float(weight(np.array(min(reach, weight.cut) if weight.width == 0.0 else reach)))
    # P(x_k <= x) = P(more than k below x)
    reached = np.cumsum(below[:, :0:-1], axis=1)[:, ::-1]
    at_end = np.ones(n)
    if weight.width == 0.0 and weight.cut < reach:
        last = counts_below(np.array([weight.cut]), n)[0]
        at_end = np.cumsum(last[:0:-1])[::-1]
    integral = end * at_end - np.sum((mass * weight.derivative(x))[:, None] * reached, axis=0)
    return prefactor * integral


def sample_critical_points_by_index(
    covariance: Covariance, n: int, samples: int = 10_000, seed: int = 0, energy: float | None = None
) -> SampledCounts:
    """Estimate the expected numbers of stationary points of each index by sampling GOE spectra.

    Parameters
    ----------
    covariance, n, energy
        As in :func:`expected_critical_points`; any n.
    samples : int
        Number of spectra, at least 2. O(samples n^2).
    seed : int
        Seed of numpy's default generator.

    Notes
    -----
    The weight exp(-a x^2/2) of low indices is dominated by rare spectra at large n; the standard error says so only
    as long as such spectra were seen at all.
    """
    n = _check(n)
    if int(samples) != samples or samples < 2:
        raise InputError(f"samples is {samples}; it must be an integer of 2 or more")
    weight = _weight(covariance, n, energy)
    values = weight(sample_eigenvalues(n, int(samples), np.random.default_rng(seed)))
    prefactor = math.exp(weight.log_prefactor)
    return SampledCounts(
        mean=prefactor * np.mean(values, axis=0),
        standard_error=prefactor * np.std(values, axis=0, ddof=1) / math.sqrt(samples),
    )


def euler_characteristic(n: int) -> int:
    """Return sum_k (-1)^k (number of index k) = 1 + (-1)^(n-1), which every sample of size n obeys."""
    return 1 + (-1) ** (_check(n) - 1)
