r"""Fluctuations of the correlation with the start: chi_4, and the relaxation time.

:math:`\chi_4(t) = N\,\mathrm{Var}\,C(t, 0)`, with C(t, 0) the overlap of the configuration at time t with the start,
not averaged over anything but the N spins. It grows with the volume that relaxes together and peaks near the relaxation
time. From an equilibrium start the variance over disorder, starts and noise splits into a part over the noise, at fixed
couplings and start (iso-configurational), and the rest.

References: Franz and Parisi, J. Phys.: Condens. Matter 12, 6335 (2000); Toninelli, Wyart, Berthier, Biroli and
Bouchaud, Phys. Rev. E 71, 041505 (2005).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.resampling import FEWEST_UNITS, Estimate, halvings, jackknife


@dataclass(frozen=True)
class DynamicSusceptibility:
    """chi_4(t) and its parts; arrays of shape (time,).

    Attributes
    ----------
    correlation, correlation_error
        Mean of C(t, 0) and its error.
    total, total_error
        :math:`N\\,\\mathrm{Var}\\,C` over samples and replicas.
    within, within_error
        N times the mean over samples of the variance between replicas on one sample; NaN for one replica.
    peak_time, peak, peak_error
        Where the total is largest among the times measured, and its value there with its error, which does not know
        that the place was chosen.
    n_units : int
        Samples.
    height, height_error, drop, drop_error
        The total at its largest, and by how much that is above the total at the last time: places found on one half of
        the samples, values read on the other.
    """

    correlation: NDArray
    correlation_error: NDArray
    total: NDArray
    total_error: NDArray
    within: NDArray
    within_error: NDArray
    peak_time: float
    peak: float
    peak_error: float
    n_units: int
    height: float = math.nan
    height_error: float = math.nan
    drop: float = math.nan
    drop_error: float = math.nan

    @property
    def between(self) -> NDArray:
        """N times the variance over couplings and starts of the mean over noise."""
        return self.total - self.within


def dynamic_susceptibility(
    overlap: ArrayLike, time: ArrayLike, n: int, fewest_units: int = FEWEST_UNITS
) -> DynamicSusceptibility:
    r"""chi_4(t) from overlaps with the start.

    Parameters
    ----------
    overlap : array_like, shape (sample, replica, time)
        C(t, 0) of each replica; replicas of one sample have the same couplings and the same start.
    time : array_like, shape (time,)
    n : int
        N.

    Raises
    ------
    InputError
        For shapes that do not fit, or too few samples.

    Notes
    -----
    With V_w the mean variance between the R replicas of a sample (R − 1 in the denominator) and V_m the variance of the
    means of samples (S − 1), the total is V_m + (1 − 1/R) V_w: an unbiased estimate of the variance of one replica of
    one sample.
    """
    overlap, time = np.asarray(overlap, dtype=np.float64), np.asarray(time, dtype=np.float64)
    if overlap.ndim != 3 or time.shape != overlap.shape[2:]:
        raise InputError(f"overlaps {overlap.shape} and times {time.shape}: give (sample, replica, time) and (time,)")
    replicas = overlap.shape[1]

    def parts(rows: NDArray) -> NDArray:
        means = rows.mean(axis=1)
        within = rows.var(axis=1, ddof=1).mean(axis=0) if replicas > 1 else np.full(rows.shape[2], np.nan)
        shared = means.var(axis=0, ddof=1)
        total = shared + (1.0 - 1.0 / replicas) * within if replicas > 1 else shared
        return np.stack([means.mean(axis=0), n * total, n * np.nan_to_num(within)])

    found = jackknife(parts, overlap, fewest_units=max(fewest_units, 3))
    (correlation, total, within), (c_error, t_error, w_error) = found.value, found.error
    if replicas == 1:
        within, w_error = np.full_like(total, np.nan), np.full_like(total, np.nan)
    top = int(np.argmax(total))
    (height, drop), (height_error, drop_error) = _peak(overlap)
    return DynamicSusceptibility(
        correlation, c_error, total, t_error, within, w_error, float(time[top]), float(total[top]),
        float(t_error[top]), found.n_units, n * height, n * height_error, n * drop, n * drop_error,
    )  # fmt: skip


def _peak(overlap: NDArray) -> tuple[NDArray, NDArray]:
    """Variance at its peak, and less that at the last time, with jackknife errors: the peak is found on one half of the
    samples and read on the other, mean over halvings and both ways round."""
    samples, replicas = overlap.shape[:2]
    means = overlap.mean(axis=1)
    means -= means.mean(axis=0)
    within = (1.0 - 1.0 / replicas) * overlap.var(axis=1, ddof=1) if replicas > 1 else np.zeros_like(means)
    # Of each half: sums with all samples, in place 0, and without one, in place 1 + its number.
    totals = []
    for half in (halves := halvings(samples)), ~halves:
        count, *sums = (
            np.concatenate([(half @ values)[:, None], (half @ values)[:, None] - half[:, :, None] * values], axis=1)
            for values in (np.ones((samples, 1)), means, means**2, within)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            totals.append((sums[1] - sums[0] ** 2 / count) / (count - 1.0) + sums[2] / count)
    found = []
    for choice, read in (totals, totals[::-1]):
        sound = np.isfinite(choice).all(axis=2) & np.isfinite(read).all(axis=2)
        place = np.argmax(np.where(np.isfinite(choice), choice, -np.inf), axis=2)[..., None]
        top = np.take_along_axis(read, place, axis=2)[..., 0]
        with np.errstate(invalid="ignore"):  # halves of one sample are left out
            found.append(np.where(sound, [top, top - read[..., -1]], np.nan))
    value = np.nanmean(found, axis=(0, 2))  # (2, 1 + samples)
    apart = value[:, 1:] - value[:, 1:].mean(axis=1, keepdims=True)
    return value[:, 0], np.sqrt((samples - 1) / samples * (apart**2).sum(axis=1))


def susceptibility_at_relaxation(
    overlap: ArrayLike, time: ArrayLike, n: int, level: float, fewest_units: int = FEWEST_UNITS
) -> Estimate:
    """chi_4 at the time at which the mean of C falls to ``level``, and that less chi_4 at the last time.

    The place is that of the mean, not of the largest variance: nothing is chosen for being large.

    Parameters
    ----------
    overlap, time, n
        As of :func:`dynamic_susceptibility`.
    level
        As of :func:`relaxation_time`.

    Raises
    ------
    NotConvergedError, InputError
        As :func:`relaxation_time`.
    """
    overlap, time = np.asarray(overlap, dtype=np.float64), np.asarray(time, dtype=np.float64)
    replicas = overlap.shape[1]

    def both(rows: NDArray) -> NDArray:
        means = rows.mean(axis=1)
        total = means.var(axis=0, ddof=1)
        if replicas > 1:
            total = total + (1.0 - 1.0 / replicas) * rows.var(axis=1, ddof=1).mean(axis=0)
        at = np.interp(_crossing(means.mean(axis=0), time, level), np.log(time), total)
        return n * np.array([at, at - total[-1]])

    return jackknife(both, overlap, fewest_units=max(fewest_units, 3))


def relaxation_time(
    correlation: ArrayLike, time: ArrayLike, level: float, fewest_units: int = FEWEST_UNITS
) -> Estimate:
    """ln τ with C(τ) = ``level``, C the mean over samples, interpolated in ln t; jackknife over samples.

    Parameters
    ----------
    correlation : array_like, shape (sample, time)
        Mean over replicas of C(t, 0).
    time : array_like, shape (time,)
        Positive and increasing.
    level : float

    Raises
    ------
    NotConvergedError
        If the mean, or the mean without one sample, never falls below the level: the run is too short.
    InputError
        For shapes that do not fit, or too few samples.
    """
    correlation, time = np.asarray(correlation, dtype=np.float64), np.asarray(time, dtype=np.float64)
    if correlation.ndim != 2 or time.shape != correlation.shape[1:] or not (np.diff(time) > 0).all() or time[0] <= 0:
        raise InputError(
            f"correlations {correlation.shape} and times {time.shape}: give (sample, time) and increasing times above 0"
        )

    return jackknife(lambda rows: _crossing(rows.mean(axis=0), time, level), correlation, fewest_units=fewest_units)


def _crossing(mean: NDArray, time: NDArray, level: float) -> float:
    """ln t at which the mean falls to the level."""
    below = np.flatnonzero(mean <= level)
    if not len(below) or below[0] == 0:
        raise NotConvergedError(
            f"C(t) stays {'above' if not len(below) else 'below'} {level:g} over the times measured: "
            "there is no relaxation time in them"
        )
    k = below[0]
    share = (mean[k - 1] - level) / (mean[k - 1] - mean[k])
    return float(np.log(time[k - 1]) + share * np.log(time[k] / time[k - 1]))
