r"""Local exponents of a mean-square displacement, and whether they fall below those of diffusion.

A local exponent d ln Δ/d ln c, c the delay or another clock, is a straight line through the points within a factor of
the delay: neighbouring points of one run are nearly equal, and the slope between two of them is mostly noise.

The lowest exponent of a curve is a place that was chosen: where noise is low, it is chosen, and its own error knows
nothing of that. Here the place is chosen on one half of the units and the exponent read on the other, both ways round
and over many halvings; the jackknife over units goes through all of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, halvings, jackknife

#: An exponent with a larger error is no reading: rare batches of large gradients make short delays uncertain.
KNOWN = 0.15
#: Probability with which the bound below all exponents holds.
COVERAGE = 0.95
_SHARE = 1.5  # a window must reach so far on either side of its middle: half a span over this


@dataclass(frozen=True)
class LocalExponents:
    """d ln Δ/d ln c of one waiting time: arrays of shape (delay,), NaN where the window does not fit.

    Attributes
    ----------
    exponent, error
        Of the mean over all units.
    lowest, lowest_error
        The smallest of those that are known to :data:`KNOWN` or better: place and value from different units. Its mean
        is not below the true smallest one. NaN where none is known so well.
    lowest_at
        The delay at which it lies for all units together.
    rise, rise_error
        By how much the exponent is higher again at its greatest later on, places and values from different units; 0
        where the lowest is the last.
    bound
        With the probability :data:`COVERAGE` all those exponents lie above it (Student's t, Bonferroni over delays).
    n_units : int
    """

    delay: NDArray
    exponent: NDArray
    error: NDArray
    lowest: float
    lowest_error: float
    lowest_at: float
    rise: float
    rise_error: float
    bound: float
    n_units: int


class _Windows:
    """Straight lines through all points within a factor of each delay."""

    def __init__(self, delay: NDArray, known: NDArray, span: float):
        x, half = np.log(delay), 0.5 * math.log(span)
        self.known, self.inside = known, np.zeros((len(delay), len(delay)))
        for k in np.flatnonzero(known):
            near = known & (np.abs(x - x[k]) <= half * (1 + 1e-9))
            # Whole steps are not evenly spaced in ln t: two thirds of the span, on both sides of the middle, will do.
            if near.sum() >= 4 and min(x[k] - x[near][0], x[near][-1] - x[k]) >= half / _SHARE:
                self.inside[k, near] = 1.0
        self.fits = self.inside.any(axis=1)
        self._inside = self.inside[np.ix_(self.fits, known)]

    def slopes(self, log_clock: NDArray, log_curve: NDArray) -> NDArray:
        """At the places that fit, from values at the known delays."""
        ones = self._inside.sum(axis=1)
        c, y, cc, cy = (self._inside @ v for v in (log_clock, log_curve, log_clock**2, log_clock * log_curve))
        with np.errstate(invalid="ignore", divide="ignore"):
            return (cy - c * y / ones) / (cc - c * c / ones)


def exponents_of(delay: ArrayLike, curve: ArrayLike, clock: ArrayLike | None = None, span: float = 10.0) -> NDArray:
    """Local exponents of one curve without errors, such as of a null; NaN where no window fits."""
    t, curve = np.asarray(delay, dtype=np.float64), np.asarray(curve, dtype=np.float64)
    clock = t if clock is None else np.asarray(clock, dtype=np.float64)
    known = np.isfinite(curve) & (curve > 0) & np.isfinite(clock) & (clock > 0)
    windows, found = _Windows(t, known, span), np.full(len(t), np.nan)
    if windows.fits.any():
        found[windows.fits] = windows.slopes(np.log(clock[known]), np.log(curve[known]))
    return found


def displacement_exponents(
    delay: ArrayLike,
    displacement: ArrayLike,
    span: float = 10.0,
    fewest_units: int = FEWEST_UNITS,
    *,
    clock: ArrayLike | None = None,
    until: float = math.inf,
) -> LocalExponents:
    """Local exponents of the mean over units of Δ.

    Parameters
    ----------
    delay : array_like (delays,)
        Increasing and above 0.
    displacement : array_like (unit, delays)
        NaN in a whole column where the run ends.
    span : float
        Ratio of the last to the first delay of a window; a window needs four points and this full span.
    clock : array_like (unit, delays), optional
        What runs instead of the delay, increasing; the windows are those of the delay all the same.
    until : float
        The lowest exponent is looked for in windows that end by this delay; the rise after it anywhere later.

    Raises
    ------
    InputError
        For shapes that do not fit, too few units, or no window that fits.

    Notes
    -----
    Cost: 64 (units + 1) fits of all windows.
    """
    t, moved = np.asarray(delay, dtype=np.float64), np.asarray(displacement, dtype=np.float64)
    if t.ndim != 1 or moved.ndim != 2 or moved.shape[1] != len(t) or (t <= 0).any() or (np.diff(t) <= 0).any():
        raise InputError(f"delays {t.shape}, displacements {moved.shape}: increasing ones above 0 and (unit, delay)")
    ran = np.broadcast_to(t, moved.shape) if clock is None else np.asarray(clock, dtype=np.float64)
    if ran.shape != moved.shape:
        raise InputError(f"clock {ran.shape} and displacements {moved.shape}: both (unit, delay)")
    known = np.isfinite(moved).all(axis=0) & np.isfinite(ran).all(axis=0)
    known &= (np.nan_to_num(moved).mean(axis=0) > 0) & (np.nan_to_num(ran).mean(axis=0) > 0)
    windows = _Windows(t, known, span)
    if not windows.fits.any():
        raise InputError(
            f"{int(known.sum())} delays hold displacements: no window of a factor of {span:g} fits; run longer or take "
            "a narrower one"
        )
    moved, ran = moved[:, known], ran[:, known]

    def slopes(rows: NDArray) -> NDArray:
        return windows.slopes(np.log(ran[rows].mean(axis=0)), np.log(moved[rows].mean(axis=0)))

    everyone = np.arange(len(moved))
    found = jackknife(lambda rows: slopes(rows.astype(int)), everyone, fewest_units=fewest_units)
    exponent, error = np.full(len(t), np.nan), np.full(len(t), np.nan)
    exponent[windows.fits], error[windows.fits] = found.value, found.error
    at = t[windows.fits]
    asked = (at * math.sqrt(span) <= until * (1 + 1e-9)) & (found.error <= KNOWN)
    if not asked.any():
        return LocalExponents(t, exponent, error, *([math.nan] * 6), found.n_units)
    readable = found.error <= KNOWN
    halves = halvings(len(moved))
    ends = jackknife(lambda rows: _crossed(slopes, rows.astype(int), halves, asked, readable), everyone,
                     fewest_units=fewest_units)  # fmt: skip
    (lowest, rise), (lowest_error, rise_error) = ends.value, ends.error
    place = at[int(np.argmin(np.where(asked, found.value, np.inf)))]
    bound = float((found.value - _quantile(int(asked.sum()), found.n_units) * found.error)[asked].min())
    return LocalExponents(
        t, exponent, error, float(lowest), float(lowest_error), float(place), float(rise), float(rise_error), bound,
        found.n_units,
    )  # fmt: skip


def _crossed(slopes, rows: NDArray, halves: NDArray, asked: NDArray, readable: NDArray) -> NDArray:
    """Lowest exponent and rise after it: chosen on one part of the rows, read on the other, mean over halvings."""
    total, count = np.zeros(2), 0
    for half in halves:
        parts = [slopes(rows[mask]) for mask in (half[rows], ~half[rows]) if mask.any()]
        if len(parts) < 2:
            continue
        for choice, value in (parts, parts[::-1]):
            low = int(np.argmin(np.where(asked, choice, np.inf)))
            later = np.where(readable, choice, -np.inf)
            later[:low] = -np.inf
            total += value[low], value[int(np.argmax(later))] - value[low]
            count += 1
    return total / max(count, 1)


def _quantile(places: int, units: int) -> float:
    """Student's, one-sided, shared among the places."""
    from scipy.special import stdtrit

    return float(stdtrit(max(units - 1, 1), 1.0 - (1.0 - COVERAGE) / places))
