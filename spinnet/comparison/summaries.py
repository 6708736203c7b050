"""What figures show of one point or one arm: means over independent units with their errors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinnet.comparison.points import PointData
from spinnet.errors import InputError
from spinnet.estimators.histograms import Histogram, density, even_edges
from spinnet.estimators.resampling import mean_and_error
from spinnet.estimators.scaling import Extrapolation, extrapolate
from spinnet.estimators.spectra import spacing_ratios

#: Share of the levels, in the middle of the spectrum, whose spacing ratios are shown.
CENTRAL = 0.8

#: A spectrum whose largest eigenvalue lies this many interquartile ranges above its median is shown on a logarithmic
#: scale (semicircle: 1.2, Marchenko-Pastur of any ratio below 1: 2.3 at most).
HEAVY = 8.0


@dataclass(frozen=True)
class Curve:
    """Mean and standard error over independent units at each time; ``n_units`` of them had a finite value."""

    time: NDArray
    mean: NDArray
    error: NDArray
    n_units: NDArray


@dataclass(frozen=True)
class Size:
    """The end of the runs of one point.

    ``spread`` is the standard deviation over all finite runs. Energies are per unit of the landscape.
    """

    n_dof: int
    energy: float
    energy_error: float
    spread: float
    n_units: int
    n_runs: int
    diverged_runs: int
    test_loss: float
    test_loss_error: float


@dataclass(frozen=True)
class Spectrum:
    """Density of eigenvalues, and the numbers that its reference laws need.

    ``logarithmic`` tells that the bins are even in arsinh(eigenvalue/``core``), for spectra with far outliers.
    ``mean`` and ``variance`` are those of the eigenvalues of one Hessian, averaged over units.
    """

    histogram: Histogram
    logarithmic: bool
    core: float
    mean: float
    variance: float


def unit_average(point: PointData, values: NDArray) -> NDArray:
    """(sample, replica, ...) to (unit, ...): the mean over finite runs, NaN where a unit has none."""
    return mean_and_error(point.by_unit(values), axis=1)[0]


def relaxation_curve(point: PointData) -> Curve | None:
    """Energy per unit against time."""
    if not point.has("trajectory/time", "trajectory/energy_density"):
        return None
    units = unit_average(point, point.runs("trajectory/energy_density"))
    mean, error = mean_and_error(units)
    return Curve(np.asarray(point.arrays["trajectory/time"], dtype=float), mean, error, np.isfinite(units).sum(axis=0))


def size_summary(point: PointData) -> Size | None:
    """Final energy of a point."""
    if not point.has("trajectory/energy_density"):
        return None
    final = point.runs("trajectory/energy_density")[..., -1]
    finite = final[np.isfinite(final)]
    units = unit_average(point, final)
    energy, energy_error = mean_and_error(units)
    test_loss = test_loss_error = np.nan
    if point.has("endpoint/test_loss"):
        test_loss, test_loss_error = mean_and_error(unit_average(point, point.runs("endpoint/test_loss")))
    return Size(
        n_dof=point.n_dof,
        energy=float(energy),
        energy_error=float(energy_error),
        spread=float(finite.std(ddof=1)) if finite.size > 1 else float("nan"),
        n_units=int(np.isfinite(units).sum()),
        n_runs=int(finite.size),
        diverged_runs=int(final.size - finite.size),
        test_loss=float(test_loss),
        test_loss_error=float(test_loss_error),
    )


def size_extrapolation(sizes: Sequence[Size]) -> Extrapolation | None:
    """Final energy a + b/N, where there are three sizes with error bars."""
    rows = [(s.n_dof, s.energy, s.energy_error) for s in sizes if s.n_dof > 0 and s.energy_error > 0]
    if len({row[0] for row in rows}) < 3:
        return None
    try:
        return extrapolate(*np.array(rows).T, exponent=1.0)
    except InputError:
        return None


def spectrum_summary(point: PointData, bins: int = 48, scale: float = 1.0) -> Spectrum | None:
    """Density of ``scale`` times the eigenvalues of the Hessian at the end of the runs."""
    if not point.has("spectrum/eigenvalue"):
        return None
    eigenvalues = scale * point.by_unit(point.runs("spectrum/eigenvalue"))
    sound = np.isfinite(eigenvalues).all(axis=2)
    rows = eigenvalues[sound]
    if not rows.size:
        return None
    low, middle, high = np.quantile(rows, [0.25, 0.5, 0.75], axis=1)
    heavy = np.median(rows.max(axis=1) - middle - HEAVY * (high - low)) > 0
    core = float(np.median(np.abs(rows)))
    logarithmic = bool(heavy and core > 0)
    if logarithmic:
        edges = core * np.sinh(even_edges(np.arcsinh(rows / core), bins))
    else:
        edges = even_edges(rows, bins)
    # The outermost values lie on the edges: rounding must not lose them.
    edges[0] -= 1e-9 * (edges[1] - edges[0])
    edges[-1] += 1e-9 * (edges[-1] - edges[-2])
    return Spectrum(
        density(np.where(sound[..., None], eigenvalues, np.nan), edges),
        logarithmic,
        core,
        float(rows.mean()),
        float(rows.var(axis=1).mean()),
    )


def spacing_summary(point: PointData, bins: int = 20) -> tuple[Histogram, float, float] | None:
    """Density of spacing ratios in the middle of the non-zero spectrum, their mean over units and its error."""
    if not point.has("spectrum/eigenvalue"):
        return None
    units = []
    for unit in point.by_unit(point.runs("spectrum/eigenvalue")):
        ratios = [spacing_ratios(row, CENTRAL) for row in unit if np.isfinite(row).all()]
        pooled = np.concatenate(ratios) if ratios else np.empty(0)
        if pooled.size:
            units.append(pooled)
    if not units:
        return None
    padded = np.full((len(units), max(map(len, units))), np.nan)
    for row, values in zip(padded, units, strict=True):
        row[: len(values)] = values
    mean, error = mean_and_error(np.array([values.mean() for values in units]))
    return density(padded, np.linspace(0.0, 1.0, bins + 1)), float(mean), float(error)
