"""Densities with error bars over independent units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import mean_and_error


@dataclass(frozen=True)
class Histogram:
    """A probability density averaged over units.

    Attributes
    ----------
    edges : ndarray, shape (bins + 1,)
    density : ndarray, shape (bins,)
        Mean over units of (share of the unit's values in the bin)/(width); integrates to 1 - ``outside``.
    error : ndarray, shape (bins,)
        Standard error over units; NaN for a single unit.
    outside : float
        Mean share of values beyond the edges.
    n_units, n_values : int
        Units that entered, and finite values in all of them.
    not_finite : int
        Values left out because they are not finite.
    """

    edges: NDArray
    density: NDArray
    error: NDArray
    outside: float
    n_units: int
    n_values: int
    not_finite: int

    @property
    def centres(self) -> NDArray:
        """Middles of the bins."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])


def density(values: ArrayLike, edges: ArrayLike) -> Histogram:
    """Density of ``values`` in the bins ``edges``, every unit with equal weight.

    Parameters
    ----------
    values : array_like, shape (unit, ...)
        All further axes are pooled within the unit; NaN is left out and counted. A unit without any finite value
        does not enter.
    edges : array_like, shape (bins + 1,)
        Increasing.

    Raises
    ------
    InputError
        For edges that do not increase, or when no value is finite.
    """
    edges = np.asarray(edges, dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise InputError("histogram edges must be increasing numbers, at least two")
    values = np.asarray(values, dtype=np.float64)
    values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
    finite = np.isfinite(values)
    rows = [row[good] for row, good in zip(values, finite, strict=True) if good.any()]
    if not rows:
        raise InputError("a histogram was given no finite value")
    counts = np.array([np.histogram(row, bins=edges)[0] / len(row) for row in rows])
    mean, error = mean_and_error(counts / np.diff(edges))
    return Histogram(
        edges, mean, error, float(1.0 - counts.sum(axis=1).mean()), len(rows), int(finite.sum()), int((~finite).sum())
    )


def even_edges(values: ArrayLike, bins: int, coverage: float = 1.0) -> NDArray:
    """``bins + 1`` evenly spaced edges over the central ``coverage`` of all finite values.

    Raises
    ------
    InputError
        When no value is finite.
    """
    values = np.asarray(values, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        raise InputError("histogram edges cannot be chosen: no value is finite")
    low, high = np.quantile(values, [0.5 - coverage / 2, 0.5 + coverage / 2])
    if high <= low:
        half = 0.5 * max(abs(low), 1.0)
        low, high = low - half, high + half
    return np.linspace(low, high, bins + 1)
