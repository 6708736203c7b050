r"""What random-matrix theory says of one weight matrix: Marchenko–Pastur bulk, spikes beyond its edge, power-law tail.

Eigenvalues are those of :math:`X = W^{T}W/N` for an N × M matrix with N ≥ M, so that elements of variance
:math:`\sigma^2` give a bulk on :math:`\sigma^2(1 \mp \sqrt{M/N})^2`. The largest eigenvalue of such a matrix fluctuates
about the edge on the Tracy–Widom scale; what lies beyond its 99 % quantile is a spike.

References: Marchenko and Pastur (1967); Johnstone, Ann. Stat. 29, 295 (2001); Martin and Mahoney, JMLR 22, 165 (2021).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from spinnet.errors import InputError
from spinnet.estimators.power_law import PowerLawFit, fit_power_law, goodness_of_fit
from spinnet.reports.bulk_laws import ks_distance
from spinnet.theory.random_matrices import MarchenkoPastur

#: Quantiles of the Tracy–Widom law for β = 1 at 95 % and 99 % (Johnstone 2001, table 1).
TRACY_WIDOM_95, TRACY_WIDOM_99 = 0.98, 2.02


@dataclass(frozen=True)
class WeightLaws:
    """``sigma`` of the bulk, its ``edges``, the Tracy–Widom ``width`` and ``largest_score`` = (λ_max − edge)/width.

    ``spikes`` is the number of eigenvalues beyond the 99 % quantile, ``distance`` the Kolmogorov–Smirnov distance of
    the bulk without them, ``stable_rank`` = |W|²_F/|W|²_2.
    """

    sigma: float
    edges: tuple[float, float]
    width: float
    largest_score: float
    spikes: int
    distance: float
    stable_rank: float


def eigenvalues_of(singular: NDArray, rows: int, columns: int) -> NDArray:
    """Ascending eigenvalues of WᵀW/N from singular values."""
    return np.sort(singular**2) / max(rows, columns)


def tracy_widom_scale(rows: int, columns: int) -> tuple[float, float]:
    """Centre and width of the largest eigenvalue of WᵀW/N for elements of variance 1 (Johnstone 2001, eq. 1.3)."""
    n, m = max(rows, columns), min(rows, columns)
    sides = math.sqrt(n - 1.0), math.sqrt(m)
    centre = sum(sides) ** 2
    return centre / n, sum(sides) * (1.0 / sides[0] + 1.0 / sides[1]) ** (1.0 / 3.0) / n


def analyse_weights(singular: NDArray, rows: int, columns: int) -> WeightLaws:
    """Fit σ by the median of the eigenvalues, which a few spikes do not move, and count what lies beyond the edge.

    Raises
    ------
    InputError
        For fewer than 10 eigenvalues, or a matrix of zeros.
    """
    values = eigenvalues_of(singular, rows, columns)
    if len(values) < 10 or values[-1] <= 0.0:
        raise InputError(f"{len(values)} singular values, the largest {np.sqrt(values[-1:]).sum():g}: ten are needed")
    ratio = min(rows, columns) / max(rows, columns)
    unit = MarchenkoPastur(ratio)
    low, high = unit.edges
    median = float(brentq(lambda x: float(unit.cdf(x)) - 0.5, low, high))
    variance = float(np.median(values)) / median
    centre, width = (variance * part for part in tracy_widom_scale(rows, columns))
    spikes = int((values > centre + TRACY_WIDOM_99 * width).sum())
    law = MarchenkoPastur(ratio, variance)
    bulk = values[: len(values) - spikes]
    return WeightLaws(
        sigma=math.sqrt(variance), edges=law.edges, width=width, largest_score=float((values[-1] - centre) / width),
        spikes=spikes, distance=ks_distance(bulk, law.cdf), stable_rank=float(values.sum() / values[-1]),
    )  # fmt: skip


def tail_of(values: NDArray, draws: int, rng: np.random.Generator) -> tuple[PowerLawFit | None, float, str]:
    """Power-law fit of eigenvalues, its p-value, and where there is no fit the reason why."""
    positive = values[values > 1e-12 * values[-1]]
    try:
        fit = fit_power_law(positive)
    except InputError as error:
        return None, np.nan, str(error)
    return fit, goodness_of_fit(positive, fit, draws, rng), ""
