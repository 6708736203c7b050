r"""Bouchaud's trap model: the probability of no jump, at infinite and at finite waiting times.

Traps of depth E ~ Exp(1) (T_c = 1) are left at rate 1/tau, tau = e^{E/T} >= 1, so that tau has the density
x tau^(-1-x) with x = T/T_c, and each jump goes to a new independent trap. For x < 1 the mean of tau is infinite and
the system ages: with w = t/t_w,

.. math::
    \Pi(t_w + t, t_w) \to H_x(w) = \frac{\sin \pi x}{\pi} \int_0^{1/(1+w)} u^{x-1} (1-u)^{-x} du
        = I_{1/(1+w)}(x, 1-x) .

Random energy models on times t = e^{gamma N} follow the same law with index 2 gamma/beta^2.

References: Bouchaud (1992) J. Physique I 2, 1705; Bouchaud and Dean (1995) J. Physique I 5, 265; Ben Arous, Bovier and
Gayrard (2003) Commun. Math. Phys. 235, 379; Ben Arous, Bovier and Černý (2008) Commun. Math. Phys. 282, 663.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc

from spinnet.configurable import real_number
from spinnet.errors import InputError

Array = NDArray[np.float64]

_TALBOT_NODES = 28


def _check_index(index: float) -> float:
    index = real_number("x", index, above=0.0)
    if index >= 1.0:
        raise InputError(
            f"x = T/T_c = {index:g}: traps age for 0 < x < 1; at x >= 1 the probability tends to an equilibrium one"
        )
    return index


def _check_times(name: str, values: ArrayLike) -> Array:
    times = np.asarray(values, dtype=float)
    if not (np.all(np.isfinite(times)) and np.all(times >= 0)):
        raise InputError(f"{name} = {values}: give finite times that are not negative")
    return times


def ageing_function(ratio: ArrayLike, index: float) -> Array | float:
    """Return H_x(w), the limiting probability of no jump between t_w and t_w + t.

    Parameters
    ----------
    ratio : array_like
        w = t/t_w >= 0, of any shape.
    index : float
        x = T/T_c in (0, 1).
    """
    x = _check_index(index)
    ratio = _check_times("ratio", ratio)
    value = betainc(x, 1.0 - x, 1.0 / (1.0 + ratio))
    return value if value.ndim else float(value)


def dynamical_index(growth: float, beta: float) -> float:
    """Return the index 2 gamma/beta^2 of the random energy model (variance N/2) at times e^{gamma N}.

    It is T/T_c on the longest ageing scale, gamma = beta sqrt(ln 2), where the deepest levels are reached.

    Raises
    ------
    InputError
        Outside 0 < index < 1, and beyond the time to reach the ground state.
    """
    growth = real_number("gamma", growth, above=0.0)
    beta = real_number("beta", beta, above=0.0)
    longest = beta * math.sqrt(math.log(2.0))
    index = 2.0 * growth / beta**2
    if growth > longest * (1.0 + 1e-12):
        raise InputError(
            f"gamma = {growth:g} is beyond the depth of the ground state, beta sqrt(ln 2) = {longest:.8g}; take less"
        )
    if index >= 1.0:
        raise InputError(
            f"gamma = {growth:g} at beta = {beta:g} gives the index {index:g}; "
            f"ageing needs gamma < beta^2/2 = {beta**2 / 2:g}"
        )
    return index


def no_jump_probability(waiting_time: ArrayLike, time: ArrayLike, index: float) -> Array | float:
    """Return Pi(t_w + t, t_w) at finite times, started in a random trap at time zero.

    The Laplace transform in t_w is E[tau e^{-t/tau}/(1 + p tau)] / (p E[tau/(1 + p tau)]); it is inverted along
    Talbot's contour (Weideman 2006, SIAM J. Numer. Anal. 44, 2342), to about 1e-10. Any index x > 0 is allowed: for
    x > 1 the limit t_w -> infinity is the equilibrium value.

    Parameters
    ----------
    waiting_time, time : array_like
        t_w and t, not negative, broadcast together; the unit is the shortest trapping time.
    """
    x = real_number("x", index, above=0.0)
    waiting_time, time = np.broadcast_arrays(_check_times("waiting_time", waiting_time), _check_times("time", time))
    result = np.empty(waiting_time.shape)
    for place in np.ndindex(result.shape):
        result[place] = _no_jump(float(waiting_time[place]), float(time[place]), x)
    return result if result.ndim else float(result)


def _trap_nodes(x: float, largest: float) -> tuple[Array, Array]:
    """Return ln tau and weights of the law of tau, up to where tau >> largest has no further effect on ratios."""
    top = min(math.log(largest) + 45.0 / min(x, 1.0), 690.0)
    panels = math.ceil(top)
    nodes, weights = np.polynomial.legendre.leggauss(16)
    edges = np.linspace(0.0, top, panels + 1)
    half = 0.5 * np.diff(edges)[:, None]
    log_tau = (edges[:-1, None] + half * (1.0 + nodes)).ravel()
    return log_tau, (half * weights).ravel() * x * np.exp(-x * log_tau)


def _no_jump(waiting_time: float, time: float, x: float) -> float:
    log_tau, weight = _trap_nodes(x, max(waiting_time, time, 1.0))
    tau = np.exp(log_tau)
    stay = np.exp(-time / tau)
    if waiting_time == 0.0:
        return float(weight @ stay)
    # z = N [0.5017 theta cot(0.6407 theta) - 0.6122 + 0.2645 i theta], p = z/t_w; constants of Weideman (2006)
    n = _TALBOT_NODES
    theta = -math.pi + (np.arange(n) + 0.5) * 2.0 * math.pi / n
    cot = 1.0 / np.tan(0.6407 * theta)
    z = n * (0.5017 * theta * cot - 0.6122 + 0.2645j * theta)
    dz = n * (0.5017 * cot - 0.5017 * 0.6407 * theta / np.sin(0.6407 * theta) ** 2 + 0.2645j)
    p = z / waiting_time
    kept = (weight * stay * tau) @ (1.0 / (1.0 + p * tau[:, None]))
    alone = (weight * tau) @ (1.0 / (1.0 + p * tau[:, None]))
    transform = kept / (p * alone)
    return float((np.exp(z) * transform * dz).sum().imag / n / waiting_time)
