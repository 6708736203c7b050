r"""Two-sample permutation test: exact where the units of the two sides are exchangeable.

The unit is what was drawn anew and independently: a disorder sample or a training seed, never an eigenvalue, a time
point or one of several replicas on one disorder sample. A test on such correlated values rejects glass against glass.

With the studentised shift the test remains right, for many units, where only the means agree and the widths do not:
the width of a spectral statistic depends on the size of the matrix and on the number of replicas averaged over, which
says nothing about a landscape. For curves that needs equally many units on both sides: their one width, the trace of
the covariance, does not carry its directions, and with unequal counts a direction in which the smaller side is wide
rejects equal means too often. With a distance between laws it is a test of equal laws, widths included.

References: Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010), for p = (1 + #)/(1 + n); Chung and Romano,
Ann. Stat. 41, 484 (2013), for unequal widths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.comparison.distances import Distance, named, pool, studentised_shift
from spinnet.errors import InputError

#: Units per side below which a comparison is refused.
FEWEST_UNITS = 20

_CHUNK = 1 << 21  # entries of a block of labellings; bounds the memory to some tens of MB


@dataclass(frozen=True)
class PermutationTest:
    r"""Outcome of a two-sample permutation test.

    Attributes
    ----------
    distance : float
        Observed distance.
    p_value : float
        :math:`(1 + \#\{d_\pi \ge d\})/(1 + n)` over n random labellings; never below ``1/(1 + n)``.
    permutations : int
    null_median, null_upper : float
        Median and 95 % quantile of the distance over labellings: how far apart equal laws lie with so many units.
    n_left, n_right : int
    """

    distance: float
    p_value: float
    permutations: int
    null_median: float
    null_upper: float
    n_left: int
    n_right: int


def draw_labellings(n_left: int, n_right: int, count: int, rng: np.random.Generator) -> NDArray:
    """``count`` random ways to call ``n_left`` of all units left: boolean, shape ``(count, n_left + n_right)``."""
    labels = np.zeros((count, n_left + n_right), dtype=bool)
    labels[:, :n_left] = True
    return rng.permuted(labels, axis=1)


def equal_counts(left: ArrayLike, right: ArrayLike) -> tuple[NDArray, NDArray]:
    """The first min(n_left, n_right) units of each side.

    The units of a side are exchangeable, so that the first ones are as good as any. With equal counts the labellings
    carry the covariance of the difference of means, (C_l + C_r)/n, whatever C_l and C_r.
    """
    left, right = np.asarray(left), np.asarray(right)
    count = min(len(left), len(right))
    return left[:count], right[:count]


def permutation_test(
    left: ArrayLike,
    right: ArrayLike,
    distance: str | Distance = "studentised_shift",
    permutations: int = 9999,
    rng: np.random.Generator | None = None,
    labellings: NDArray | None = None,
    fewest_units: int = FEWEST_UNITS,
) -> PermutationTest:
    """Test the null hypothesis that both sides have one mean (studentised shift) or one law (any other distance).

    Parameters
    ----------
    left, right : array_like, shape (unit, ...)
        One value, curve or array per independent unit; finite.
    distance : str or callable
        A name in ``distances.DISTANCES`` or a function of (pooled units, labellings) that grows with the difference.
    permutations : int
        Random labellings, at least 19.
    rng : numpy.random.Generator
        Their source; the same state gives the same bits.
    labellings : ndarray, optional
        Labellings from :func:`draw_labellings`, to share between statistics of the same units.
    fewest_units : int
        A side with fewer is refused.

    Raises
    ------
    InputError
        For too few units or permutations, values that are not finite, unequally many curves with the studentised
        shift (see :func:`equal_counts`), or when neither ``rng`` nor ``labellings`` is given.
    """
    pooled, is_left = pool(left, right)
    n_left = int(is_left.sum())
    n_right = len(pooled) - n_left
    if min(n_left, n_right) < fewest_units:
        raise InputError(
            f"{n_left} and {n_right} independent units: a comparison needs at least {fewest_units} on each side"
        )
    function = named(distance)
    if function is studentised_shift and pooled.ndim > 1 and n_left != n_right:
        raise InputError(
            f"{n_left} and {n_right} curves: the means of curves are tested with equally many units on both sides; "
            "take the first ones with equal_counts"
        )
    if labellings is None:
        if rng is None:
            raise InputError("a permutation test needs a random generator: give rng=...")
        labellings = draw_labellings(n_left, n_right, permutations, rng)
    if labellings.shape[1] != len(pooled) or len(labellings) < 19:
        raise InputError(
            f"labellings of shape {labellings.shape} for {len(pooled)} units: need at least 19 rows, one column a unit"
        )
    rows = max(1, _CHUNK // len(pooled))
    observed = float(function(pooled, is_left[None, :])[0])
    null = np.concatenate([function(pooled, labellings[k : k + rows]) for k in range(0, len(labellings), rows)])
    # Labellings that give the same distance by different roundings are ties, and ties count.
    margin = 1e-12 * observed if np.isfinite(observed) else 0.0
    p_value = (1 + int((null >= observed - margin).sum())) / (1 + len(null))
    median, upper = np.quantile(null, [0.5, 0.95], method="lower")
    return PermutationTest(observed, p_value, len(null), float(median), float(upper), n_left, n_right)
