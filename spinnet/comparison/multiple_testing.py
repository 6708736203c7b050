"""Correction for testing many statistics at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

CORRECTION = (
    "Holm's step-down correction over all tested rows of a pair of points: rejecting rows with an adjusted p-value of "
    "at most alpha keeps the probability of one or more false rejections at or below alpha, whatever the dependence "
    "between the statistics"
)


def holm(p_values: ArrayLike) -> NDArray:
    r"""Holm-adjusted p-values.

    With :math:`p_{(1)} \le \dots \le p_{(m)}`, the adjusted value of rank i is
    :math:`\max_{j \le i} \min\{1, (m - j + 1) p_{(j)}\}`. NaN marks a test that was not made: it stays NaN and does
    not count in m.

    Raises
    ------
    InputError
        For values outside [0, 1].

    Reference: Holm, Scand. J. Stat. 6, 65 (1979).
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    adjusted = np.full(p_values.shape, np.nan)
    made = ~np.isnan(p_values)
    p = p_values[made]
    if ((p < 0) | (p > 1)).any():
        raise InputError("p-values lie between 0 and 1")
    order = np.argsort(p, kind="stable")
    stepped = np.minimum(np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]), 1.0)
    back = np.empty_like(stepped)
    back[order] = stepped
    adjusted[made] = back
    return adjusted
