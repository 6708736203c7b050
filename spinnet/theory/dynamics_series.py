r"""Taylor series of the two-time equations at short times, in exact or floating-point arithmetic.

For t > t' both functions are analytic at t = t' = 0,

.. math:: C(t,t') = \sum_{mn} c_{mn} t^m t'^n, \qquad R(t,t') = \sum_{mn} r_{mn} t^m t'^n .

The equations give the coefficients of total degree d + 1 from those of degree <= d, and C(t,t) = R(t,t^-) = 1 fix
the terms without t. With rational amplitudes and temperatures every coefficient is rational. At T = 0 from a random
start e(t) is odd in t; the idea of short-time series of the p-spin dynamics is that of Franz, Marinari, Parisi,
J. Phys. A 28, 5437 (1995).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_model import two_time_model

Number = TypeVar("Number", Fraction, float)
Series = dict[int, Number]  # exponent of t -> coefficient
DoubleSeries = dict[tuple[int, int], Number]  # exponents of (t, t') -> coefficient


@dataclass(frozen=True)
class ShortTimeSeries:
    """Coefficients up to a total degree: ``correlation[m, n]`` multiplies t^m t'^n, ``energy_density[k]`` t^k."""

    degree: int
    correlation: DoubleSeries
    response: DoubleSeries
    multiplier: Series
    energy_density: Series
    overlap: Series


def _product(a: DoubleSeries, b: DoubleSeries, degree: int) -> DoubleSeries:
    result: DoubleSeries = {}
    for (m, n), x in a.items():
        for (k, l), y in b.items():
            if m + n + k + l <= degree:
                key = (m + k, n + l)
                result[key] = result.get(key, 0) + x * y
    return result


def _polynomial_of(coefficients: list[Number], x: DoubleSeries, degree: int) -> DoubleSeries:
    """Horner's scheme for sum_k coefficients[k] x^k, truncated."""
    value: DoubleSeries = {}
    for coefficient in reversed(coefficients):
        value = _product(value, x, degree)
        value[0, 0] = value.get((0, 0), 0) + coefficient
    return {key: c for key, c in value.items() if c != 0}


def _before(a: DoubleSeries, b: DoubleSeries, degree: int, one: Number) -> DoubleSeries:
    """Integral of a(t, s) b(t', s) over s from 0 to t'."""
    result: DoubleSeries = {}
    for (m, n), x in a.items():
        for (k, l), y in b.items():
            if m + n + k + l + 1 <= degree:
                key = (m, k + n + l + 1)
                result[key] = result.get(key, 0) + x * y * one / (n + l + 1)
    return result


def _between(a: DoubleSeries, b: DoubleSeries, degree: int, one: Number) -> DoubleSeries:
    """Integral of a(t, s) b(s, t') over s from t' to t."""
    result: DoubleSeries = {}
    for (m, n), x in a.items():
        for (k, l), y in b.items():
            power = n + k + 1
            if m + l + power <= degree:
                term = x * y * one / power
                result[m + power, l] = result.get((m + power, l), 0) + term
                result[m, l + power] = result.get((m, l + power), 0) - term
    return result


def _over_all(a: DoubleSeries, one: Number) -> DoubleSeries:
    """Integral of a(t, s) over s from 0 to t."""
    result: DoubleSeries = {}
    for (m, n), x in a.items():
        result[m + n + 1, 0] = result.get((m + n + 1, 0), 0) + x * one / (n + 1)
    return result


def _sum(*terms: DoubleSeries) -> DoubleSeries:
    result: DoubleSeries = {}
    for term in terms:
        for key, x in term.items():
            result[key] = result.get(key, 0) + x
    return result


def _scaled(a: DoubleSeries, factor: Number) -> DoubleSeries:
    return {key: factor * x for key, x in a.items()} if factor else {}


def _integrated(rate: DoubleSeries, diagonal: bool, start: Number, one: Number) -> DoubleSeries:
    """Function with the given derivative in t; on the diagonal t = t' it equals ``start`` (or at t = 0 if not)."""
    result: DoubleSeries = {(m + 1, n): x * one / (m + 1) for (m, n), x in rate.items()}
    if diagonal:
        for (m, n), x in list(result.items()):
            result[0, m + n] = result.get((0, m + n), 0) - x
    result[0, 0] = start
    return result


def short_time_series(
    covariance: Covariance | Mapping[int, float],
    temperature: float | Fraction = 0,
    degree: int = 8,
    initial_temperature: float | Fraction = math.inf,
    planted: Mapping[int, float] | None = None,
    initial_overlap: float | Fraction = 0,
    exact: bool = True,
) -> ShortTimeSeries:
    """Taylor coefficients of C, R, mu, e and m up to a total degree in (t, t').

    Parameters
    ----------
    covariance, temperature, initial_temperature, planted, initial_overlap
        As in :func:`spinnet.theory.dynamics_model.two_time_model`; Fractions are taken as they are, floats at their
        exact binary value.
    degree : int
        Largest total degree, >= 1.
    exact : bool
        Fractions if true, else floating point (about ten times faster).

    Raises
    ------
    InputError
        For input that is not allowed.

    Notes
    -----
    Cost O(degree^5) coefficient operations for the pure 3-spin: 0.1 s at degree 8, floating point.
    """
    two_time_model(covariance, float(temperature), float(initial_temperature), planted, float(initial_overlap))
    if degree < 1:
        raise InputError(f"degree = {degree} is not allowed; a series has degree >= 1")
    number: Callable[[float | Fraction], Number] = Fraction if exact else float  # type: ignore[assignment]
    one = number(1)
    bath = number(temperature)
    pull = number(0) if float(initial_temperature) == math.inf else one / number(initial_temperature)
    start = number(initial_overlap)
    amplitudes = Covariance(covariance).amplitudes
    largest = max(amplitudes)
    f = [number(0)] * (largest + 1)
    signal = [number(0)] * (largest + 1)
    for p, amplitude in amplitudes.items():
        f[p] = number(amplitude) ** 2 / 2
        signal[p] = number((planted or {}).get(p, 0)) * f[p]
    f1 = [k * f[k] for k in range(1, largest + 1)]
    f2 = [k * f1[k] for k in range(1, largest)]
    s1 = [k * signal[k] for k in range(1, largest + 1)]

    c: DoubleSeries = {(0, 0): one}
    r: DoubleSeries = {(0, 0): one}
    m: DoubleSeries = {(0, 0): start}
    for d in range(degree + 1):
        # c, r and m are right up to degree d, hence all right-hand sides below too.
        noise = _polynomial_of(f1, c, d)
        memory = _product(_polynomial_of(f2, c, d), r, d)
        c0 = {key: x for key, x in c.items() if key[1] == 0}
        c0_earlier = {(0, k): x for (k, _), x in c0.items()}
        m_earlier = {(0, k): x for (k, _), x in m.items()}
        start_force = _scaled(_polynomial_of(f1, c0, d), pull)
        signal_force = _polynomial_of(s1, m, d)
        mu = _sum(
            {(0, 0): bath},
            _over_all(_sum(_product(noise, r, d), _product(memory, c, d)), one),
            _product(start_force, c0, d),
            _product(signal_force, m, d),
        )
        energy = _scaled(
            _sum(
                _over_all(_product(noise, r, d), one),
                _scaled(_polynomial_of(f, c0, d), pull),
                _polynomial_of(signal, m, d),
            ),
            -one,
        )
        if d == degree:
            break
        friction = _scaled(mu, -one)
        rate_c = _sum(
            _product(friction, c, d),
            _before(memory, c, d, one),
            _between(memory, c, d, one),
            _before(noise, r, d, one),
            _product(start_force, c0_earlier, d),
            _product(signal_force, m_earlier, d),
        )
        rate_r = _sum(_product(friction, r, d), _between(memory, r, d, one))
        rate_m = _sum(
            _product(friction, m, d),
            signal_force,
            _over_all(_product(memory, {(0, k): x for (k, _), x in m.items()}, d), one),
        )
        c = _integrated(rate_c, True, one, one)
        r = _integrated(rate_r, True, one, one)
        m = _integrated(rate_m, False, start, one)

    def one_time(a: DoubleSeries) -> Series:
        return {k: a.get((k, 0), number(0)) for k in range(degree + 1)}

    return ShortTimeSeries(degree, c, r, one_time(mu), one_time(energy), one_time(m))


def energy_series(
    covariance: Covariance | Mapping[int, float],
    order: int = 9,
    temperature: float | Fraction = 0,
    initial_temperature: float | Fraction = math.inf,
) -> tuple[Fraction, ...]:
    """Exact Taylor coefficients of the energy density: e(t) = sum_k result[k] t^k, k = 0 .. order.

    At T = 0 from a random start the even ones vanish and the first is -f'(1).

    Examples
    --------
    >>> energy_series({2: 1}, 3)
    (Fraction(0, 1), Fraction(-1, 1), Fraction(0, 1), Fraction(2, 3))
    """
    series = short_time_series(covariance, temperature, order, initial_temperature)
    return tuple(series.energy_density[k] for k in range(order + 1))
