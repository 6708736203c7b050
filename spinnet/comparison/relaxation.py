r"""The shape of a relaxation curve without its scales of energy and time.

A run has made the drop :math:`d(t) = e(0) - e(t)`. Its half-time within [0, T] is the first time at which half of
d(T) is made. A run is cut at the horizon, the first T that is ``horizon`` half-times long, so that a long and a short
run are looked at equally long on their own clock; everything is then a function of t over the half-time and of
d over d(T). Between measuring times e is linear in t before the first one and linear in ln t after it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Times in half-times at which the curve is compared, as shares of the horizon (log-spaced).
_SHARES = np.geomspace(1 / 200, 1, 14)[:-1]


@dataclass(frozen=True)
class Cut:
    """A relaxation curve up to its horizon: ``clock`` grid, drop on it, half-time and horizon in given time."""

    clock: NDArray
    drop: NDArray
    first: float
    half_time: float
    end: float

    def at(self, times: NDArray | float) -> NDArray:
        """Drop over the drop at the horizon, at given times."""
        total = np.interp(to_clock(self.end, self.first), self.clock, self.drop)
        return np.interp(to_clock(times, self.first), self.clock, self.drop) / total

    def crossing(self, share: float) -> float:
        """First time at which ``share`` of the drop at the horizon is made."""
        return _crossing(self.clock, np.maximum.accumulate(self.drop), share, self.end, self.first)


def cut_at_horizon(time: NDArray, energy: NDArray, horizon: float) -> Cut | None:
    """Cut one run at its horizon; None where it is not finite, does not relax or is too short.

    Parameters
    ----------
    time : ndarray, shape (time,)
        Increasing, starting at 0, in any unit.
    energy : ndarray, shape (time,)
        In any unit and from any zero.
    horizon : float
        Length of the curve in half-times.
    """
    if len(time) < 3 or not (np.isfinite(energy).all() and time[0] == 0.0):
        return None
    first = float(time[1])
    clock = to_clock(time, first)
    drop = energy[0] - energy
    best = np.maximum.accumulate(drop)

    def long_enough(end: float) -> bool:
        return _interpolate(clock, best, _scalar_clock(end, first)) > 0 and (
            end >= horizon * _crossing(clock, best, 0.5, end, first)
        )

    beyond = next((k for k in range(1, len(time)) if long_enough(float(time[k]))), None)
    if beyond is None:
        return None
    low, high = float(time[beyond - 1]), float(time[beyond])
    while high - low > 1e-13 * high:
        middle = 0.5 * (low + high)
        low, high = (low, middle) if long_enough(middle) else (middle, high)
    return Cut(clock, drop, first, _crossing(clock, best, 0.5, high, first), high)


def stretch(cut: Cut) -> float:
    """t_90/t_50: the time to 90 % of the drop over the time to half of it."""
    return cut.crossing(0.9) / cut.crossing(0.5)


def late_drop_ratio(cut: Cut) -> float:
    r""":math:`[e(T/4) - e(T)] / [e(T/16) - e(T/4)]`, with T the horizon.

    :math:`4^{-a}` for :math:`e = e_\infty + c\,t^{-a}`, 0 for a curve that has ended before T/4: the local log-slope
    of a relaxation towards an unknown limit, in which neither the limit nor the amplitude enters.
    """
    early, middle, late = cut.at(cut.end / np.array([16.0, 4.0, 1.0]))
    return float((late - middle) / (middle - early)) if middle > early else np.nan


def curve(cut: Cut) -> NDArray:
    """Drop over the drop at the horizon at 13 log-spaced times between horizon/200 and the horizon."""
    return cut.at(cut.end * _SHARES)


def to_clock(time: NDArray | float, first: float) -> NDArray:
    """t/first - 1 up to the first measuring time, ln(t/first) after it: smooth, and finite at t = 0."""
    scaled = np.asarray(time, dtype=np.float64) / first
    return np.where(scaled < 1.0, scaled - 1.0, np.log(np.maximum(scaled, 1.0)))


def _scalar_clock(time: float, first: float) -> float:
    return time / first - 1.0 if time < first else math.log(time / first)


def _interpolate(clock: NDArray, values: NDArray, at: float) -> float:
    k = min(max(int(clock.searchsorted(at)), 1), len(clock) - 1)
    share = (at - clock[k - 1]) / (clock[k] - clock[k - 1])
    return float(values[k - 1] + share * (values[k] - values[k - 1]))


def _crossing(clock: NDArray, best: NDArray, share: float, end: float, first: float) -> float:
    """First time at which the running maximum ``best`` reaches ``share`` > 0 of its value at ``end``."""
    target = share * _interpolate(clock, best, _scalar_clock(end, first))
    k = int(best.searchsorted(target))
    if k == len(best):
        return end
    found = float(clock[k - 1] + (target - best[k - 1]) / (best[k] - best[k - 1]) * (clock[k] - clock[k - 1]))
    return first * (found + 1.0) if found < 0 else first * math.exp(found)
