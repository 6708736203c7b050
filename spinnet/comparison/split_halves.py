r"""Split-half check: the comparison made on random halves of the units of one point.

The independent units of one point are split at random into two halves, the whole comparison is made on them, and
rejections are counted. A permutation test rejects such halves at most at its level, by construction: the check sees
what lies around the test (ties, missing units, quantities that are centred within each side, Holm's correction), and
nothing else. It is no measured false-positive rate: if the units depend on each other it still finds the level. That
rate is measured in the test suite on glasses with disorder of their own on either side.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinnet.comparison.multiple_testing import holm
from spinnet.errors import InputError


@dataclass(frozen=True)
class SplitHalves:
    """Rejections at ``level`` among random split halves.

    Attributes
    ----------
    rate, error : ndarray, shape (tests,)
        Share of splits in which a statistic has an unadjusted p-value of at most ``level``, and its binomial error;
        NaN for a statistic that was never tested.
    family_rate, family_error : float
        Share of splits in which any Holm-adjusted p-value is at most ``level``.
    splits, units_per_half : int
    level : float
    """

    rate: NDArray
    error: NDArray
    family_rate: float
    family_error: float
    splits: int
    units_per_half: int
    level: float


def binomial_rate(successes: int, trials: int) -> tuple[float, float]:
    """Share k/n and its error, the standard deviation of Beta(k + 1/2, n - k + 1/2): not zero where k is."""
    if trials < 1:
        return float("nan"), float("nan")
    a, b = successes + 0.5, trials - successes + 0.5
    return successes / trials, float(np.sqrt(a * b / (a + b + 1)) / (a + b))


def split_half_rates(
    p_values: Callable[[NDArray, NDArray, np.random.Generator], NDArray],
    n_units: int,
    rng: np.random.Generator,
    splits: int = 400,
    level: float = 0.05,
    fewest_per_half: int = 8,
) -> SplitHalves:
    """Repeat a comparison on random halves of one set of units.

    Parameters
    ----------
    p_values : callable
        ``(left_units, right_units, rng) -> (tests,)``: the comparison made on two index arrays; NaN where a statistic
        is not tested.
    n_units : int
        Number of independent units; an odd one leaves one out of each split.
    rng : numpy.random.Generator
    splits : int
        Number of random splits, at least 20.
    level : float
        Level of the test.
    fewest_per_half : int
        Fewer units per half are refused.

    Raises
    ------
    InputError
        For too few units or splits.
    """
    half = n_units // 2
    if half < fewest_per_half:
        raise InputError(
            f"{n_units} units make halves of {half}: a split-half check needs at least {fewest_per_half} per half"
        )
    if splits < 20:
        raise InputError(f"splits = {splits}: give at least 20")
    found = []
    for _ in range(splits):
        order = rng.permutation(n_units)
        found.append(np.asarray(p_values(order[:half], order[half : 2 * half], rng), dtype=np.float64))
    p = np.array(found)
    made = ~np.isnan(p)
    rates = [binomial_rate(int((p[good, k] <= level).sum()), int(good.sum())) for k, good in enumerate(made.T)]
    any_rejected = [bool((holm(row[good]) <= level).any()) for row, good in zip(p, made, strict=True) if good.any()]
    family = binomial_rate(sum(any_rejected), len(any_rejected))
    rate, error = np.array(rates, dtype=np.float64).reshape(-1, 2).T
    return SplitHalves(rate, error, *family, splits, half, level)
