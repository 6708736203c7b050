r"""Errors of any statistic from independent units: the jackknife and the bootstrap.

A unit is what was drawn anew: a disorder sample, a training seed. Time points of one run, eigenvalues of one matrix
and replicas on one disorder sample are not units; reduce them to one value per unit first.

References: Efron, Ann. Stat. 7, 1 (1979); Efron and Stein, Ann. Stat. 9, 586 (1981).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

#: Below this number the error of the error, 1/sqrt(2(n-1)), exceeds a third: a number with no known size.
FEWEST_UNITS = 5


@dataclass(frozen=True)
class Estimate:
    """A statistic with its error from resampling.

    Attributes
    ----------
    value : ndarray or float
        The statistic of all units (no bias is subtracted).
    error : ndarray or float
        Standard error, same shape and units as ``value``.
    bias : ndarray or float
        Estimated bias of ``value``; ``value - bias`` is the corrected estimate.
    n_units : int
        Number of independent units.
    """

    value: NDArray | float
    error: NDArray | float
    bias: NDArray | float
    n_units: int


@dataclass(frozen=True)
class BootstrapEstimate(Estimate):
    """An :class:`Estimate` with a percentile interval ``[lower, upper]`` and the resampled values."""

    lower: NDArray | float
    upper: NDArray | float
    resampled: NDArray


def mean_and_error(values: ArrayLike, axis: int = 0) -> tuple[NDArray, NDArray]:
    r"""Mean over independent units and its standard error :math:`s/\sqrt{n}`, with s the n - 1 standard deviation.

    Values that are not finite are left out entry by entry (count them beside the result); the error is NaN where
    fewer than two are left, the mean where none is.

    Parameters
    ----------
    values : array_like
        Any shape and units.
    axis : int
        The axis that counts units.
    """
    values = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    total = np.where(finite, values, 0.0).sum(axis=axis)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    deviation = np.where(finite, values - np.expand_dims(mean, axis), 0.0)
    variance = (deviation**2).sum(axis=axis) / np.maximum(count - 1, 1)
    error = np.where(count > 1, np.sqrt(variance / np.maximum(count, 1)), np.nan)
    return mean, error


def jackknife(
    statistic: Callable[..., ArrayLike], *arrays: ArrayLike, fewest_units: int = FEWEST_UNITS
) -> Estimate:
    r"""Leave-one-out error and bias of ``statistic(*arrays)``.

    With :math:`\theta_{(i)}` the statistic without unit i and :math:`\bar\theta` their mean,

    .. math::
        \mathrm{error}^2 = \frac{n-1}{n} \sum_i (\theta_{(i)} - \bar\theta)^2, \qquad
        \mathrm{bias} = (n-1) (\bar\theta - \theta).

    Right for smooth statistics (means, ratios, moments, fits); not for medians and extremes, where
    :func:`bootstrap` serves.

    Parameters
    ----------
    statistic : callable
        Takes the arrays, returns a number or an array.
    *arrays : array_like
        First axis = unit, the same length in all; finite.
    fewest_units : int
        Fewer units than this are refused.

    Raises
    ------
    InputError
        For too few units, unequal lengths, or values that are not finite.

    Notes
    -----
    n + 1 calls of the statistic.
    """
    blocks, n = _units(arrays, fewest_units, "the jackknife")
    value = np.asarray(statistic(*blocks), dtype=np.float64)
    kept = ~np.eye(n, dtype=bool)
    left_out = np.array([statistic(*(block[row] for block in blocks)) for row in kept], dtype=np.float64)
    centre = left_out.mean(axis=0)
    error = np.sqrt((n - 1) / n * ((left_out - centre) ** 2).sum(axis=0))
    return Estimate(_plain(value), _plain(error), _plain((n - 1) * (centre - value)), n)


def bootstrap(
    statistic: Callable[..., ArrayLike],
    *arrays: ArrayLike,
    rng: np.random.Generator,
    resamples: int = 1000,
    coverage: float = 0.6827,
    fewest_units: int = FEWEST_UNITS,
) -> BootstrapEstimate:
    """Error, bias and percentile interval of ``statistic(*arrays)`` from units drawn with replacement.

    The same units are drawn from every array, so that correlations between them are kept.

    Parameters
    ----------
    statistic, *arrays, fewest_units
        As in :func:`jackknife`.
    rng : numpy.random.Generator
        Source of the draws; the same generator state gives the same bits.
    resamples : int
        Number of draws, at least 100.
    coverage : float
        Probability between ``lower`` and ``upper``.

    Raises
    ------
    InputError
        For too few units or resamples, unequal lengths, a coverage outside (0, 1), or values that are not finite.
    """
    blocks, n = _units(arrays, fewest_units, "the bootstrap")
    if resamples < 100:
        raise InputError(f"resamples = {resamples}: give at least 100, fewer leave the error itself undetermined")
    if not 0.0 < coverage < 1.0:
        raise InputError(f"coverage = {coverage}: give a probability between 0 and 1")
    value = np.asarray(statistic(*blocks), dtype=np.float64)
    drawn = rng.integers(0, n, size=(resamples, n))
    resampled = np.array([statistic(*(block[row] for block in blocks)) for row in drawn], dtype=np.float64)
    lower, upper = np.quantile(resampled, [0.5 - coverage / 2, 0.5 + coverage / 2], axis=0)
    return BootstrapEstimate(
        _plain(value),
        _plain(resampled.std(axis=0, ddof=1)),
        _plain(resampled.mean(axis=0) - value),
        n,
        _plain(lower),
        _plain(upper),
        resampled,
    )


def halvings(n: int, count: int = 32) -> NDArray:
    """Random halvings of n units, the same at every call, (halving, unit) and True for one half.

    What is chosen because it is extreme (the lowest exponent, the highest peak) is chosen on one half and read on the
    other: its value then is that of its place, not that of the luck which made it extreme.
    """
    rng = np.random.default_rng(n)
    return np.array([rng.permutation(n) < n // 2 for _ in range(count)])


def _units(arrays: tuple[ArrayLike, ...], fewest_units: int, method: str) -> tuple[list[NDArray], int]:
    if not arrays:
        raise InputError(f"{method} was given no array; give at least one whose first axis counts units")
    blocks = [np.asarray(array, dtype=np.float64) for array in arrays]
    lengths = [len(block) if block.ndim else 0 for block in blocks]
    if len(set(lengths)) != 1:
        raise InputError(f"{method} was given arrays of {lengths} units; the first axis must have one length in all")
    n = lengths[0]
    if n < max(fewest_units, 2):
        raise InputError(
            f"{method} was given {n} independent units and needs at least {max(fewest_units, 2)}: run more samples"
        )
    broken = np.zeros(n, dtype=bool)
    for block in blocks:
        broken |= ~np.isfinite(block.reshape(n, -1)).all(axis=1)
    if broken.any():
        raise InputError(
            f"{method} was given {int(broken.sum())} of {n} units with values that are not finite; "
            "leave them out by name and report how many"
        )
    return blocks, n


def _plain(value: NDArray) -> NDArray | float:
    return float(value) if np.ndim(value) == 0 else value
