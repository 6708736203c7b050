r"""Whether a quantity averages itself as the system grows: the relative variance between samples against size.

:math:`R_X(N) = \mathrm{Var}X/\langle X\rangle^2 \sim N^{-x}`: x = 1 is strong self-averaging (as if parts were
independent), 0 < x < 1 weak, x = 0 none.

References: Wiseman and Domany, Phys. Rev. E 52, 3469 (1995); Aharony and Harris, Phys. Rev. Lett. 77, 3700 (1996).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import jackknife
from spinnet.estimators.scaling import weighted_least_squares


@dataclass(frozen=True)
class SelfAveraging:
    """R at each size with errors of its logarithm, and x with its error; ``p_value`` of the power law.

    ``exponent`` is NaN for fewer than two sizes, ``p_value`` for two.
    """

    size: NDArray
    relative_variance: NDArray
    log_error: NDArray
    exponent: float
    exponent_error: float
    p_value: float


def self_averaging(size: ArrayLike, values: Sequence[ArrayLike]) -> SelfAveraging:
    """R(N) and the exponent x.

    Parameters
    ----------
    size : array_like (sizes,)
    values : sequence of array_like (units,)
        X of every sample, for each size; samples of two sizes are independent.

    Raises
    ------
    InputError
        For lengths that differ, fewer than five samples, or samples that are all alike.
    """
    size = np.asarray(size, dtype=np.float64)
    if len(size) != len(values):
        raise InputError(f"self_averaging was given {len(size)} sizes and values at {len(values)}")

    def log_ratio(x: NDArray) -> float:
        return float(np.log(x.var(ddof=1) / x.mean() ** 2))

    found = []
    for n, one in zip(size, values, strict=True):
        one = np.asarray(one, dtype=np.float64)
        if np.ptp(one) == 0:
            raise InputError(f"all samples of size {n:g} have the same value: there is no variance to scale")
        found.append(jackknife(log_ratio, one))
    logs, errors = (np.array([getattr(one, name) for one in found], dtype=float) for name in ("value", "error"))
    if len(size) < 2:
        return SelfAveraging(size, np.exp(logs), errors, np.nan, np.nan, np.nan)
    fit = weighted_least_squares(np.column_stack([np.ones_like(size), -np.log(size)]), logs, errors)
    return SelfAveraging(size, np.exp(logs), errors, float(fit.coefficients[1]), float(fit.errors[1]), fit.p_value)
