r"""The statistics with which two landscapes are compared: each has a name, a definition in words, and a scale or none.

A statistic turns the arrays of one point into one number (or one curve) per run, (sample, replica, ...). Runs become
values of independent units by averaging the replicas on one disorder sample; where every replica is independent
(training seeds on one data set) each run is a unit.

Only scale-free statistics are tested: those that do not change when energies, lengths or times of one landscape are
multiplied by a positive number. A glass counts energy per spin and time in units of gradient flow, a network loss per
pattern and time in steps: no number that carries a unit can be laid beside its counterpart. Statistics with units, and
scale-free ones that depend on the length of the run, are reported and not tested.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from spinnet.comparison import relaxation, spectral
from spinnet.comparison.points import PointData, UnitValues, average_runs
from spinnet.errors import InputError, nearest_name

#: Length of relaxation curves in half-times, see ``spinnet.comparison.relaxation``.
HORIZON = 10.0

#: Curves already cut: five statistics use them, and finding a horizon is a search.
_CUTS: WeakKeyDictionary[PointData, NDArray] = WeakKeyDictionary()


@dataclass(frozen=True)
class Statistic:
    """One comparable number or curve.

    Attributes
    ----------
    name, label : str
        For machines, and for tables and axes.
    definition : str
        In words, with its limits.
    needs : tuple of str
        Arrays ("group/name") without which it is not measured.
    per_run : callable
        PointData to (sample, replica) or (sample, replica, component); NaN where a run has no value.
    scale_free : bool
        Whether units of energy, length and time drop out.
    tested : bool
        Whether it enters the test; False for a scale-free one that depends on the length of the run.
    centre : callable, optional
        Acts on the (unit, run, ...) values of one side before runs are averaged (a spread needs its side's median).
    """

    name: str
    label: str
    definition: str
    needs: tuple[str, ...]
    per_run: Callable[[PointData], NDArray]
    scale_free: bool = True
    tested: bool = True
    centre: Callable[[NDArray], NDArray] | None = None

    def measured(self, point: PointData) -> bool:
        """Whether the point holds what is needed."""
        return point.has(*self.needs)

    def by_unit(self, point: PointData) -> NDArray:
        """Values as (unit, run, ...), not yet centred or averaged."""
        return point.by_unit(self.per_run(point))

    def reduce(self, by_unit: NDArray) -> UnitValues:
        """Values of the units of one side from (unit, run, ...)."""
        return average_runs(self.centre(by_unit) if self.centre else by_unit)


def spectral_statistic(function: Callable[[NDArray], float | NDArray], components: int = 0):
    """A statistic per run from a function of one spectrum; NaN for runs whose spectrum is not finite."""

    def per_run(point: PointData) -> NDArray:
        eigenvalues = point.runs("spectrum/eigenvalue")
        found = np.full(eigenvalues.shape[:2] + ((components,) if components else ()), np.nan)
        for index in np.ndindex(eigenvalues.shape[:2]):
            if np.isfinite(eigenvalues[index]).all() and eigenvalues[index].size > 1:
                found[index] = function(eigenvalues[index])
        return found

    return per_run


def relaxation_statistic(function: Callable[[relaxation.Cut], float | NDArray], components: int = 0):
    """A statistic per run from a relaxation curve cut at its horizon; NaN for runs that do not reach it."""

    def per_run(point: PointData) -> NDArray:
        cuts = relaxation_cuts(point)
        found = np.full(cuts.shape + ((components,) if components else ()), np.nan)
        for index, cut in np.ndenumerate(cuts):
            if cut is not None:
                found[index] = function(cut)
        return found

    return per_run


def relaxation_cuts(point: PointData) -> NDArray:
    """The relaxation curve of every run, cut at its horizon: objects, (sample, replica), None where there is none."""
    if point not in _CUTS:
        energy = point.runs("trajectory/energy_density")
        time = np.asarray(point.arrays["trajectory/time"], dtype=np.float64)
        cuts = np.empty(energy.shape[:2], dtype=object)
        for index in np.ndindex(cuts.shape):
            cuts[index] = relaxation.cut_at_horizon(time, energy[index], HORIZON)
        _CUTS[point] = cuts
    return _CUTS[point]


def _spacing_ratio(point: PointData) -> NDArray:
    return point.runs("spectrum/spacing_ratio")


def _gradient_ratio_at_horizon(point: PointData) -> NDArray:
    norm = point.runs("trajectory/gradient_norm")
    cuts = relaxation_cuts(point)
    found = np.full(cuts.shape, np.nan)
    for index, cut in np.ndenumerate(cuts):
        if cut is not None and np.isfinite(norm[index]).all() and (norm[index] > 0).all():
            logarithm = np.log(norm[index] / norm[index][0])
            found[index] = np.exp(np.interp(relaxation.to_clock(cut.end, cut.first), cut.clock, logarithm))
    return found


def _gradient_ratio_at_end(point: PointData) -> NDArray:
    norm = point.runs("trajectory/gradient_norm")
    start = norm[..., 0]
    return np.where(start > 0, norm[..., -1] / np.where(start > 0, start, 1.0), np.nan)


def _final_energy(point: PointData) -> NDArray:
    return point.runs("trajectory/energy_density")[..., -1]


def _final_energy_and_drop(point: PointData) -> NDArray:
    energy = point.runs("trajectory/energy_density")
    return np.stack([energy[..., -1], energy[..., 0] - energy[..., -1]], axis=-1)


def _relative_deviation(by_unit: NDArray) -> NDArray:
    """|final energy - median over the runs of this side| over the mean drop of this side, (unit, run)."""
    final, drop = by_unit[..., 0], by_unit[..., 1]
    finite = np.isfinite(final) & np.isfinite(drop)
    if not finite.any() or not drop[finite].mean() > 0:
        return np.full(final.shape, np.nan)
    return np.where(finite, np.abs(final - np.median(final[finite])) / drop[finite].mean(), np.nan)


_ENERGY = ("trajectory/time", "trajectory/energy_density")
_SPECTRUM = ("spectrum/eigenvalue",)

STATISTICS: tuple[Statistic, ...] = (
    Statistic(
        "spacing_ratio",
        "mean spacing ratio",
        "mean over neighbouring eigenvalue gaps s of the Hessian of min(s_i, s_i+1)/max(s_i, s_i+1), in the "
        "middle of the non-zero spectrum, as the probe takes it; 0.5307 for the GOE, 0.3863 for independent levels",
        ("spectrum/spacing_ratio",),
        _spacing_ratio,
    ),
    Statistic(
        "negative_fraction",
        "negative eigenvalues",
        "share of negative eigenvalues of the Hessian at the end of the run, among those whose modulus is above 1e-9 "
        "of the largest",
        _SPECTRUM,
        spectral_statistic(spectral.negative_fraction),
    ),
    Statistic(
        "near_zero_fraction",
        "near-zero eigenvalues",
        "share of eigenvalues with a modulus of at most 1 % of the largest",
        _SPECTRUM,
        spectral_statistic(spectral.near_zero_fraction),
    ),
    Statistic(
        "spectral_skewness",
        "spectral skewness",
        "third central moment of the eigenvalues of one Hessian over the cube of their standard deviation; 0 for the "
        "semicircle",
        _SPECTRUM,
        spectral_statistic(spectral.skewness),
    ),
    Statistic(
        "spectral_kurtosis",
        "spectral excess kurtosis",
        "fourth central moment over the squared variance, minus 3; -1 for the semicircle",
        _SPECTRUM,
        spectral_statistic(spectral.excess_kurtosis),
    ),
    Statistic(
        "semicircle_distance",
        "distance from semicircle",
        "Kolmogorov-Smirnov distance between the spectrum of one Hessian, brought to mean 0 and variance 1, and the "
        "semicircle of variance 1; it falls with the size of the matrix, for the GOE to 0.05 at n = 32 and 0.03 at 64",
        _SPECTRUM,
        spectral_statistic(spectral.semicircle_distance),
    ),
    Statistic(
        "participation",
        "spectral participation",
        "(tr H)^2/(n tr H^2): share of the directions that carry the curvature",
        _SPECTRUM,
        spectral_statistic(spectral.participation),
    ),
    Statistic(
        "outlier_ratio",
        "largest eigenvalue / bulk",
        "(largest eigenvalue - median)/(95 % quantile - 5 % quantile) of one Hessian; 0.62 for the semicircle",
        _SPECTRUM,
        spectral_statistic(spectral.outlier_ratio),
    ),
    Statistic(
        "spectral_shape",
        "whole spectral shape",
        "16 quantiles of the spectrum brought to mean 0 and variance 1, compared as one vector; the mean and error "
        "shown are those of the median",
        _SPECTRUM,
        spectral_statistic(spectral.shape, len(spectral.SHAPE_PROBABILITIES)),
    ),
    Statistic(
        "relaxation_stretch",
        "relaxation t90/t50",
        f"time to 90 % over time to 50 % of the energy drop, on the curve cut at {HORIZON:g} half-times",
        _ENERGY,
        relaxation_statistic(relaxation.stretch),
    ),
    Statistic(
        "late_drop_ratio",
        "late drop ratio",
        f"[e(T/4) - e(T)]/[e(T/16) - e(T/4)] at T = {HORIZON:g} half-times: 4^-a for a relaxation as t^-a towards any "
        "limit",
        _ENERGY,
        relaxation_statistic(relaxation.late_drop_ratio),
    ),
    Statistic(
        "relaxation_shape",
        "whole relaxation curve",
        f"energy drop over the drop at {HORIZON:g} half-times, at 13 log-spaced times in half-times, compared as one "
        "vector; the mean and error shown are those of the middle time",
        _ENERGY,
        relaxation_statistic(relaxation.curve, len(relaxation._SHARES)),
    ),
    Statistic(
        "gradient_ratio",
        "gradient left at horizon",
        f"gradient norm at {HORIZON:g} half-times over the gradient norm at the start",
        (*_ENERGY, "trajectory/gradient_norm"),
        _gradient_ratio_at_horizon,
    ),
    Statistic(
        "relative_spread",
        "spread of final energies",
        "absolute deviation of a run's final energy from the median over all runs of its side, over the mean energy "
        "drop of its side (the test is approximate: each side is centred on its own median)",
        _ENERGY,
        _final_energy_and_drop,
        centre=_relative_deviation,
    ),
    Statistic(
        "gradient_ratio_at_end",
        "gradient left at the end",
        "gradient norm at the end of the run over that at the start: how close to stationary the end points are; "
        "scale-free, but it depends on how long each side was run, so it is not tested",
        ("trajectory/gradient_norm",),
        _gradient_ratio_at_end,
        tested=False,
    ),
    Statistic(
        "final_energy",
        "final energy",
        "energy per unit at the end of the run; it carries the units of its landscape, so it is not tested",
        ("trajectory/energy_density",),
        _final_energy,
        scale_free=False,
        tested=False,
    ),
)


def select_statistics(names: list[str] | tuple[str, ...] | None = None) -> tuple[Statistic, ...]:
    """The statistics of these names, in the standard order; all for None.

    Raises
    ------
    InputError
        For an unknown name, with the nearest known one.
    """
    known = [statistic.name for statistic in STATISTICS]
    if names is None:
        return STATISTICS
    for name in names:
        if name not in known:
            raise InputError(
                f"statistics: there is no statistic {name!r}{nearest_name(name, known)}; known are {', '.join(known)}"
            )
    return tuple(statistic for statistic in STATISTICS if statistic.name in names)
