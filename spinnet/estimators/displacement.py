r"""Exponents of a mean-square displacement, and whether displacements of several ages collapse.

A local exponent d ln Δ/d ln t is a straight line through the points within a factor of t: neighbouring points of one
run are nearly equal, and the slope between two of them is mostly noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife

#: An exponent with a larger error is no reading: rare batches of large gradients make short delays uncertain.
KNOWN = 0.15


@dataclass(frozen=True)
class LocalExponents:
    """d ln Δ/d ln t of one waiting time: arrays of shape (delay,), NaN where the window does not fit.

    ``lowest`` is the smallest of those that are known to :data:`KNOWN` or better, at the delay ``lowest_at``, with the
    error at that delay (its choice biases it down by less than that error where the curve is smooth); NaN where none
    is known so well.
    """

    delay: NDArray
    exponent: NDArray
    error: NDArray
    lowest: float
    lowest_error: float
    lowest_at: float
    n_units: int


def displacement_exponents(
    delay: ArrayLike, displacement: ArrayLike, span: float = 10.0, fewest_units: int = FEWEST_UNITS
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

    Raises
    ------
    InputError
        For shapes that do not fit, too few units, or no window that fits.
    """
    t, moved = np.asarray(delay, dtype=np.float64), np.asarray(displacement, dtype=np.float64)
    if t.ndim != 1 or moved.ndim != 2 or moved.shape[1] != len(t) or (t <= 0).any() or (np.diff(t) <= 0).any():
        raise InputError(f"delays {t.shape}, displacements {moved.shape}: increasing ones above 0 and (unit, delay)")
    known = np.isfinite(moved).all(axis=0) & (moved.mean(axis=0) > 0)
    x = np.log(t)
    half = 0.5 * math.log(span)
    weights = np.zeros((len(t), len(t)))
    for k in np.flatnonzero(known):
        near = known & (np.abs(x - x[k]) <= half * (1 + 1e-9))
        # Whole steps are not evenly spaced in ln t: two thirds of the span, on both sides of the middle, will do.
        if near.sum() < 4 or x[k] - x[near][0] < half / 1.5 or x[near][-1] - x[k] < half / 1.5:
            continue
        centred = x[near] - x[near].mean()
        weights[k, near] = centred / (centred @ centred)
    fits = weights.any(axis=1)
    if not fits.any():
        raise InputError(
            f"{int(known.sum())} delays hold displacements: no window of a factor of {span:g} fits; run longer or take "
            "a narrower one"
        )
    found = jackknife(
        lambda rows: weights[:, known] @ np.log(rows.mean(axis=0)), moved[:, known], fewest_units=fewest_units
    )
    exponent, error = (np.where(fits, values, np.nan) for values in (found.value, found.error))
    read = np.where(error <= KNOWN, exponent, np.inf)
    low = int(np.nanargmin(read))
    ends = (exponent[low], error[low], t[low]) if np.isfinite(read[low]) else (np.nan, np.nan, np.nan)
    return LocalExponents(t, exponent, error, *map(float, ends), found.n_units)


@dataclass(frozen=True)
class Collapse:
    """Spread over ages of ln Δ at equal clock readings: root mean square over ages and readings.

    ``raw`` uses the delay itself, ``rescaled`` another clock; ``gain`` is raw/rescaled, above 1 where the clock helps.
    Only readings that all ages reach are compared.
    """

    raw: float
    raw_error: float
    rescaled: float
    rescaled_error: float
    gain: float
    gain_error: float
    n_units: int


def collapse(delay: ArrayLike, displacement: ArrayLike, clock: ArrayLike, readings: int = 24) -> Collapse:
    """How far displacements of several ages lie apart as functions of the delay, and of another clock.

    Parameters
    ----------
    delay : array_like (delays,)
        Above 0.
    displacement, clock : array_like (unit, age, delays)
        Δ and what the clock has run between t_w and t_w + t, increasing in t; NaN beyond the run.

    Raises
    ------
    InputError
        For fewer than two ages, or ages without a common range.
    """
    t = np.asarray(delay, dtype=np.float64)
    moved, clock = np.asarray(displacement, dtype=np.float64), np.asarray(clock, dtype=np.float64)
    if moved.ndim != 3 or moved.shape != clock.shape or moved.shape[2] != len(t) or moved.shape[1] < 2:
        raise InputError(f"collapse was given {moved.shape} and {clock.shape}: need (unit, age, delay) with two ages")
    known = np.isfinite(moved).all(axis=0) & np.isfinite(clock).all(axis=0)

    def spread(reading: NDArray, curves: NDArray) -> float:
        ends = [(reading[age][known[age]][0], reading[age][known[age]][-1]) for age in range(len(reading))]
        low, high = max(end[0] for end in ends), min(end[1] for end in ends)
        if not low < high:
            raise InputError("collapse: the ages have no common range of the clock")
        at = np.geomspace(low, high, readings)
        logs = np.array([np.interp(np.log(at), np.log(reading[age][known[age]]), np.log(curves[age][known[age]]))
                         for age in range(len(reading))])  # fmt: skip
        return float(np.sqrt(logs.var(axis=0).mean()))

    def both(curves: NDArray, clocks: NDArray) -> NDArray:
        mean = curves.mean(axis=0)
        raw, rescaled = spread(np.repeat(t[None], len(mean), axis=0), mean), spread(clocks.mean(axis=0), mean)
        return np.array([raw, rescaled, raw / rescaled])

    found = jackknife(both, np.where(known, moved, 0.0), np.where(known, clock, 0.0))
    (raw, rescaled, gain), (raw_error, rescaled_error, gain_error) = found.value, found.error
    return Collapse(raw, raw_error, rescaled, rescaled_error, gain, gain_error, found.n_units)
