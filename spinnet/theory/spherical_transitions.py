"""Where the replica-symmetric phase of a spherical glass ends, and the states that exist inside it.

With no field, the high-temperature phase has overlap zero and phi = beta^2 f(1)/2. Metastable states of
self-overlap q appear in it below T_d, their number vanishes at T_s.

References: Crisanti and Sommers (1992) Z. Phys. B 87, 341; Crisanti, Horner and Sommers (1993) Z. Phys. B 92, 257;
Barrat (1997) cond-mat/9701031; Castellani and Cavagna (2005) cond-mat/0505032.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.overlap_scan import Array, log_deficit, roots, scan


@dataclass(frozen=True)
class Transition:
    """A transition temperature and the overlap that appears there (zero for a continuous transition)."""

    temperature: float
    overlap: float

    @property
    def is_continuous(self) -> bool:
        return self.overlap == 0.0


def check_temperature(temperature: float) -> float:
    """Return the temperature as a float, or raise InputError unless it is in [0, 1e100].

    Temperatures below 1e-100 are taken as zero: their squares would underflow.
    """
    value = float(temperature)
    if not 0.0 <= value <= 1e100:
        raise InputError(f"temperature is {temperature}; it must be between 0 and 1e100")
    return value if value >= 1e-100 else 0.0


def _lowest_complement(covariance: Covariance) -> float:
    # the stationary points lie at u = 1/(p-1) for the largest degree or above, T_s at u > 1e-2/p
    return 1e-4 / covariance.degrees[-1]


def _highest(covariance: Covariance, stationary: list[tuple[float, float, bool]], ratio) -> Transition:
    """Return the highest of the local maxima of T^2 = ratio(q, u), the end q = 0 included."""
    best, overlap = covariance.second(0.0), 0.0
    for q, u, _ in stationary:
        value = ratio(q, u)
        # a maximum at q -> 0 found through rounding noise is the continuous transition itself
        if value > best * (1.0 + 1e-13):
            best, overlap = value, q
    return Transition(math.sqrt(best), overlap)


@lru_cache(maxsize=128)
def dynamic_transition(covariance: Covariance) -> Transition:
    """Return T_d and q_d: T_d^2 = max over q of f'(q)(1 - q)/q.

    Below T_d the equilibrium correlation C(t) no longer decays to zero. For a pure model
    T_d^2 = a^2 p (p-2)^(p-2) / (2 (p-1)^(p-1)) and q_d = (p-2)/(p-1).
    With a_2 > 0 and the maximum at q = 0 the transition is continuous, T_d = sqrt(f''(0)) = a_2.
    """

    def slope(q: Array, u: Array) -> Array:
        return u * covariance.reduced(q, lambda p: p * (p - 1)) - covariance.reduced(q, lambda p: p)

    stationary = roots(slope, scan(_lowest_complement(covariance)))
    return _highest(covariance, stationary, lambda q, u: covariance.first(q) * u / q)


@lru_cache(maxsize=128)
def static_transition(covariance: Covariance) -> Transition:
    """Return T_s and q_s: T_s^2 = max over q of f(q)/(-ln(1-q) - q).

    This is the lowest temperature at which overlap zero is the optimum of the Parisi functional, for any f
    without a linear term, whatever the phase below it is. At a discontinuous transition the break point
    starts from x = 1 and the equilibrium complexity vanishes.
    """

    def slope(q: Array, u: Array) -> Array:
        return q * covariance.reduced(q, lambda p: 1.0) - log_deficit(q) * u / q * covariance.reduced(q, lambda p: p)

    stationary = roots(slope, scan(_lowest_complement(covariance)))
    return _highest(covariance, stationary, lambda q, u: covariance(q) / log_deficit(q))


def state_overlap(covariance: Covariance, temperature: float, dynamic: Transition | None = None) -> float:
    """Return the self-overlap q of the equilibrium (or planted) states: the largest root of beta^2 f'(q) = q/(1-q).

    The states exist for T <= T_d. Between T_s and T_d they are the equilibrium states; below T_s this is the state
    around a planted configuration on the Nishimori line, no longer a typical equilibrium state.

    Raises
    ------
    InputError
        If T > T_d.
    """
    return 1.0 - state_complement(covariance, temperature, dynamic)


def state_complement(covariance: Covariance, temperature: float, dynamic: Transition | None = None) -> float:
    """Return 1 - q of :func:`state_overlap`, with full relative precision at low temperature."""
    temperature = check_temperature(temperature)
    dynamic = dynamic_transition(covariance) if dynamic is None else dynamic
    if temperature > dynamic.temperature * (1.0 + 1e-12):
        raise InputError(
            f"temperature {temperature:g} is above the dynamic transition {dynamic.temperature:.8g}; "
            "there are no metastable states"
        )
    if temperature == 0.0:
        return 0.0
    if temperature >= dynamic.temperature:
        return 1.0 - dynamic.overlap
    top = None if dynamic.is_continuous else 1.0 - dynamic.overlap
    bottom = 1e-2 * min(temperature**2 / covariance.first(1.0), 1.0)

    def balance(q: Array, u: Array) -> Array:
        return covariance.log_derivative(q, 1) + np.log(u / q) - 2.0 * math.log(temperature)

    found = roots(balance, scan(bottom, top))
    if found:
        return found[0][1]
    # within rounding of the transition
    return 1.0 - dynamic.overlap


def equilibrium_complexity(covariance: Covariance, temperature: float) -> float:
    """Return Sigma_eq(T) = -[beta^2 f(q) + ln(1-q) + q]/2, the log-number per spin of equilibrium states.

    It is zero at T_s, and for pure models at T_d equals the complexity of the threshold energy.

    Raises
    ------
    InputError
        Outside T_s <= T <= T_d.
    """
    temperature = check_temperature(temperature)
    static, dynamic = static_transition(covariance), dynamic_transition(covariance)
    if temperature < static.temperature * (1.0 - 1e-12):
        raise InputError(
            f"temperature {temperature:g} is below the static transition {static.temperature:.8g}; "
            "the equilibrium complexity is defined between it and the dynamic transition"
        )
    q = state_overlap(covariance, temperature, dynamic)
    return 0.5 * (log_deficit(q) - covariance(q) / temperature**2)


def planted_ground_overlap(covariance: Covariance, temperature: float) -> float:
    """Return the overlap m of an equilibrium state of temperature T0 with its own inherent structure.

    The state is followed to T = 0 with a replica-symmetric bottom: the largest root below one of
    f'(m)/T0 = m sqrt(f'(1)/(1 - m^2)).

    Raises
    ------
    InputError
        Unless T_s < T0 <= T_SF (see :func:`following_temperature`).
    """
    temperature = check_temperature(temperature)
    limit = following_temperature(covariance)
    if limit is None:
        raise InputError(f"no equilibrium state of covariance {covariance} can be followed to zero temperature")
    static = static_transition(covariance).temperature
    if not static * (1.0 - 1e-12) <= temperature <= limit * (1.0 + 1e-12):
        raise InputError(
            f"temperature {temperature:g} is outside ({static:.8g}, {limit:.8g}], "
            "where equilibrium states can be planted and followed to zero temperature"
        )
    marginal = math.sqrt(1.0 - covariance.first(1.0) / covariance.second(1.0))
    if temperature >= limit:
        return marginal

    def balance(m: Array, u: Array) -> Array:
        # 1 - m^2 = u (1 + m)
        width = u * (1.0 + m) / covariance.first(1.0)
        return covariance.log_derivative(m, 1) - np.log(m) + 0.5 * np.log(width) - math.log(temperature)

    # at the marginal point the left side exceeds the right: the stable root lies above it
    found = roots(balance, scan(1e-6 * (1.0 - marginal), 1.0 - marginal))
    return found[0][0] if found else marginal


def inherent_structure_energy(covariance: Covariance, temperature: float) -> float:
    """Return the energy density at T = 0 of an equilibrium state of temperature T0 that is followed down.

    e_IS = -f(m)/T0 - sqrt((1 - m^2) f'(1)) with m from :func:`planted_ground_overlap`.
    """
    m = planted_ground_overlap(covariance, temperature)
    return -covariance(m) / temperature - math.sqrt((1.0 - m * m) * covariance.first(1.0))


def following_temperature(covariance: Covariance) -> float | None:
    """Return T_SF, above which an equilibrium state becomes marginal before it reaches T = 0.

    1/T_SF = m sqrt(f''(1))/f'(m) with m^2 = 1 - f'(1)/f''(1). Pure models have T_SF = T_d and an inherent structure
    at the threshold energy; mixed models have T_SF < T_d (Folena, Franz and Ricci-Tersenghi 2020).
    None where the value is outside (T_s, T_d], so that no typical equilibrium state is meant by it.
    """
    ratio = covariance.first(1.0) / covariance.second(1.0)
    if ratio >= 1.0:
        return None
    m = math.sqrt(1.0 - ratio)
    temperature = covariance.first(m) / (m * math.sqrt(covariance.second(1.0)))
    static, dynamic = static_transition(covariance), dynamic_transition(covariance)
    if not static.temperature < temperature <= dynamic.temperature * (1.0 + 1e-12):
        return None
    return min(temperature, dynamic.temperature)
