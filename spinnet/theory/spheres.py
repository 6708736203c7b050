r"""Measure of the neighbourhood of a point on a product of spheres: the entropy of an overlap.

A uniform point of S^{D-1} has the overlap q with a fixed point with the density

.. math::
    p(q) = \frac{\Gamma(D/2)}{\sqrt\pi\,\Gamma((D-1)/2)} (1 - q^2)^{(D-3)/2}, \qquad
    P(q \ge c) = \tfrac12 I_{1-c^2}\big(\tfrac{D-1}{2}, \tfrac12\big) \quad (c \ge 0).

On a product of spheres of sizes D_b the blocks are independent, and the overlap Q = sum_b D_b q_b / sum_b D_b of all
coordinates has the density of a weighted sum. S(Q) = ln p(Q) is the entropy of the states at overlap Q relative to the
uniform measure; to leading order it is (n/2) ln(1 - Q^2), with all q_b = Q.

References: Abramowitz and Stegun 26.5; the uniform law on the sphere.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, gammaln, logsumexp

from spinnet.configurable import whole_number
from spinnet.errors import InputError

Array = NDArray[np.float64]

_GRID = 1200


def _sizes(sizes: Sequence[int]) -> list[int]:
    checked = [whole_number("sizes", size, 2) for size in np.atleast_1d(sizes)]
    if not checked:
        raise InputError("sizes is empty: give the number of coordinates of each sphere")
    return checked


def _log_density(q: Array, size: int) -> Array:
    constant = gammaln(0.5 * size) - gammaln(0.5 * (size - 1)) - 0.5 * np.log(np.pi)
    with np.errstate(divide="ignore"):
        return constant + 0.5 * (size - 3) * np.log(np.maximum(1.0 - q * q, 0.0))


def overlap_entropy(overlap: ArrayLike, sizes: Sequence[int]) -> Array:
    """Return S(Q) = ln p(Q), the density of the overlap of a uniform point with a fixed one, normalised to ∫p dQ = 1.

    Parameters
    ----------
    overlap : array_like
        Q between -1 and 1, exclusive.
    sizes : sequence of int
        D_b of each sphere; one size is one sphere, and exact. More are convolved on a grid in angles, sphere by
        sphere, in logarithms: accurate to about 1e-3 for spheres of four coordinates or more.
    """
    q, sizes = np.asarray(overlap, dtype=float), _sizes(sizes)
    if not np.all(np.abs(q) < 1.0):
        raise InputError("overlaps lie between -1 and 1, exclusive: at 1 there is one point only")
    if len(sizes) == 1:
        return _log_density(q, sizes[0])
    # Q = sum of D_b q_b / n. The partial sums live on [-1, 1] in units of the coordinates so far.
    grid = np.sin(0.5 * np.pi * np.linspace(-1.0, 1.0, _GRID + 1)[:-1] + 0.25 * np.pi * 2.0 / _GRID)
    weight = np.pi / _GRID * np.sqrt(1.0 - grid**2)  # of dq on a grid that is even in the angle
    sizes = sorted(sizes, reverse=True)
    total, log_p = sizes[0], _log_density(grid, sizes[0])
    for size in sizes[1:]:
        share = total / (total + size)
        # p(Q) = ∫ p_b(q) p((Q - (1 - share) q)/share) dq / share; q is the smaller block.
        inner = (grid[:, None] - (1.0 - share) * grid[None, :]) / share
        before = np.full(inner.shape, -np.inf)
        inside = np.abs(inner) < 1.0
        before[inside] = _interpolated(inner[inside], grid, log_p, total)
        terms = before + (_log_density(grid, size) + np.log(weight))[None, :]
        log_p = logsumexp(terms, axis=1) - np.log(share)
        total += size
    return _interpolated(q, grid, log_p, total)


def _interpolated(q: Array, grid: Array, log_p: Array, total: int) -> Array:
    """ln p at ``q``: what is left of it after the leading (n/2) ln(1 - q²) varies slowly."""
    leading = 0.5 * total * np.log(1.0 - grid**2)
    return np.interp(np.arcsin(q), np.arcsin(grid), log_p - leading) + 0.5 * total * np.log(1.0 - q**2)


def log_cap_measure(overlap: ArrayLike, sizes: Sequence[int]) -> Array:
    """Return ln of the share of the product of spheres where *every* block has at least this overlap, 0 ≤ q ≤ 1.

    The product of caps; -inf at q = 1.
    """
    q, sizes = np.asarray(overlap, dtype=float), _sizes(sizes)
    if not np.all((q >= 0.0) & (q <= 1.0)):
        raise InputError("the overlap of a cap lies between 0 and 1")
    total = np.zeros_like(q)
    for size in sizes:
        total = total + _log_cap(q, size)
    return total


def _log_cap(q: Array, size: int) -> Array:
    with np.errstate(divide="ignore"):
        direct = np.log(0.5 * betainc(0.5 * (size - 1), 0.5, 1.0 - q * q))
    # Where the share underflows: ∫_q p ≈ p(q)(1 - q²)/((D - 1) q) (1 - ...), the first term of the asymptotic series.
    with np.errstate(divide="ignore", invalid="ignore"):
        tail = _log_density(q, size) + np.log1p(-(q * q)) - np.log((size - 1) * q)
    return np.where(np.isfinite(direct) | (q >= 1.0), direct, tail)
