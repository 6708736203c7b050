r"""Numbers of a funnel from its profile: depth, width, overshoot, and where a falling curve passes a level.

A profile is the energy density e(q) at overlaps q with a native state, one row per independent unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, Estimate, jackknife

#: Overlaps below this belong to states that know nothing of the native one.
NON_NATIVE = 0.15


@dataclass(frozen=True)
class FunnelShape:
    """Per unit: arrays (units,), energies as densities.

    ``depth`` is e at |q| < 0.15 less e at the largest q; ``half_overlap`` the q at which half of it is reached, counted
    from the native end; ``overshoot`` how far the highest e at q ≥ 0.15 lies above that at |q| < 0.15, over the depth:
    zero for a profile that only falls towards home, NaN without a depth; ``roughness`` the standard deviation at
    |q| < 0.15.
    """

    native: NDArray
    depth: NDArray
    half_overlap: NDArray
    overshoot: NDArray
    roughness: NDArray


def funnel_shape(overlap: ArrayLike, energy: ArrayLike, roughness: ArrayLike) -> FunnelShape:
    """Describe profiles ``energy`` (units, overlaps) with their spread ``roughness`` (units, overlaps).

    Raises
    ------
    InputError
        For shapes that do not fit, or without an overlap above 0.95 and one below 0.15.
    """
    q, e, s = (np.asarray(values, dtype=np.float64) for values in (overlap, energy, roughness))
    if q.ndim != 1 or e.shape != s.shape or e.shape[1:] != q.shape:
        raise InputError(f"profiles of shapes {e.shape} and {s.shape} at {q.shape} overlaps: give (units, overlaps)")
    order = np.argsort(q)
    q, e, s = q[order], e[:, order], s[:, order]
    outer = np.abs(q) < NON_NATIVE
    if not outer.any() or q[-1] < 0.95:
        raise InputError(f"overlaps from {q[0]:g} to {q[-1]:g}: a funnel needs q below {NON_NATIVE} and q near 1")
    top = e[:, outer].mean(axis=1)
    native = e[:, -1]
    depth = top - native
    inside = q >= 0
    half = np.array([
        crossing(q[inside][::-1], row[inside][::-1] - base, 0.5 * rise)
        for row, base, rise in zip(e, native, depth, strict=True)
    ])
    with np.errstate(invalid="ignore", divide="ignore"):
        overshoot = np.where(depth > 0, np.maximum(e[:, q >= NON_NATIVE].max(axis=1) - top, 0.0) / depth, np.nan)
    variance = (s[:, outer] ** 2).mean(axis=1)
    return FunnelShape(native, depth, half, overshoot, np.sqrt(variance))


def crossing(x: ArrayLike, y: ArrayLike, level: float) -> float:
    """The first x at which the polygon through (x, y) passes ``level``, in the order given; NaN where it never does."""
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    above = y - level
    for k in range(len(x) - 1):
        if above[k] == 0.0:
            return float(x[k])
        if above[k] * above[k + 1] < 0.0:
            return float(x[k] + (x[k + 1] - x[k]) * above[k] / (above[k] - above[k + 1]))
    return float(x[-1]) if len(x) and above[-1] == 0.0 else float("nan")


def crossing_of_means(x: ArrayLike, curves: ArrayLike, level: float) -> Estimate | None:
    """Where the mean of ``curves`` (units, x) first passes ``level``, with its jackknife error.

    None where it does not, with some unit left out or with all of them; also for fewer than five units.
    """
    x, curves = np.asarray(x, dtype=np.float64), np.asarray(curves, dtype=np.float64)
    curves = curves[np.isfinite(curves).all(axis=1)]
    if len(curves) < FEWEST_UNITS:
        return None

    def statistic(rows: NDArray) -> float:
        return crossing(x, rows.mean(axis=0), level)

    found = jackknife(statistic, curves)
    return found if np.isfinite(found.value) and np.isfinite(found.error) else None


def shift_of_crossing(x: ArrayLike, before: ArrayLike, after: ArrayLike, level: float) -> Estimate | None:
    """How far the crossing of :func:`crossing_of_means` moves from ``before`` to ``after``, (units, x) each.

    Rows are of the same units: the error is that of the difference, in which what they share cancels. None as there.
    """
    x, before, after = (np.asarray(values, dtype=np.float64) for values in (x, before, after))
    whole = (np.isfinite(before) & np.isfinite(after)).all(axis=1)
    if whole.sum() < FEWEST_UNITS:
        return None

    def statistic(first: NDArray, second: NDArray) -> float:
        return crossing(x, second.mean(axis=0), level) - crossing(x, first.mean(axis=0), level)

    found = jackknife(statistic, before[whole], after[whole])
    return found if np.isfinite(found.value) and np.isfinite(found.error) else None


def widths_of_directions(kick: ArrayLike, returned: ArrayLike) -> NDArray:
    """Size at which each direction is lost: half way between the last kick of an unbroken series of returns and the
    next one; half the first kick where none returns, the largest kick where all do.

    Parameters
    ----------
    kick : array_like, shape (kicks,)
    returned : array_like of bool, shape (..., kicks, directions)

    Returns
    -------
    ndarray, shape (..., directions)
    """
    kick = np.asarray(kick, dtype=np.float64)
    unbroken = np.cumprod(np.asarray(returned, dtype=bool), axis=-2).sum(axis=-2)
    edges = np.append(0.0, kick)
    middles = np.append(0.5 * (edges[1:] + edges[:-1]), edges[-1])
    return middles[unbroken]


@dataclass(frozen=True)
class Hysteresis:
    """Energies from two starts at rising temperatures.

    ``gap`` (temperatures,) is the mean over units of cooled less heated energy, ``error`` its standard error, ``z`` the
    ratio. ``below`` is the highest temperature up to which the two differ by at least ``level`` errors without a break
    from the lowest one, ``above`` the next one, where they no longer do; NaN where there is none.
    """

    gap: NDArray
    error: NDArray
    z: NDArray
    below: float
    above: float


def hysteresis(temperature: ArrayLike, heated: ArrayLike, cooled: ArrayLike, level: float = 4.0) -> Hysteresis:
    """Compare energies (units, temperatures) reached from the native state and from random starts, unit by unit.

    Raises
    ------
    InputError
        For shapes that differ, temperatures that do not rise, or fewer than five units.
    """
    t, hot, cold = (np.asarray(v, dtype=np.float64) for v in (temperature, heated, cooled))
    if hot.shape != cold.shape or hot.shape[1:] != t.shape or np.any(np.diff(t) <= 0):
        raise InputError(f"energies {hot.shape} and {cold.shape} at {t.shape} rising temperatures: shapes must fit")
    if len(hot) < FEWEST_UNITS:
        raise InputError(f"{len(hot)} units: hysteresis needs at least {FEWEST_UNITS}")
    difference = cold - hot
    gap, error = difference.mean(axis=0), difference.std(axis=0, ddof=1) / np.sqrt(len(hot))
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.where(error > 0, gap / error, 0.0)
    differs = z >= level
    count = int(np.cumprod(differs).sum())
    below = float(t[count - 1]) if count else float("nan")
    above = float(t[count]) if count < len(t) else float("nan")
    return Hysteresis(gap, error, z, below, above)
