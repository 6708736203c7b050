r"""Null models of two-time observables: free diffusion, with constant or changing noise, and Ornstein–Uhlenbeck modes.

Displacements are per coordinate: :math:`\Delta(t_w+t, t_w) = |x(t_w+t) - x(t_w)|^2 / n`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError


def free_displacement(delay: ArrayLike, step_variance: float) -> NDArray:
    """Δ = step_variance·t of independent steps with that variance per coordinate: at every age the same, of slope 1."""
    return step_variance * np.asarray(delay, dtype=np.float64)


def free_overlap(waiting_time: ArrayLike, delay: ArrayLike) -> NDArray:
    r"""x(t_w+t)·x(t_w)/(|x(t_w+t)||x(t_w)|) of free diffusion from the origin in many dimensions:
    :math:`(1 + t/t_w)^{-1/2}`.

    It looks like ageing with an exponent 1/2 and is none.
    """
    wait, delay = np.asarray(waiting_time, dtype=np.float64), np.asarray(delay, dtype=np.float64)
    if (wait <= 0).any():
        raise InputError("free_overlap: waiting times must be above 0")
    return (1.0 + delay / wait) ** -0.5


def clock_displacement(time: ArrayLike, variance_rate: ArrayLike, start: float, delay: ArrayLike) -> NDArray:
    """Free diffusion whose noise changes with time: the integral of ``variance_rate`` from ``start`` to start + delay.

    Parameters
    ----------
    time : array_like (times,)
        Increasing; the rate is taken to be a power law between two of them, constant before the first.
    variance_rate : array_like (times,)
        Variance per coordinate and unit of time, ≥ 0.

    Returns
    -------
    ndarray
        Shape of ``delay``; NaN where start + delay is beyond the last time.
    """
    t, rate = np.asarray(time, dtype=np.float64), np.asarray(variance_rate, dtype=np.float64)
    if t.ndim != 1 or rate.shape != t.shape or (np.diff(t) <= 0).any() or t[0] < 0:
        raise InputError(f"clock_displacement: times {t.shape} and rates {rate.shape}: give increasing times from 0")
    after = t > 0
    edges, heights = t[after], rate[after]
    grown = np.concatenate([[edges[0] * heights[0]], _segments(edges, heights)]).cumsum()
    ends = start + np.asarray(delay, dtype=np.float64)
    return _interpolate(ends, edges, heights, grown) - _interpolate(np.array(float(start)), edges, heights, grown)


def _segments(t: NDArray, rate: NDArray) -> NDArray:
    """Integral of the power law through neighbouring points."""
    return _power_integral(t[:-1], rate[:-1], t[1:], rate[1:], t[1:])


def _power_integral(t0, r0, t1, r1, end) -> NDArray:
    """∫ from t0 to ``end`` of the power law through (t0, r0) and (t1, r1); a line where a rate is zero."""
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.log(r1 / r0) / np.log(t1 / t0)
        near = np.abs(slope + 1.0) < 1e-9
        grown = ((end / t0) ** (slope + 1.0) - 1.0) / (slope + 1.0)
        power = r0 * t0 * np.where(near, np.log(end / t0), grown)
    line = (end - t0) * (r0 + 0.5 * (r1 - r0) * (end - t0) / (t1 - t0))
    return np.where((r0 > 0) & (r1 > 0), power, line)


def _interpolate(ends: NDArray, t: NDArray, rate: NDArray, grown: NDArray) -> NDArray:
    k = np.clip(np.searchsorted(t, ends, side="right") - 1, 0, len(t) - 2)
    inside = grown[k] + _power_integral(t[k], rate[k], t[k + 1], rate[k + 1], np.maximum(ends, t[k]))
    found = np.where(ends < t[0], ends * rate[0], inside)
    return np.where(ends <= t[-1] * (1 + 1e-9), found, np.nan)


def harmonic_displacement(
    delay: ArrayLike,
    waiting_time: float,
    curvature: ArrayLike,
    noise: ArrayLike,
    learning_rate: float,
    batch: int,
    start: ArrayLike | None = None,
) -> NDArray:
    r"""Δ of SGD in whole steps near a minimum: independent Ornstein–Uhlenbeck modes with constant noise.

    Mode i is :math:`u_{s+1} = (1 - \eta h_i) u_s + \xi` with :math:`\langle\xi^2\rangle = \eta^2 c_i/B`. With
    :math:`\rho = 1 - \eta h`, variance rate :math:`w = \eta^2 c/B` and :math:`\langle u^2\rangle` at t_w,

    .. math:: \Delta_i = (1 - \rho^t)^2 \langle u^2(t_w) \rangle + w \frac{1 - \rho^{2t}}{1 - \rho^2}.

    Parameters
    ----------
    delay : array_like
        Whole numbers of steps.
    waiting_time : float
        t_w in steps.
    curvature, noise : array_like (modes,)
        h_i of the mean loss, 0 for free modes, negative for unstable ones; c_i of one pattern.
    start : array_like (modes,), optional
        u² at time 0; without it the process is stationary at t_w (then all h must be in (0, 2/η)).

    Returns
    -------
    ndarray
        Mean over the modes, shape of ``delay``.
    """
    delay = np.asarray(delay, dtype=np.float64)[..., None]
    h, c = np.asarray(curvature, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    rho, rate = 1.0 - learning_rate * h, learning_rate**2 * c / batch
    if start is None:
        if ((rho <= -1) | (rho >= 1)).any():
            raise InputError("harmonic_displacement: a stationary start needs curvatures between 0 and 2/learning_rate")
        present = rate / (1.0 - rho**2)
    else:
        present = _power(rho, 2 * waiting_time) * np.asarray(start, dtype=np.float64) + rate * _sum(rho, waiting_time)
    return ((1.0 - _power(rho, delay)) ** 2 * present + rate * _sum(rho, delay)).mean(axis=-1)


def _power(rho: NDArray, steps) -> NDArray:
    """ρ^steps for whole steps, of either sign of ρ."""
    sign = np.where((rho < 0) & (np.asarray(steps) % 2 == 1), -1.0, 1.0)
    return sign * np.abs(rho) ** steps


def _sum(rho: NDArray, steps) -> NDArray:
    """(1 − ρ^{2t})/(1 − ρ²), t where ρ² = 1."""
    square = rho**2
    flat = np.abs(square - 1.0) < 1e-14
    safe = np.where(flat, 0.5, square)
    return np.where(flat, steps, (1.0 - safe**steps) / (1.0 - safe))
