"""The parameters of a spherical glass: what is allowed, and the one form in which equal physics is written."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError

MAX_DEGREE = 6
#: Where configurations begin, beside a number: the overlap with the signal.
STARTS = ("random", "planted")
FIELD_DIRECTIONS = ("uniform", "signal", "random")

_REFUSED = {
    0: "a term of degree 0 is a constant: it moves no state",
    1: "a term of degree 1 is a random external field: it magnetises every state, so that replicas overlap at every "
    "temperature and the transitions of the glass are gone",
}


def _degree(name: str, key: Any) -> int:
    try:
        return whole_number("degree", float(key) if isinstance(key, str) else key)
    except (InputError, ValueError):
        raise InputError(f"{name} has the degree {key!r}: degrees are whole numbers from 2") from None


def check_covariance(covariance: Any) -> dict[int, float]:
    """Amplitudes {p: a_p} with whole p from 2 to 6 and a_p > 0, sorted by p; keys may be text."""
    if not isinstance(covariance, Mapping) or not covariance:
        raise InputError(f"covariance = {covariance!r}: give a table of amplitudes, for example {{3: 1.0}}")
    amplitudes = {}
    for key, value in covariance.items():
        degree = _degree("covariance", key)
        if degree in _REFUSED:
            raise InputError(f"covariance has the degree {degree}: {_REFUSED[degree]}; use degrees 2 to {MAX_DEGREE}")
        if degree > MAX_DEGREE:
            raise InputError(f"covariance has the degree {degree}: degrees 2 to {MAX_DEGREE} are simulated")
        if degree in amplitudes:
            raise InputError(f"covariance names the degree {degree} twice")
        amplitudes[degree] = real_number(f"covariance of degree {degree}", value, above=0.0)
    return dict(sorted(amplitudes.items()))


def check_planted(planted: Any, covariance: Mapping[int, float]) -> dict[int, float]:
    """Signal-to-noise ratios {p: β₀ ≥ 0} of degrees that the covariance has, sorted by p; None is none."""
    if planted is None:
        return {}
    if not isinstance(planted, Mapping):
        raise InputError(f"planted = {planted!r}: give a table of signal-to-noise ratios, for example {{3: 1.7}}")
    ratios = {}
    for key, value in planted.items():
        degree = _degree("planted", key)
        if degree not in covariance:
            has = ", ".join(map(str, covariance))
            raise InputError(f"planted has the degree {degree}, which the covariance has not: it has {has}")
        if degree in ratios:
            raise InputError(f"planted names the degree {degree} twice")
        ratios[degree] = real_number(f"planted of degree {degree}", value, 0.0)
    return dict(sorted(ratios.items()))


def check_planted_temperature(temperature: Any, covariance: Mapping[int, float]) -> float | None:
    """T₀ above the static transition T_s of the model, or None.

    Above T_s the couplings that hide a signal at β₀ = 1/T₀ are, for large N, like those that hide none, and the signal
    is like one of their equilibrium configurations. Below it the signal is deeper than everything around it.
    """
    if temperature is None:
        return None
    value = real_number("planted_temperature", temperature, above=0.0)
    static = static_temperature(tuple(covariance.items()))
    if value <= static:
        raise InputError(
            f"planted_temperature = {value:g} is not above the static transition T_s = {static:.8g} of this "
            "covariance: below it a planted state is no equilibrium state of a glass; use a higher temperature, or "
            f"planted = {{{', '.join(f'{p} = {1 / value:.6g}' for p in covariance)}}} for the signal itself"
        )
    return value


@lru_cache(maxsize=128)
def static_temperature(covariance: tuple[tuple[int, float], ...]) -> float:
    """T_s with T_s² = max over q in [0, 1) of f(q)/(−ln(1 − q) − q), from the pairs (p, a_p); a_2² at q = 0.

    The condition that no overlap with a planted state outweighs overlap zero (see :mod:`spinnet.theory.spiked`, whose
    value a test compares). The maximum is found on a grid that is refined around its highest point.
    """
    # In q for small q and in ln(1 − q) for q near one.
    low, high = math.log(1e-6), math.log(60.0)
    best = 0.0
    for _ in range(6):
        # 1 − q = exp(−s)
        grid = np.linspace(low, high, 2001)
        s = np.exp(grid)
        q = -np.expm1(-s)
        # −ln(1 − q) − q without cancellation at small s: s − 1 + exp(−s)
        deficit = np.where(s > 1e-2, s - q, s**2 * (0.5 - s * (1 / 6 - s * (1 / 24 - s * (1 / 120 - s / 720)))))
        ratio = sum(0.5 * a**2 * q**p for p, a in covariance) / deficit
        at = int(np.argmax(ratio))
        best = max(best, float(ratio[at]))
        low, high = grid[max(at - 1, 0)], grid[min(at + 1, len(grid) - 1)]
    return math.sqrt(max(best, dict(covariance).get(2, 0.0) ** 2))


def check_start(start: Any, has_signal: bool, planted_temperature: float | None) -> str | float:
    """Where configurations begin: "random", "planted" (overlap 1 is this too), or an overlap with the signal."""
    if start is None:
        return "random" if planted_temperature is None else "planted"
    if isinstance(start, str):
        one_of("start_at", start, STARTS)
        found = start
    else:
        try:
            found = real_number("start_at", start, -1.0)
        except InputError:
            found = 2.0
        if found > 1.0:
            raise InputError(f"start_at = {start!r}: give 'random', 'planted' or an overlap from -1 to 1")
    if found != "random" and not has_signal:
        raise InputError(f"start_at = {start!r} needs a signal: {SIGNAL_REMEDY}")
    return "planted" if found == 1.0 else found


#: What gives a glass its signal.
SIGNAL_REMEDY = "set planted, planted_temperature or field_direction = 'signal'"


def check_field_direction(direction: Any, field: float) -> str:
    """A name of FIELD_DIRECTIONS; without a field "random" is as good as "uniform", the default."""
    one_of("field_direction", direction, FIELD_DIRECTIONS)
    return "uniform" if field == 0.0 and direction == "random" else direction
