r"""Distances between two samples of independent units, for one labelling or for thousands at once.

Every distance is a function ``(pooled, is_left) -> (k,)`` of the n pooled units, shape ``(n, ...)``, and of k ways to
call some of them left, boolean ``(k, n)``. A permutation test hands in many labellings and pays for sorting once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

Distance = Callable[[NDArray, NDArray], NDArray]


def standardised_shift(pooled: NDArray, is_left: NDArray) -> NDArray:
    r"""Distance between the means over the standard deviation within the two samples, for units of any shape.

    :math:`d = |m_l - m_r| / s`, :math:`s^2 = [\mathrm{SS}_l + \mathrm{SS}_r]/(n - 2)` with SS the sum of squared
    Euclidean distances from the own mean. Free of units and scale. Two constants that differ have d = infinity, two
    equal ones d = 0.
    """
    shift, left_squares, right_squares = _moments(pooled, is_left)
    return _over(shift, np.sqrt((left_squares + right_squares) / max(len(pooled) - 2, 1)))


def studentised_shift(pooled: NDArray, is_left: NDArray) -> NDArray:
    r"""Distance between the means over its standard error, for units of any shape.

    :math:`z = |m_l - m_r| / \sqrt{\mathrm{SS}_l/[n_l (n_l - 1)] + \mathrm{SS}_r/[n_r (n_r - 1)]}`; for numbers the
    modulus of Welch's statistic, for equally many units on both sides :math:`d \sqrt{n/4}`. Permuting it tests equal
    means also where the widths differ: of numbers always, of curves with equally many units on both sides.

    References: Janssen, Stat. Probab. Lett. 36, 9 (1997); Chung and Romano, Ann. Stat. 41, 484 (2013).
    """
    shift, left_squares, right_squares = _moments(pooled, is_left)
    count = is_left.sum(axis=1)
    rest = is_left.shape[1] - count
    variance = left_squares / (count * np.maximum(count - 1, 1)) + right_squares / (rest * np.maximum(rest - 1, 1))
    return _over(shift, np.sqrt(variance))


def area_between_cdfs(pooled: NDArray, is_left: NDArray) -> NDArray:
    r"""Wasserstein-1 distance :math:`\int |F_l(x) - F_r(x)| dx`, in the units of the values; units are scalars."""
    order = np.argsort(pooled, kind="stable")
    gaps = np.diff(pooled[order])
    return np.abs(_cdf_difference(is_left[:, order])[:, :-1]) @ gaps


def standardised_area(pooled: NDArray, is_left: NDArray) -> NDArray:
    r"""Area between the CDFs over the pooled standard deviation within the two samples: no units, no scale.

    :math:`d = W_1 / s`, :math:`s^2 = [(n_l - 1) s_l^2 + (n_r - 1) s_r^2]/(n - 2)`. For a pure shift d is the shift in
    standard deviations. Two constants that differ have d = infinity, two equal ones d = 0.
    """
    _, left_squares, right_squares = _moments(pooled, is_left)
    scale = np.sqrt((left_squares + right_squares) / max(len(pooled) - 2, 1))
    return _over(area_between_cdfs(pooled, is_left), scale)


def kolmogorov_smirnov(pooled: NDArray, is_left: NDArray) -> NDArray:
    r"""Largest distance between the two empirical CDFs, in [0, 1]; ties are taken together."""
    order = np.argsort(pooled, kind="stable")
    y = pooled[order]
    last_of_tie = np.append(y[1:] != y[:-1], True)
    return np.abs(_cdf_difference(is_left[:, order])[:, last_of_tie]).max(axis=1)


def energy_coefficient(pooled: NDArray, is_left: NDArray) -> NDArray:
    r"""Energy distance as a share, in [0, 1], of units of any shape (curves, spectra): 0 for equal laws.

    :math:`h = [2 E|X-Y| - E|X-X'| - E|Y-Y'|] / (2 E|X-Y|)` with Euclidean distances between units, X, X' from the left
    and Y, Y' from the right sample. Vanishes in the limit of many units only for equal laws.

    Reference: Szekely and Rizzo, J. Stat. Plan. Inference 143, 1249 (2013).
    """
    flat = pooled.reshape(len(pooled), -1)
    between = np.array([np.linalg.norm(flat - unit, axis=1) for unit in flat])
    left = is_left / is_left.sum(axis=1, keepdims=True)
    right = ~is_left / (~is_left).sum(axis=1, keepdims=True)
    cross = ((left @ between) * right).sum(axis=1)
    contrast = left - right
    energy = -((contrast @ between) * contrast).sum(axis=1)
    return np.where(cross > 0, np.maximum(energy, 0.0) / np.where(cross > 0, 2 * cross, 1.0), 0.0)


DISTANCES: dict[str, Distance] = {
    "standardised_shift": standardised_shift,
    "studentised_shift": studentised_shift,
    "standardised_area": standardised_area,
    "area_between_cdfs": area_between_cdfs,
    "kolmogorov_smirnov": kolmogorov_smirnov,
    "energy_coefficient": energy_coefficient,
}


def distance_between(left: ArrayLike, right: ArrayLike, distance: str | Distance = "standardised_shift") -> float:
    """One distance between two samples, each of shape ``(unit, ...)``.

    Raises
    ------
    InputError
        For an empty sample, values that are not finite, or units of different shapes.
    """
    pooled, is_left = pool(left, right)
    return float(named(distance)(pooled, is_left[None, :])[0])


def pool(left: ArrayLike, right: ArrayLike) -> tuple[NDArray, NDArray]:
    """Both samples in one array, and a boolean row that tells which units are from the left one."""
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if left.ndim == 0 or right.ndim == 0 or not len(left) or not len(right):
        raise InputError("a comparison was given an empty sample: each side needs independent units")
    if left.shape[1:] != right.shape[1:]:
        raise InputError(f"units of shapes {left.shape[1:]} and {right.shape[1:]} cannot be compared")
    pooled = np.concatenate([left, right])
    if not np.isfinite(pooled).all():
        raise InputError("a comparison was given values that are not finite: leave those units out and report how many")
    return pooled, np.arange(len(pooled)) < len(left)


def named(distance: str | Distance) -> Distance:
    """The distance of that name; a function is handed through."""
    if callable(distance):
        return distance
    if distance not in DISTANCES:
        raise InputError(f"there is no distance {distance!r}; known are {', '.join(DISTANCES)}")
    return DISTANCES[distance]


def _moments(pooled: NDArray, is_left: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """Distance between the means, and the sums of squares around the own mean, left and right: (k,) each."""
    y = pooled.reshape(len(pooled), -1)
    # Shifted to the middle, so that a large common offset does not eat the digits of the squares.
    y = y - np.median(y, axis=0)
    y = np.column_stack([y, (y**2).sum(axis=1)])
    total = y.sum(axis=0)
    left = is_left.astype(np.float64) @ y
    count = is_left.sum(axis=1, keepdims=True)
    means, within = [], []
    for sums, n in ((left, count), (total - left, len(y) - count)):
        mean = sums[:, :-1] / n
        around = sums[:, -1] - n[:, 0] * (mean**2).sum(axis=1)
        # What is left of a difference of equal numbers is rounding, not a width.
        within.append(np.where(around <= 64 * np.finfo(float).eps * total[-1], 0.0, around))
        means.append(mean)
    shift = np.sqrt(((means[0] - means[1]) ** 2).sum(axis=1))
    return np.where(shift <= 64 * np.finfo(float).eps * np.sqrt(total[-1]), 0.0, shift), within[0], within[1]


def _over(distance: NDArray, scale: NDArray) -> NDArray:
    """distance/scale, with 0/0 = 0 and x/0 = infinity."""
    return np.where(scale > 0, distance / np.where(scale > 0, scale, 1.0), np.where(distance > 0, np.inf, 0.0))


def _cdf_difference(is_left: NDArray) -> NDArray:
    """F_l - F_r after each of the sorted units, shape (k, n)."""
    count = is_left.sum(axis=1, keepdims=True)
    n = is_left.shape[1]
    below = np.cumsum(is_left, axis=1)
    return below / count - (np.arange(1, n + 1) - below) / (n - count)
