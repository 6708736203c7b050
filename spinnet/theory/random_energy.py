r"""The random energy model in the limit of many spins, with the leading finite-size corrections.

M = 2^N independent levels. Gaussian: E ~ N(0, N/2), so that E[H H'] = N/2 on the diagonal, and

.. math::
    \varphi(\beta) = \lim \frac1N \mathbb E \ln Z
        = \ln 2 + \beta^2/4 \;(\beta \le \beta_c), \qquad \beta\sqrt{\ln 2} \;(\beta \ge \beta_c),
    \qquad \beta_c = 2\sqrt{\ln 2} .

Exponential: E = -E_c u with u ~ Exp(1), the levels of Bouchaud's trap model: T_c = E_c at every N.
With m = T/T_c < 1 the Boltzmann weights of both become Poisson–Dirichlet of parameter m
(see :mod:`spinnet.theory.poisson_dirichlet`). Exact finite-N values: :mod:`spinnet.theory.random_energy_finite`.

References: Derrida (1981) Phys. Rev. B 24, 2613; Gross and Mézard (1984) Nucl. Phys. B 240, 431;
Bovier, Kurkova and Löwe (2002) Ann. Probab. 30, 605.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError

CRITICAL_BETA = 2.0 * math.sqrt(math.log(2.0))
CRITICAL_TEMPERATURE = 1.0 / CRITICAL_BETA
#: Ground-state energy per spin of the Gaussian model, -sqrt(ln 2).
GROUND_STATE_ENERGY_DENSITY = -math.sqrt(math.log(2.0))

Array = NDArray[np.float64]


def check_beta(beta: ArrayLike) -> Array:
    """Return inverse temperatures as an array, or raise InputError unless all are finite and positive."""
    try:
        values = np.asarray(beta, dtype=float)
    except (TypeError, ValueError):
        raise InputError(f"beta = {beta!r}: give a finite number above 0") from None
    if not (np.all(np.isfinite(values)) and np.all(values > 0)):
        raise InputError(f"beta = {beta}: give a finite number above 0 (for zero temperature ask for the ground state)")
    return values


def _shaped(values: Array) -> Array | float:
    return values if np.ndim(values) else float(values)


def log_partition_density(beta: ArrayLike) -> Array | float:
    """Return phi = lim E ln Z / N of the Gaussian model at inverse temperatures of any shape."""
    beta = check_beta(beta)
    return _shaped(np.where(beta < CRITICAL_BETA, math.log(2.0) + beta**2 / 4.0, beta * math.sqrt(math.log(2.0))))


def energy_density(beta: ArrayLike) -> Array | float:
    """Return e = -d phi/d beta: -beta/2 above T_c, -sqrt(ln 2) below."""
    return _shaped(-np.minimum(check_beta(beta), CRITICAL_BETA) / 2.0)


def entropy_density(beta: ArrayLike) -> Array | float:
    """Return s = phi + beta e: ln 2 - beta^2/4 above T_c, zero below."""
    return _shaped(np.maximum(math.log(2.0) - check_beta(beta) ** 2 / 4.0, 0.0))


def participation_ratio_limit(beta: ArrayLike) -> Array | float:
    """Return lim E Y_2 = 1 - T/T_c below T_c, zero above."""
    return _shaped(np.maximum(1.0 - CRITICAL_BETA / check_beta(beta), 0.0))


def variance_log_partition_limit(beta: ArrayLike) -> Array | float:
    """Return lim Var ln Z = (pi^2/6)(m^-2 - 1) with m = T/T_c below T_c, zero above."""
    ratio = np.maximum(check_beta(beta) / CRITICAL_BETA, 1.0)
    return _shaped(math.pi**2 / 6.0 * (ratio**2 - 1.0))


def ground_state_asymptotic(n: int) -> float:
    """Return -N sqrt(ln 2) + T_c [ln(4 pi N ln 2)/2 - gamma_E], the mean lowest level up to o(1).

    The corrections are of order (ln N)^2/N: 0.04 at N = 20.
    """
    n = whole_number("n", n, 1)
    logarithm = 0.5 * math.log(4.0 * math.pi * n * math.log(2.0))
    return n * GROUND_STATE_ENERGY_DENSITY + CRITICAL_TEMPERATURE * (logarithm - np.euler_gamma)


def mean_log_partition_asymptotic(n: int, beta: float) -> float:
    """Return E ln Z of the Gaussian model up to o(1).

    Below T_c, with m = T/T_c:
    N beta sqrt(ln 2) - ln(4 pi N ln 2)/(2m) + ln Gamma(1-m)/m + gamma_E (1/m - 1);
    at T_c the annealed value less ln 2; above T_c the annealed value N (ln 2 + beta^2/4).
    The limit is not uniform: near T_c the o(1) is large.
    """
    n = whole_number("n", n, 1)
    beta = real_number("beta", beta, above=0.0)
    m = CRITICAL_BETA / beta
    if m >= 1.0:
        at_transition = math.isclose(m, 1.0, rel_tol=1e-12)
        return n * (math.log(2.0) + beta**2 / 4.0) - (math.log(2.0) if at_transition else 0.0)
    logarithm = 0.5 * math.log(4.0 * math.pi * n * math.log(2.0))
    constant = float(gammaln(1.0 - m)) + np.euler_gamma * (1.0 - m)
    return n * beta * math.sqrt(math.log(2.0)) + (constant - logarithm) / m


def exponential_log_partition_density(beta: ArrayLike, scale: float = 1.0) -> Array | float:
    """Return lim E ln Z / N of the exponential model: ln 2 max(1, beta E_c).

    Above T_c the levels add a constant to ln Z, -ln(1 - beta E_c), and nothing of order N.
    """
    scale = real_number("scale", scale, above=0.0)
    return _shaped(math.log(2.0) * np.maximum(1.0, check_beta(beta) * scale))
