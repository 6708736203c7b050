r"""Fluctuation and dissipation of an ageing system: χ against C, its slope, and the distance from equilibrium.

In equilibrium at temperature T the integrated response and the correlation obey :math:`T\chi = C(0) - C`. A system that
ages after a quench obeys it for short delays, where C is above its plateau q, and below the plateau with another
slope, :math:`-T\,d\chi/dC = X < 1`: degrees of freedom that still relax look hotter, at T/X.

References: Cugliandolo and Kurchan, Phys. Rev. Lett. 71, 173 (1993); Cugliandolo, Kurchan and Peliti, Phys. Rev. E 55,
3898 (1997).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import Estimate, jackknife, mean_and_error

#: Fewer points than this do not show whether they lie on a line.
FEWEST_POINTS = 4


@dataclass(frozen=True)
class DissipationSlope:
    """The straight line χ = a − s·C through the points of a window of C.

    Attributes
    ----------
    slope, slope_error : float
        s = −dχ/dC = X/T, an inverse temperature; errors are over disorder samples.
    intercept, intercept_error : float
        a, the integrated response where the line meets C = 0.
    ratio, ratio_error : float
        X = T·s, the fluctuation–dissipation ratio; NaN at T = 0, where only s has a meaning.
    curvature_z : float
        Second-order coefficient of a parabola through the same points over its error: beyond 4 the points do not lie
        on a line, and the slope is an average over the window.
    used : ndarray (delays,) of bool
        The points that were fitted.
    n_samples : int
        Disorder samples.
    """

    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    ratio: float
    ratio_error: float
    curvature_z: float
    used: NDArray
    n_samples: int


def dissipation_slope(
    correlation: ArrayLike, response: ArrayLike, temperature: float, upper: float, lower: float = 0.0
) -> DissipationSlope:
    """Fit χ against C where ``lower`` ≤ C ≤ ``upper``, by least squares through the means over samples.

    Parameters
    ----------
    correlation, response : array_like (samples, delays)
        C(t_w + t, t_w) and χ(t_w + t, t_w) at one waiting time, averaged over the replicas of each sample; several
        waiting times may be laid side by side as more delays. Columns with a missing value are left out.
    temperature : float
        T ≥ 0 of the dynamics.
    upper, lower : float
        The window of the mean C: for the ageing regime below the plateau q, with some distance to it.

    Raises
    ------
    InputError
        For arrays of different shapes, fewer than five samples, or fewer than four different points in the window.

    Notes
    -----
    The error is that of a jackknife over samples with the window's points kept: delays of one sample are correlated,
    and no error from the scatter about the line would be right.
    """
    correlation, response = _pair(correlation, response)
    if not (np.isfinite(temperature) and temperature >= 0):
        raise InputError(f"temperature = {temperature!r}: give the temperature of the dynamics, 0 or more")
    if not lower < upper:
        raise InputError(f"the window of C from {lower:g} to {upper:g} is empty: give lower < upper")
    known = np.isfinite(correlation).all(axis=0) & np.isfinite(response).all(axis=0)
    mean = np.where(known, np.where(known, correlation, 0.0).mean(axis=0), np.nan)
    used = known & (mean >= lower) & (mean <= upper)
    if len(np.unique(mean[used])) < FEWEST_POINTS:
        raise InputError(
            f"{int(used.sum())} points have C between {lower:g} and {upper:g}; a slope needs {FEWEST_POINTS} different "
            "ones: widen the window, measure at more delays, or run longer"
        )

    def line(c: NDArray, chi: NDArray) -> NDArray:
        bend, _, _ = np.polyfit(c.mean(axis=0), chi.mean(axis=0), 2)
        slope, intercept = np.polyfit(c.mean(axis=0), chi.mean(axis=0), 1)
        return np.array([-slope, intercept, bend])

    found = jackknife(line, correlation[:, used], response[:, used])
    (slope, intercept, bend), (slope_error, intercept_error, bend_error) = found.value, found.error
    scale = temperature if temperature > 0 else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        z = float(np.divide(bend, bend_error))
    return DissipationSlope(
        float(slope), float(slope_error), float(intercept), float(intercept_error),
        float(scale * slope), float(scale * slope_error), z, used, found.n_units,
    )  # fmt: skip


def equilibrium_residual(
    correlation: ArrayLike, response: ArrayLike, temperature: float, self_correlation: ArrayLike = 1.0
) -> Estimate:
    """Tχ − (C(0) − C) at each delay with its error over samples: zero in equilibrium, negative in a system that ages.

    Parameters
    ----------
    correlation, response : array_like (samples, delays)
        As for :func:`dissipation_slope`; missing values are left out entry by entry.
    temperature : float
        T of the dynamics.
    self_correlation : array_like
        C(0), 1 on the sphere; on flat space C(t_w, t_w) for each sample, shape (samples, 1).

    Raises
    ------
    InputError
        For arrays of different shapes or fewer than two samples.
    """
    correlation, response = _pair(correlation, response)
    if len(correlation) < 2:
        raise InputError("one sample has no error: give two samples or more")
    residual = temperature * response - (np.asarray(self_correlation, dtype=np.float64) - correlation)
    mean, error = mean_and_error(residual)
    return Estimate(mean, error, np.zeros_like(mean), len(residual))


def _pair(correlation: ArrayLike, response: ArrayLike) -> tuple[NDArray, NDArray]:
    correlation, response = (np.asarray(array, dtype=np.float64) for array in (correlation, response))
    if correlation.ndim != 2 or correlation.shape != response.shape:
        raise InputError(
            f"correlations of shape {correlation.shape} and responses of shape {response.shape}: give "
            "(samples, delays) twice"
        )
    return correlation, response
