"""Grids and root finding on the overlap interval (0, 1), accurate at both of its ends.

A point is carried as the pair (q, u) with u = 1 - q, both computed from s = ln(u/q): at low temperature q is within
1e-16 of one and only u still has digits, close to a continuous transition it is the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

Array = NDArray[np.float64]
PairFunction = Callable[[Array, Array], Array]

SMALLEST_OVERLAP = 1e-9
_SMALL = 0.05


def log_deficit(v: ArrayLike) -> Array | float:
    """Return -ln(1 - v) - v = v^2/2 + v^3/3 + ... for 0 <= v < 1, to full relative precision at small v.

    It is twice the entropy that a spherical state of overlap v has lost, beyond its linear part.
    """
    return log_deficit_over_square(v) * np.square(v)


def log_deficit_over_square(v: ArrayLike) -> Array | float:
    """Return [-ln(1 - v) - v]/v^2 = 1/2 + v/3 + ..., which does not underflow at small v."""
    v = np.asarray(v, dtype=float)
    is_small = v < _SMALL
    small = np.where(is_small, v, 0.0)
    large = np.where(is_small, 0.5, v)
    series = np.zeros_like(v)
    # 0.05^14 is below the rounding unit relative to the first term
    for k in range(15, 1, -1):
        series = series * small + 1.0 / k
    with np.errstate(divide="ignore"):
        result = np.where(is_small, series, (-np.log1p(-large) - large) / large**2)
    return result if result.ndim else float(result)


def pair(s: ArrayLike) -> tuple[Array, Array]:
    """Return (q, 1 - q) at s = ln((1 - q)/q)."""
    return expit(-np.asarray(s, dtype=float)), expit(s)


def position(u: float) -> float:
    """Return s = ln(u/(1 - u)) of the complement u = 1 - q."""
    return math.log(u) - math.log1p(-u)


def scan(smallest_complement: float, largest_complement: float | None = None, points: int = 1201) -> Array:
    """Return increasing values of s between two complements u; by default up to q = SMALLEST_OVERLAP."""
    top = -math.log(SMALLEST_OVERLAP) if largest_complement is None else position(largest_complement)
    return np.linspace(position(smallest_complement), top, points)


def roots(function: PairFunction, s: Array) -> list[tuple[float, float, bool]]:
    """Return the zeros of ``function(q, u)`` between the points of an increasing grid s.

    Returns
    -------
    list of (q, u, rising)
        In order of increasing u; ``rising`` tells whether the function grows with u at the zero.

    Notes
    -----
    Two zeros between neighbouring points of the grid are missed: callers pass turning points as ends of the grid.
    """
    values = function(*pair(s))
    signs = np.sign(values)
    found = []

    def at(position_: float) -> float:
        q, u = pair(np.array([position_]))
        return float(function(q, u)[0])

    for i in np.nonzero((signs[:-1] * signs[1:] < 0) | ((signs[1:] == 0) & (signs[:-1] != 0)))[0]:
        zero = s[i + 1] if signs[i + 1] == 0 else brentq(at, s[i], s[i + 1], xtol=1e-15, rtol=1e-15, maxiter=200)
        q, u = pair(zero)
        found.append((float(q), float(u), bool(signs[i] < 0)))
    return found
