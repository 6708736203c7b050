r"""Whether displacements of several ages are one curve: of the delay, of another clock, or of :math:`t/t_w^\mu`.

The spread of ln Δ between ages at equal readings is laid beside what the scatter of the units alone would leave of a
perfect collapse, and beside the spread on the clocks of the wrong ages: a clock that says something does better than
one that belongs to another age.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import jackknife

#: Ages must share so many decades of a reading for t/t_w^μ to be tried.
_COMMON_DECADES = 0.75
_EXPONENTS = np.arange(-0.5, 2.0001, 0.1)


@dataclass(frozen=True)
class Collapse:
    """Spread over ages of ln Δ at equal clock readings: root mean square over ages and readings.

    ``raw`` uses the delay itself, ``rescaled`` another clock, ``wrong`` the clocks in reversed order of age; ``gain``
    is raw/rescaled, above 1 where the clock helps. Only readings that all ages reach are compared. ``floor`` is what
    the scatter of the units alone leaves on the clock, ``excess`` the mean square rescaled² − floor² beyond it.
    """

    raw: float
    raw_error: float
    rescaled: float
    rescaled_error: float
    gain: float
    gain_error: float
    wrong: float
    wrong_error: float
    floor: float
    excess: float
    excess_error: float
    n_units: int


@dataclass(frozen=True)
class AgeExponent:
    """μ at which curves of t/t_w^μ lie closest together, and their spread there.

    μ = 0 is no ageing (or none left on the clock), 1 full ageing. ``at_end`` says that the best is an end of the range
    tried or of what the runs allow, and no minimum.
    """

    exponent: float
    error: float
    spread: float
    at_end: bool
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
    t, moved, ran, known = _checked(delay, displacement, clock)
    times = np.repeat(t[None], moved.shape[1], axis=0)

    def all_of(curves: NDArray, clocks: NDArray) -> NDArray:
        mean, own = curves.mean(axis=0), clocks.mean(axis=0)
        residual = _residuals(own, mean, known, readings)
        raw, rescaled = _spread(_residuals(times, mean, known, readings)), _spread(residual)
        return np.concatenate([[raw, rescaled, raw / rescaled, rescaled**2], residual.ravel()])

    found = jackknife(all_of, moved, ran)
    raw, rescaled, gain, square = found.value[:4]
    raw_error, rescaled_error, gain_error, square_error = found.error[:4]
    floor = float(np.sqrt((found.error[4:] ** 2).mean()))

    def of_others(curves: NDArray, clocks: NDArray) -> float:
        return _spread(_residuals(clocks.mean(axis=0)[::-1], curves.mean(axis=0), known & known[::-1], readings))

    try:
        wrong = jackknife(of_others, moved, ran)
        wrong, wrong_error = float(wrong.value), float(wrong.error)
    except InputError:  # without a common range
        wrong = wrong_error = math.nan
    return Collapse(raw, raw_error, rescaled, rescaled_error, gain, gain_error, wrong, wrong_error, floor,
                    float(square - floor**2), square_error, found.n_units)  # fmt: skip


def age_exponent(
    delay: ArrayLike, displacement: ArrayLike, ages: ArrayLike, clock: ArrayLike | None = None, readings: int = 24
) -> AgeExponent:
    """The μ of t/t_w^μ, or of clock/t_w^μ, at which the ages collapse best.

    Parameters
    ----------
    delay, displacement, clock
        As of :func:`collapse`.
    ages : array_like (age,)
        Waiting times above 0.

    Raises
    ------
    InputError
        For fewer than two ages, an age of 0, or ages that share no range at any exponent.
    """
    t, moved, ran, known = _checked(delay, displacement, displacement if clock is None else clock)
    ages = np.asarray(ages, dtype=np.float64)
    if ages.shape != (moved.shape[1],) or (ages <= 0).any():
        raise InputError(f"ages {ages}: give {moved.shape[1]} waiting times above 0")
    times = np.repeat(t[None], len(ages), axis=0)

    def spreads(curves: NDArray, clocks: NDArray) -> NDArray:
        mean, base = curves.mean(axis=0), times if clock is None else clocks.mean(axis=0)
        found = np.full(len(_EXPONENTS), np.inf)
        for k, exponent in enumerate(_EXPONENTS):
            reading = base * ((ages / ages[0]) ** -exponent)[:, None]
            low, high = _range(reading, known)
            if high > low * 10.0**_COMMON_DECADES:
                found[k] = _spread(_residuals(reading, mean, known, readings))
        return found

    def best(curves: NDArray, clocks: NDArray) -> NDArray:
        found = spreads(curves, clocks)
        k = int(np.argmin(found))
        if not np.isfinite(found[k]):
            raise InputError("age_exponent: the ages have no common range at any exponent")
        if not (0 < k < len(found) - 1 and np.isfinite(found[k - 1 : k + 2]).all()):
            return np.array([_EXPONENTS[k], found[k], 1.0])
        low, middle, high = found[k - 1 : k + 2] ** 2
        bend = low - 2 * middle + high
        shift = 0.5 * (low - high) / bend if bend > 0 else 0.0
        return np.array([_EXPONENTS[k] + shift * (_EXPONENTS[1] - _EXPONENTS[0]), found[k], 0.0])

    found = jackknife(best, moved, ran)
    (exponent, spread, at_end), error = found.value, float(found.error[0])
    return AgeExponent(float(exponent), error, float(spread), bool(at_end), found.n_units)


def _checked(delay: ArrayLike, displacement: ArrayLike, clock: ArrayLike) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    t = np.asarray(delay, dtype=np.float64)
    moved, ran = np.asarray(displacement, dtype=np.float64), np.asarray(clock, dtype=np.float64)
    if moved.ndim != 3 or moved.shape != ran.shape or moved.shape[2] != len(t) or moved.shape[1] < 2:
        raise InputError(f"collapse was given {moved.shape} and {ran.shape}: need (unit, age, delay) with two ages")
    known = np.isfinite(moved).all(axis=0) & np.isfinite(ran).all(axis=0)
    if not known.any(axis=1).all():
        raise InputError("collapse: the ages have no common range of the clock")
    return t, np.where(known, moved, 0.0), np.where(known, ran, 0.0), known


def _range(reading: NDArray, known: NDArray) -> tuple[float, float]:
    """The readings that all ages reach."""
    ends = [(reading[age][known[age]][[0, -1]]) for age in range(len(reading))]
    return float(max(end[0] for end in ends)), float(min(end[1] for end in ends))


def _residuals(reading: NDArray, curves: NDArray, known: NDArray, readings: int) -> NDArray:
    """ln Δ of each age less the mean over ages, at equal readings."""
    low, high = _range(reading, known)
    if not low < high:
        raise InputError("collapse: the ages have no common range of the clock")
    at = np.log(np.geomspace(low, high, readings))
    logs = np.array([np.interp(at, np.log(reading[age][known[age]]), np.log(curves[age][known[age]]))
                     for age in range(len(reading))])  # fmt: skip
    return logs - logs.mean(axis=0)


def _spread(residuals: NDArray) -> float:
    return float(np.sqrt((residuals**2).mean()))
