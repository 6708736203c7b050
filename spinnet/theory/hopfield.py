r"""The Hopfield network at zero temperature, replica symmetric: retrieval overlap and capacity.

With P = alpha N random patterns, retrieval overlap m and noise variance alpha r from the other patterns, y =
m/sqrt(2 alpha r) solves

.. math::
    \sqrt{2\alpha} = \frac{\operatorname{erf} y}{y} - \frac{2}{\sqrt\pi} e^{-y^2}, \qquad m = \operatorname{erf} y .

The right side has a maximum at y_c: retrieval states exist for alpha <= alpha_c = 0.1379, m_c = 0.9674, and are the
global minimum of the energy below alpha_M = 0.0519. Steps of replica symmetry breaking change these numbers
in the third digit (alpha_c between 0.138 and 0.144).

References: Amit, Gutfreund and Sompolinsky (1985) Phys. Rev. Lett. 55, 1530; (1987) Ann. Phys. 173, 30.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from scipy.optimize import brentq
from scipy.special import erf, erfc

from spinnet.configurable import real_number


@dataclass(frozen=True)
class Retrieval:
    """A retrieval state at T = 0.

    ``error`` is 1 - m = erfc(y) with full relative precision, ``noise`` is r, ``energy_density`` the energy per spin of
    H = -(1/2N) sum_mu sum_{i != j} xi_i xi_j s_i s_j, -1/2 in a pattern itself.
    """

    overlap: float
    error: float
    noise: float
    energy_density: float


def _right(y: float) -> float:
    if y < 1e-2:
        # erf(y)/y - 2/sqrt(pi) e^{-y^2} = (2/sqrt(pi)) (2y^2/3 - 2y^4/5 + y^6/7 - ...)
        return 2.0 / math.sqrt(math.pi) * (2.0 * y**2 / 3.0 - 2.0 * y**4 / 5.0 + y**6 / 7.0)
    return float(erf(y)) / y - 2.0 / math.sqrt(math.pi) * math.exp(-y * y)


@lru_cache(maxsize=1)
def capacity() -> tuple[float, float]:
    """Return (alpha_c, m_c): the largest load with retrieval states, and their overlap there."""

    # d/dy: erf(y) = (2y/sqrt(pi)) e^{-y^2} (1 + 2 y^2)
    def slope(y: float) -> float:
        return float(erf(y)) - 2.0 * y / math.sqrt(math.pi) * math.exp(-y * y) * (1.0 + 2.0 * y * y)

    y = brentq(slope, 1.0, 3.0, xtol=1e-15)
    return 0.5 * _right(y) ** 2, float(erf(y))


def _position(alpha: float) -> float:
    """Return the larger root y of the retrieval equation."""
    target = math.sqrt(2.0 * alpha)
    y_c = float(brentq(lambda y: erf(y) - capacity()[1], 0.5, 4.0, xtol=1e-15))
    # the right side is below 1/y
    return float(brentq(lambda y: _right(y) - target, y_c, max(1.01 / target, y_c + 1.0), xtol=1e-15, rtol=1e-14))


def _energy(alpha: float, y: float) -> tuple[float, float]:
    """Return r and the energy density of the solution with argument y (0 for the spin glass).

    e = m^2/2 + (alpha/2)[1 - 1/(1 - C) + r C] - E|m + sqrt(alpha r) z|, r = (1 - C)^-2 with C = lim beta (1 - q):
    the T = 0 limit of the free energy, stationary in m, r and C.
    """
    root = 1.0 + 2.0 / math.sqrt(math.pi) * math.exp(-y * y) / math.sqrt(2.0 * alpha)
    if y > 0.0:
        root = float(erf(y)) / (y * math.sqrt(2.0 * alpha))
    noise = root * root
    m = float(erf(y))
    deviation = math.sqrt(alpha * noise)
    response = 1.0 - 1.0 / root
    local = m * m + deviation * math.sqrt(2.0 / math.pi) * math.exp(-y * y)
    return noise, 0.5 * m * m + 0.5 * alpha * (1.0 - root + noise * response) - local


def retrieval(alpha: float) -> Retrieval | None:
    """Return the retrieval state at load alpha = P/N, or None beyond the capacity.

    Raises
    ------
    InputError
        For a negative load.
    """
    alpha = real_number("alpha", alpha, 0.0)
    if alpha > capacity()[0]:
        return None
    if alpha < 1e-6:
        # erfc(y) is below the smallest float
        return Retrieval(1.0, 0.0, 1.0, -0.5)
    y = _position(alpha)
    noise, energy = _energy(alpha, y)
    return Retrieval(float(erf(y)), float(erfc(y)), noise, energy)


def spin_glass_energy(alpha: float) -> float:
    """Return the energy density of the state without retrieval (m = 0), replica symmetric."""
    return _energy(real_number("alpha", alpha, above=0.0), 0.0)[1]


@lru_cache(maxsize=1)
def global_minimum_load() -> float:
    """Return alpha_M = 0.0519: below it retrieval states are lower than the spin glass."""

    def excess(alpha: float) -> float:
        return retrieval(alpha).energy_density - spin_glass_energy(alpha)

    return float(brentq(excess, 0.01, 0.13, xtol=1e-15))


def pattern_error(alpha: float) -> float:
    """Return the fraction of spins that one step from a stored pattern flips, erfc(1/sqrt(2 alpha))/2, for large N."""
    alpha = real_number("alpha", alpha, 0.0)
    if alpha == 0.0:
        return 0.0
    return 0.5 * float(erfc(1.0 / math.sqrt(2.0 * alpha)))
