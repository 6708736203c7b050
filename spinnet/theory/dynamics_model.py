"""What the two-time equations of a spherical glass are asked for: covariance, temperatures, signal, times.

All solvers of :mod:`spinnet.theory` that integrate the Cugliandolo-Kurchan equations read their arguments here, so
that they refuse the same input with the same words.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance


def _number(value: object, name: str, allowed: str) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise InputError(f"{name} = {value!r} is not a number; allowed: {allowed}") from None
    if math.isnan(number):
        raise InputError(f"{name} is not a number (nan); allowed: {allowed}")
    return number


def read_times(times: Iterable[float] | float, name: str = "times", allow_zero: bool = False) -> np.ndarray:
    """Return the times as a float64 array in the order given; refuse what is not positive and finite."""
    try:
        values = np.atleast_1d(np.asarray(times if np.ndim(times) else [times], dtype=np.float64))
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers, not {times!r}") from None
    if values.ndim != 1 or (values.size == 0 and name == "times"):
        raise InputError(f"{name} must be a non-empty list of numbers")
    bad = ~np.isfinite(values) | ((values < 0) if allow_zero else (values <= 0))
    if bad.any():
        limit = ">= 0" if allow_zero else "> 0"
        raise InputError(f"{name}: {values[bad][0]:g} is not allowed; every time must be finite and {limit}")
    return values


def static_transition(amplitudes: Mapping[int, float]) -> float:
    """Lowest temperature at which the annealed (planted) start is the Gibbs state.

    T_s^2 = max_q f(q) / (-ln(1-q) - q), because the annealed state is typical as long as
    beta^2 f(q) + ln(1-q) + q <= 0 for all overlaps q (Talagrand 2006, Crisanti-Sommers 1992).
    """
    q = -np.expm1(-np.geomspace(1e-8, 36.0, 20001))
    f = sum(0.5 * a * a * q**p for p, a in amplitudes.items())
    # -ln(1-q) - q = q^2/2 + ... loses digits for small q.
    entropy = np.where(q < 1e-3, q * q * (0.5 + q / 3 + q * q / 4), -np.log1p(-q) - q)
    return math.sqrt(float(np.max(f / entropy)))


@dataclass(frozen=True)
class TwoTimeModel:
    """The equations to solve: polynomial coefficients and temperatures (see :func:`two_time_model`)."""

    amplitudes: dict[int, float]
    temperature: float
    inverse_initial: float
    initial_overlap: float
    f: np.ndarray = field(repr=False)
    signal: np.ndarray = field(repr=False)

    @property
    def df(self) -> np.ndarray:
        """Coefficients of f'."""
        return self.f[1:] * np.arange(1, self.f.size)

    @property
    def ddf(self) -> np.ndarray:
        """Coefficients of f''."""
        return self.df[1:] * np.arange(1, self.f.size - 1)

    @property
    def rate(self) -> float:
        """Microscopic rate sqrt(f''(1)) + T + b0 f'(1) + s'(1): steps are measured in its inverse."""
        signal_force = float(np.sum(self.signal * np.arange(self.signal.size)))
        start_force = self.inverse_initial * float(self.df.sum())
        return math.sqrt(float(self.ddf.sum())) + self.temperature + start_force + abs(signal_force)


def two_time_model(
    covariance: Covariance | Mapping[int, float],
    temperature: float,
    initial_temperature: float = math.inf,
    planted: Mapping[int, float] | None = None,
    initial_overlap: float = 0.0,
) -> TwoTimeModel:
    """Check the arguments of a two-time solver and return the model.

    Parameters
    ----------
    covariance : mapping of int to float, or Covariance
        Amplitudes a_p of f(q) = 1/2 sum_p a_p^2 q^p, degrees p >= 2.
    temperature : float
        Bath temperature T >= 0; T = 0 is gradient flow.
    initial_temperature : float
        T_0 of the initial state: ``inf`` is a random start; finite T_0 is the planted (annealed) start, which is the
        Gibbs state for T_0 > T_s and refused below.
    planted : mapping of int to float, optional
        Signal term -N s(m), s(m) = 1/2 sum_p snr_p a_p^2 m^p with m the overlap with the signal: degree p of the
        landscape carries the signal with strength snr_p (that is beta_0 when all are equal).
    initial_overlap : float
        m(0), within [-1, 1].

    Raises
    ------
    InputError
        For a covariance that :class:`Covariance` refuses (degree 1 among others), T < 0, T_0 <= T_s, |m(0)| > 1.
    """
    amplitudes = Covariance(covariance).amplitudes
    bath = _number(temperature, "temperature", "a finite number >= 0")
    if bath < 0 or math.isinf(bath):
        raise InputError(f"temperature = {bath:g} is not allowed; it must be finite and >= 0 (0 is gradient flow)")
    start = _number(initial_temperature, "initial_temperature", "a number > T_s, or inf for a random start")
    if start <= 0:
        raise InputError(f"initial_temperature = {start:g} is not allowed; it must be > T_s, or inf for a random start")
    if math.isfinite(start):
        lowest = static_transition(amplitudes)
        if start < lowest * (1 - 1e-6):
            raise InputError(
                f"initial_temperature = {start:g} is below the static transition T_s = {lowest:.6g}, where a planted "
                "start is not the Gibbs state; give a higher one, or inf for a random start"
            )
    overlap = _number(initial_overlap, "initial_overlap", "a number from -1 to 1")
    if abs(overlap) > 1:
        raise InputError(f"initial_overlap = {overlap:g} is not allowed; an overlap lies within [-1, 1]")
    f = np.zeros(max(amplitudes) + 1)
    for degree, amplitude in amplitudes.items():
        f[degree] = 0.5 * amplitude * amplitude
    signal = np.zeros(f.size)
    for degree, snr in (planted or {}).items():
        strength = _number(snr, f"planted: strength of degree {degree}", "a finite number")
        if math.isinf(strength):
            raise InputError(f"planted: the strength of degree {degree} must be finite")
        if degree not in amplitudes:
            raise InputError(
                f"planted: degree {degree} is not in the covariance (degrees {sorted(amplitudes)}); "
                "a signal is carried by a degree of the landscape"
            )
        signal[degree] = strength * f[degree]
    return TwoTimeModel(amplitudes, bath, 1.0 / start, overlap, f, signal)
