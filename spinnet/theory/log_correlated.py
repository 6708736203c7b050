r"""The log-correlated random energy model: Gaussian potential with covariance -2 ln|2 sin(theta/2)| on the circle.

The field V has the Fourier modes sqrt(2/k)(g_k cos k theta + h_k sin k theta), k >= 1. Its normalised exponential
Z = int dtheta/(2 pi) exp(-beta V - beta^2 E V^2/2) has for gamma = beta^2 < 1 the law of Fyodorov and Bouchaud,

.. math::
    Z \overset{law}{=} \frac{Y^{-\gamma}}{\Gamma(1-\gamma)}, \quad Y \sim \mathrm{Exp}(1), \qquad
    \mathbb E Z^s = \frac{\Gamma(1 - s\gamma)}{\Gamma(1-\gamma)^s} \;\; (s\gamma < 1),

and on M points, with E V^2 = 2 ln M, the free energy freezes at beta = 1:
-T ln Z_M/ln M -> -(beta + 1/beta) above the transition temperature, -2 below. The minimum is
-2 ln M + (3/2) ln ln M + x with x distributed like ln(Y_1 Y_2) up to a constant shift.

References: Carpentier and Le Doussal (2001) Phys. Rev. E 63, 026110; Fyodorov and Bouchaud (2008) J. Phys. A 41,
372001; Remy (2020) Duke Math. J. 169, 177 (proof).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, k0, k1

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.theory.random_energy import check_beta

Array = NDArray[np.float64]

CRITICAL_BETA = 1.0
#: Mean and variance of x = ln(Y_1 Y_2), the shifted minimum.
MINIMUM_MEAN = -2.0 * np.euler_gamma
MINIMUM_VARIANCE = math.pi**2 / 3.0


def _subcritical(gamma: float) -> float:
    gamma = real_number("gamma", gamma, above=0.0)
    if gamma >= 1.0:
        raise InputError(
            f"gamma = beta^2 = {gamma:g}: the normalised Z has a limit below the transition gamma = 1 only"
        )
    return gamma


def covariance(angle: ArrayLike, modes: int | None = None) -> Array | float:
    """Return E[V(0) V(theta)]: -2 ln|2 sin(theta/2)|, or its first Fourier modes, sum_k (2/k) cos(k theta)."""
    angle = np.asarray(angle, dtype=float)
    if modes is None:
        with np.errstate(divide="ignore"):
            value = -2.0 * np.log(np.abs(2.0 * np.sin(0.5 * angle)))
    else:
        value = np.zeros_like(angle)
        for k in range(1, whole_number("modes", modes, 1) + 1):
            value = value + 2.0 / k * np.cos(k * angle)
    return value if value.ndim else float(value)


def partition_moment(power: float, gamma: float) -> float:
    """Return E Z^s = Gamma(1 - s gamma)/Gamma(1 - gamma)^s for any real s; infinite for s gamma >= 1."""
    gamma = _subcritical(gamma)
    power = real_number("power", power)
    if power * gamma >= 1.0:
        return math.inf
    return math.exp(float(gammaln(1.0 - power * gamma)) - power * float(gammaln(1.0 - gamma)))


def mean_log_partition(gamma: float) -> float:
    """Return E ln Z = -ln Gamma(1 - gamma) + gamma gamma_E."""
    gamma = _subcritical(gamma)
    return gamma * np.euler_gamma - float(gammaln(1.0 - gamma))


def variance_log_partition(gamma: float) -> float:
    """Return Var ln Z = gamma^2 pi^2/6."""
    return _subcritical(gamma) ** 2 * math.pi**2 / 6.0


def partition_density(z: ArrayLike, gamma: float) -> Array | float:
    """Return the density of Z at z > 0: with y = (Gamma(1 - gamma) z)^(-1/gamma), it is y e^-y/(gamma z)."""
    gamma = _subcritical(gamma)
    z = np.asarray(z, dtype=float)
    if np.any(z <= 0):
        raise InputError("Z is positive; give z above 0")
    with np.errstate(over="ignore", under="ignore"):
        log_y = -(np.log(z) + gammaln(1.0 - gamma)) / gamma
        density = np.exp(log_y - np.exp(log_y)) / (gamma * z)
    return density if density.ndim else float(density)


def sample_partition(gamma: float, count: int, rng: np.random.Generator) -> Array:
    """Return independent samples of Z, shape (count,)."""
    gamma = _subcritical(gamma)
    return np.exp(-gamma * np.log(rng.standard_exponential(whole_number("count", count, 1))) - gammaln(1.0 - gamma))


def free_energy_slope(beta: ArrayLike) -> Array | float:
    """Return lim -T ln Z_M / ln M on M points: -(beta + 1/beta) for beta < 1, frozen at -2 beyond."""
    beta = check_beta(beta)
    slope = np.where(beta < CRITICAL_BETA, -(beta + 1.0 / beta), -2.0)
    return slope if slope.ndim else float(slope)


def minimum_centre(points: int) -> float:
    """Return -2 ln M + (3/2) ln ln M, the position of the minimum on M points up to a constant.

    Uncorrelated levels of the same variance have (1/2) ln ln M instead: that factor of three is the signature of
    logarithmic correlations.
    """
    logarithm = math.log(whole_number("points", points, 2))
    return -2.0 * logarithm + 1.5 * math.log(logarithm)


def minimum_density(x: ArrayLike) -> Array | float:
    """Return the density 2 e^x K_0(2 e^{x/2}) of x = ln(Y_1 Y_2): mean -2 gamma_E, variance pi^2/3."""
    x = np.asarray(x, dtype=float)
    with np.errstate(over="ignore", under="ignore"):
        argument = 2.0 * np.exp(np.minimum(0.5 * x, 350.0))
        # K_0(z) = -ln(z/2) - gamma_E for the z that underflow
        bessel = np.where(x < -700.0, -0.5 * x - np.euler_gamma, k0(np.maximum(argument, 1e-300)))
        density = 2.0 * np.exp(np.minimum(x, 700.0)) * bessel
    return density if density.ndim else float(density)


def minimum_distribution(x: ArrayLike) -> Array | float:
    """Return P(ln(Y_1 Y_2) <= x) = 1 - 2 e^{x/2} K_1(2 e^{x/2})."""
    x = np.asarray(x, dtype=float)
    argument = 2.0 * np.exp(np.clip(0.5 * x, -300.0, 350.0))
    probability = 1.0 - argument * k1(argument)
    return probability if probability.ndim else float(probability)
