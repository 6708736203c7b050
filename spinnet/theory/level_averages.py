r"""Averages of exp(-e^y e^{-beta E}) over one random level, as logarithms that stay accurate in every tail.

With u = y - beta E the kernels are

.. math::
    K_0(u) = 1 - e^{-e^u}, \qquad K_k(u) = e^{ku} e^{-e^u} \quad (k \ge 1),

and everything that is known exactly about ln Z of independent levels, or of a tree of them, is an integral over y of
their means (:mod:`spinnet.theory.random_energy_finite`, :mod:`spinnet.theory.tree_recursion`). K_0 is the
distribution function of ln Exp(1). All kernels are log-concave, so that each integrand has one peak, which is found
first; the trapezoidal rule around it then has full relative precision, however far in the tail y is.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

Array = NDArray[np.float64]

# Kernels are analytic for |Im u| < pi/2: a step of 0.2 leaves exp(-pi^2/0.2) = 4e-22.
_STEP = 0.2
_DROP = 42.0
_WIDE = 4.0
_LARGEST_BLOCK = 2_000_000


def log_kernel(u: Array, order: int) -> Array:
    """Return ln K_k(u) for any real u."""
    with np.errstate(over="ignore", under="ignore"):
        growth = np.exp(np.minimum(u, 700.0))
        if order:
            return order * u - growth
        small = u < -36.0
        return np.where(small, u, np.log(-np.expm1(-np.where(small, 1.0, growth))))


def _slope(u: Array, order: int) -> Array:
    """Return d ln K_k / du."""
    with np.errstate(over="ignore", under="ignore"):
        growth = np.exp(np.minimum(u, 700.0))
        if order:
            return order - growth
        return np.where(growth < 1e-12, 1.0, growth / np.expm1(np.minimum(np.maximum(growth, 1e-12), 700.0)))


def _falling_root(function, low: Array, high: Array, steps: int = 60) -> Array:
    """Return where a decreasing function changes sign, by bisection between arrays of brackets."""
    for _ in range(steps):
        middle = 0.5 * (low + high)
        positive = function(middle) > 0
        low, high = np.where(positive, middle, low), np.where(positive, high, middle)
    return 0.5 * (low + high)


def _trapezoid(log_integrand, low: Array, high: Array, step: float) -> Array:
    """Return the logarithms of integrals of exp(log_integrand(x, rows)) over [low, high], one for each row."""
    count = math.ceil(float(np.max(high - low)) / step) + 1
    offsets = step * np.arange(count)
    result = np.empty_like(low)
    rows = max(1, _LARGEST_BLOCK // count)
    for start in range(0, low.size, rows):
        part = slice(start, start + rows)
        values = log_integrand(low[part, None] + offsets, part)
        top = values.max(axis=1)
        result[part] = top + np.log(np.exp(values - top[:, None]).sum(axis=1) * step)
    return result


def log_mean_gaussian(y: Array, scale: float, order: int = 0) -> Array:
    """Return ln E K_k(y + scale z) with z a unit Gaussian.

    Parameters
    ----------
    y : array of any shape
    scale : float
        beta times the standard deviation of a level; zero gives ln K_k(y).
    order : int
        k, 0 or more.

    Notes
    -----
    For a wide Gaussian the roles change: E K_0(y + s z) = E Phi(-(L - y)/s) over L = ln Exp(1), whose nodes do not
    spread with s. Cost: at most some 40 max(scale, 10) evaluations for each y.
    """
    shape = np.shape(y)
    y = np.atleast_1d(np.asarray(y, dtype=float)).ravel()
    if scale == 0.0:
        return log_kernel(y, order).reshape(shape)
    method = _narrow if scale < _WIDE else _wide
    return method(y, float(scale), order).reshape(shape)


def _narrow(y: Array, s: float, order: int) -> Array:
    low = np.minimum(0.0, (math.log(order) - y) / s) if order else np.zeros_like(y)
    peak = _falling_root(lambda z: s * _slope(y + s * z, order) - z, low, np.full_like(y, max(order, 1) * s))
    reach = math.sqrt(2.0 * _DROP)

    def integrand(z, part):
        return log_kernel(y[part, None] + s * z, order) - 0.5 * z * z

    value = _trapezoid(integrand, peak - reach, peak + reach, min(0.5, _STEP / s))
    return value - 0.5 * math.log(2.0 * math.pi)


def _wide(y: Array, s: float, order: int) -> Array:
    # Integrate over L = ln Exp(1) (order 0, weight Phi) or over L = u itself (Gaussian density in u).
    power = max(order, 1)

    def log_weight(z: Array) -> Array:
        return -0.5 * z * z if order else log_ndtr(-z)

    def log_integrand(level: Array, base: Array) -> Array:
        with np.errstate(over="ignore"):
            return power * level - np.exp(level) + log_weight((level - base) / s)

    def slope(level: Array) -> Array:
        z = (level - y) / s
        # Mills ratio: phi(z)/Phi(-z)
        fall = z if order else np.exp(-0.5 * z * z - 0.5 * math.log(2.0 * math.pi) - log_ndtr(-z))
        return power - np.exp(level) - fall / s

    high = np.full_like(y, math.log(power))
    if order:
        high = np.maximum(high, y)
    high = np.minimum(high, 700.0)
    low = _step_out(lambda level: slope(level) > 0, high, -1.0)
    peak = _falling_root(slope, low, high)
    top = log_integrand(peak, y)
    left = _step_out(lambda level: log_integrand(level, y) < top - _DROP, peak, -1.0)
    right = _step_out(lambda level: log_integrand(level, y) < top - _DROP, peak, 1.0, growth=1.4)
    value = _trapezoid(lambda level, part: log_integrand(level, y[part, None]), left, right, _STEP)
    return value - (math.log(s) + 0.5 * math.log(2.0 * math.pi) if order else 0.0)


def _step_out(reached, start: Array, direction: float, growth: float = 1.6) -> Array:
    """Return points in one direction from start, at growing distances, where a condition has become true."""
    distance = np.full_like(start, 2.0)
    for _ in range(80):
        missing = ~reached(start + direction * distance)
        if not missing.any():
            break
        distance = np.where(missing, distance * growth, distance)
    return start + direction * distance


def log_mean_exponential(y: Array, scale: float, order: int = 0) -> Array:
    """Return ln E K_k(y + scale u) with u ~ Exp(1): the level of an exponential random energy model.

    E K_0(y + b u) = K_0(y) + int_y^inf e^{L - e^L - (L-y)/b} dL, and for k >= 1 the integral of
    e^{k L - e^L - (L-y)/b}/b: incomplete Gamma functions of negative index for b < 1/k, hence by quadrature.
    """
    shape = np.shape(y)
    y = np.atleast_1d(np.asarray(y, dtype=float)).ravel()
    power, b = max(order, 1), float(scale)
    nodes, weights = np.polynomial.legendre.leggauss(24)
    # everything beyond e^y = e^50 is one, or zero
    result = np.where(y > 50.0, log_kernel(y, order), 0.0)
    for i in np.flatnonzero(y <= 50.0):
        bottom, top = _exponential_range(float(y[i]), b, power)
        panels = max(4, math.ceil((top - bottom) / min(1.5, 6.0 * b)))
        edges = np.linspace(bottom, top, panels + 1)
        half = 0.5 * np.diff(edges)[:, None]
        level = edges[:-1, None] + half * (1.0 + nodes)
        exponent = power * level - np.exp(level) - (level - y[i]) / b
        peak = exponent.max()
        log_tail = peak + math.log(float((half * weights * np.exp(exponent - peak)).sum()))
        result[i] = log_tail - math.log(b) if order else np.logaddexp(log_kernel(y[i], 0), log_tail)
    return result.reshape(shape)


def _exponential_range(y: float, b: float, power: int) -> tuple[float, float]:
    """Return where exp(k L - e^L - L/b) matters above L = y: it falls from there on, or peaks at e^L = k - 1/b."""
    growth = power - 1.0 / b
    top = max(y, math.log(power) + 1.0) + 4.5
    if growth < 0.0:
        return y, min(top, y - 1.2 * _DROP / growth)
    if growth == 0.0:
        return y, top
    return max(y, min(top, math.log(growth) - 2.0 * _DROP / growth)), top
