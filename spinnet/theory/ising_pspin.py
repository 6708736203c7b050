r"""The p-spin glass with Ising spins: where states appear (T_d) and where they condense (T_s).

H has the covariance E[H H'] = N q^p/2 between configurations of overlap q. At break point x = 1 of one-step replica
symmetry breaking, that is in the equilibrium states between T_s and T_d,

.. math::
    q = \int Dz \tanh(\sqrt{\hat q} z + \hat q), \qquad \hat q = \tfrac12 \beta^2 p\, q^{p-1}, \\
    \Sigma = \ln 2 + \tfrac12 \hat q (1 + q) - \tfrac14 \beta^2 q^p - \int Dz \ln 2\cosh(\sqrt{\hat q} z + \hat q),

Sigma the logarithm of their number per spin. T_d is the highest temperature with q > 0, T_s is where Sigma vanishes.
As p grows, T_s tends to the T_c of the random energy model, and T_d diverges.

References: Gross and Mézard (1984) Nucl. Phys. B 240, 431; Gardner (1985) Nucl. Phys. B 257, 747; Kirkpatrick and
Thirumalai (1987) Phys. Rev. B 36, 5388; Montanari and Ricci-Tersenghi (2003) Eur. Phys. J. B 33, 339.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.theory.gaussian_average import gaussian_average

LARGEST_DEGREE = 1000
_XTOL = 1e-13


@dataclass(frozen=True)
class IsingTransitions:
    """Transition temperatures of the Ising p-spin glass and the self-overlaps of the states there."""

    dynamic_temperature: float
    dynamic_overlap: float
    static_temperature: float
    static_overlap: float


def check_degree(p: int) -> int:
    """Return p, or raise InputError unless 3 <= p <= 1000 (p = 2 has a continuous transition of another kind)."""
    p = whole_number("p", p, 3)
    if p > LARGEST_DEGREE:
        raise InputError(f"p = {p}: degrees up to {LARGEST_DEGREE} are solved; beyond it use the random energy model")
    return p


def _width(conjugate: float) -> float:
    # tanh(sqrt(h) z + h) has poles at distance pi/(2 sqrt(h)) from the real axis
    return 0.5 * math.pi / math.sqrt(max(conjugate, 1e-12))


def overlap_complement(conjugate: float) -> float:
    """Return 1 - q = int Dz [1 - tanh(sqrt(h) z + h)] in the field of strength h (q-hat)."""
    root = math.sqrt(conjugate)
    return gaussian_average(
        lambda z: 2.0 / (1.0 + np.exp(np.minimum(2.0 * (root * z + conjugate), 700.0))), _width(conjugate)
    )


def log_cosh_average(conjugate: float) -> float:
    """Return int Dz ln 2cosh(sqrt(h) z + h) - h: the excess over the linear part, small at large h."""
    root = math.sqrt(conjugate)

    def excess(z):
        field = root * z + conjugate
        return np.abs(field) - field + np.log1p(np.exp(-2.0 * np.abs(field)))

    # |u| + ln(1 + e^(-2|u|)) = ln 2cosh u is analytic although its parts are not
    return gaussian_average(excess, _width(conjugate))


def _log_square_temperature(log_conjugate: float, p: int) -> float:
    """Return ln T^2 = ln[p q^(p-1)/(2 q-hat)] on the curve of solutions."""
    conjugate = math.exp(log_conjugate)
    return math.log(0.5 * p) + (p - 1) * math.log1p(-overlap_complement(conjugate)) - log_conjugate


def _complexity(log_conjugate: float, p: int) -> float:
    conjugate = math.exp(log_conjugate)
    u = overlap_complement(conjugate)
    # beta^2 q^p/4 = q-hat q/(2p); q-hat (1 + q)/2 - q-hat = -q-hat u/2
    return math.log(2.0) - 0.5 * conjugate * u - 0.5 * conjugate * (1.0 - u) / p - log_cosh_average(conjugate)


def _curve_ends(p: int) -> tuple[float, float]:
    """Return ln q-hat at T_d and ln q-hat at T_s."""
    # q-hat at T_d grows like ln p, at T_s like p ln 2
    grid = np.linspace(math.log(0.5), math.log(4.0 * p), 60)
    values = [_log_square_temperature(g, p) for g in grid]
    best = int(np.argmax(values))
    low, high = grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)]
    found = minimize_scalar(
        lambda g: -_log_square_temperature(g, p), bounds=(low, high), method="bounded", options={"xatol": 1e-9}
    )
    return float(found.x), float(brentq(_complexity, found.x, math.log(4.0 * p), args=(p,), xtol=_XTOL, rtol=1e-14))


def transitions(p: int) -> IsingTransitions:
    """Return T_d, q_d, T_s and q_s for p >= 3.

    T_d and T_s are accurate to 1e-12; q_d, where T is flat, to about 1e-8.
    """
    p = check_degree(p)
    dynamic, static = _curve_ends(p)
    return IsingTransitions(
        math.exp(0.5 * _log_square_temperature(dynamic, p)),
        1.0 - overlap_complement(math.exp(dynamic)),
        math.exp(0.5 * _log_square_temperature(static, p)),
        1.0 - overlap_complement(math.exp(static)),
    )


def state_overlap(p: int, temperature: float) -> float:
    """Return the self-overlap of the equilibrium states at T_s <= T <= T_d (also below T_s for a planted state).

    Raises
    ------
    InputError
        Above T_d, where there are no states.
    """
    return 1.0 - overlap_complement(math.exp(_state(check_degree(p), temperature)))


def equilibrium_complexity(p: int, temperature: float) -> float:
    """Return Sigma(T), the logarithm per spin of the number of equilibrium states; negative below T_s."""
    p = check_degree(p)
    return _complexity(_state(p, temperature), p)


def _state(p: int, temperature: float) -> float:
    temperature = real_number("temperature", temperature, above=0.0)
    dynamic, _ = _curve_ends(p)
    target = 2.0 * math.log(temperature)
    highest = _log_square_temperature(dynamic, p)
    if target > highest + 1e-12:
        raise InputError(
            f"temperature = {temperature:g} is above the dynamic transition {math.exp(0.5 * highest):.8g} "
            f"of p = {p}; no states exist there"
        )
    if target >= highest:
        return dynamic
    # at large q-hat, T^2 = p/(2 q-hat)
    top = max(math.log(p) - target, dynamic) + 1.0
    return float(brentq(lambda g: _log_square_temperature(g, p) - target, dynamic, top, xtol=_XTOL, rtol=1e-14))
