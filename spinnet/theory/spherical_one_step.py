"""The one-step replica-symmetry-broken phase of spherical glasses, and the test that it is the true one.

The Crisanti-Sommers functional is convex in the overlap distribution, so that a candidate is the equilibrium
state if and only if no distribution of overlaps can raise it at first order. With ent(v) = -ln(1-v) - v,
rho = x q/(1 - q + x q) and u = 1 - q this reads, for a candidate (q, x) that is stationary in q and x,

    f(q tau)/f(q) <= ent(rho tau)/ent(rho)                        for 0 < tau < 1, and
    beta^2 [f(q + u r) - f(q) - f'(q) u r] <= ent(r)              for 0 < r < 1.

At T = 0 the first line is taken at q = 1 with rho = y/(chi + y), the second becomes chi^2 f''(1) <= 1. A convex
f''(q)^(-1/2) is sufficient for all temperatures.

References: Crisanti and Sommers (1992) Z. Phys. B 87, 341; Talagrand (2006) Probab. Theory Relat. Fields 134, 339;
Chen and Sen (2017) Commun. Math. Phys. 350, 129; Auffinger and Zeng (2019) Commun. Math. Phys. 371, 1293.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.overlap_scan import Array, log_deficit_over_square, pair, roots, scan
from spinnet.theory.spherical_transitions import check_temperature

_LARGEST_LOG = 80.0
_SERIES_BELOW = 0.3
# of (2^(k-1) - k) l^(k-2)/k!, highest power first
_SERIES = tuple((2.0 ** (k - 1) - k) / math.factorial(k) for k in range(16, 2, -1))
# rounding of the two sides of the optimality conditions, which touch at their ends
OPTIMALITY_TOLERANCE = 1e-11


class NotOneStepError(InputError):
    """The equilibrium phase of the model is not one-step replica-symmetry broken there."""


@dataclass(frozen=True)
class OneStepState:
    """The one-step solution at temperature T: P(overlap) = x delta(0) + (1 - x) delta(q).

    Attributes
    ----------
    temperature, overlap, break_point : float
        T, q and x. ``complement`` is 1 - q with its own full precision.
    energy_density : float
        e = -beta [f(1) - (1 - x) f(q)].
    log_partition : float
        phi = lim E ln Z / N, with Z an average over the uniform probability on the sphere.
    """

    temperature: float
    overlap: float
    complement: float
    break_point: float
    energy_density: float
    log_partition: float


@dataclass(frozen=True)
class OneStepGround:
    """The one-step solution at T = 0: energy density, chi = lim beta (1 - q) and y = lim beta x."""

    energy_density: float
    chi: float
    y: float


def half_minus_ratio(log_z: Array) -> Array:
    """Return 1/2 - w(z), w = (z ln z - z + 1)/(z - 1)^2, at z = exp(log_z) >= 1; it grows from 0 to 1/2."""
    small = np.minimum(log_z, _SERIES_BELOW)
    series = np.zeros_like(small)
    for coefficient in _SERIES:
        series = series * small + coefficient
    # divided by (expm1(l)/l)^2, which is one at l = 0
    growth = np.where(small > 0, np.expm1(small) / np.where(small > 0, small, 1.0), 1.0)
    large = np.maximum(log_z, _SERIES_BELOW)
    decay = np.exp(-large)
    direct = 0.5 - (decay * (large - 1.0) + decay**2) / np.expm1(-large) ** 2
    return np.where(log_z < _SERIES_BELOW, series * small / growth**2, direct)


def _solve_log_z(target: Array) -> Array:
    """Return ln z with 1/2 - w(z) = target, by bisection and Newton steps in ln ln z; zero where the target is zero."""
    target = np.asarray(target, dtype=float)
    # smaller ones are zero within rounding of anything they are added to, and their slopes underflow
    positive = target > 1e-250
    safe = np.where(positive, target, 0.25)
    # 1/2 - w <= (ln z)/6 gives the lower end
    low, high = np.log(5.0 * safe), np.full_like(safe, math.log(_LARGEST_LOG))
    for _ in range(12):
        middle = 0.5 * (low + high)
        below = half_minus_ratio(np.exp(middle)) < safe
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    position = 0.5 * (low + high)
    for _ in range(6):
        here, beside = half_minus_ratio(np.exp(position)), half_minus_ratio(np.exp(position + 1e-6))
        # a slope lost in rounding leaves the position where it is
        slope = np.maximum((beside - here) * 1e6, 1e-12 * here)
        position = np.clip(position + (safe - here) / slope, low, high)
    return np.where(positive, np.exp(position), 0.0)


@lru_cache(maxsize=64)
def _pure_log_z(degree: int) -> float:
    return float(_solve_log_z(np.array(0.5 - 1.0 / degree)))


def break_ratio(covariance: Covariance, q: Array) -> Array:
    """Return ln z(q), z = (1 - q + x q)/(1 - q), on the line where both one-step equations can hold.

    Dividing them removes T and leaves f(q)/(q f'(q)) = (z ln z - z + 1)/(z - 1)^2; the temperature follows as
    T^2 = f'(q) (1-q)^2 z/q and the break point as x = (z - 1)(1 - q)/q. For pure models z does not depend on q.
    """
    q = np.asarray(q, dtype=float)
    target = covariance.reduced(q, lambda p: p - 2) / covariance.reduced(q, lambda p: 2 * p)
    if covariance.is_pure:
        return np.full_like(q, _pure_log_z(covariance.degrees[0]))
    return _solve_log_z(target)


def violation_below(covariance: Covariance, q: float, rho: float) -> float:
    """Return the largest excess of ln[f(q tau)/f(q)] over ln[ent(rho tau)/ent(rho)] on 0 < tau < 1."""
    tau, _ = pair(scan(1e-5, points=4001))
    # both sides are divided by tau^2
    left = np.log(covariance.reduced(q * tau, lambda p: 1.0) / covariance.reduced(q, lambda p: 1.0))
    left = left + (covariance.degrees[0] - 2) * np.log(tau)
    right = np.log(log_deficit_over_square(rho * tau) / log_deficit_over_square(rho))
    return float(np.max(left - right))


def _excess_power(degree: int, q: float, step: Array) -> Array:
    """Return [(q + s)^p - q^p - p q^(p-1) s]/s^2 without cancellation at small s."""
    if q == 0.0:
        return step ** (degree - 2)
    v = step / q
    small = np.where(degree * v < 0.1, v, 0.0)
    series = np.zeros_like(v)
    # sum over k >= 2 of binomial(p, k) v^(k-2), nested; the twelfth term is below 1e-13 of the first
    for k in range(min(degree, 13), 1, -1):
        series = 1.0 + series * small * (degree - k) / (k + 1)
    series = 0.5 * degree * (degree - 1) * q ** (degree - 2) * series
    large = np.where(degree * v < 0.1, 0.1 / degree, v) * q
    direct = ((q + large) ** degree - q**degree - degree * q ** (degree - 1) * large) / large**2
    return np.where(degree * v < 0.1, series, direct)


def violation_above(covariance: Covariance, q: float, u: float, temperature: float) -> float:
    """Return the largest of beta^2 [f(q + u r) - f(q) - f'(q) u r]/ent(r) - 1 on 0 < r < 1."""
    r, _ = pair(scan(1e-5, points=2001))
    total = np.zeros_like(r)
    for p, a in covariance.terms:
        total = total + 0.5 * a * a * _excess_power(p, q, u * r)
    return float(np.max(total * (u / temperature) ** 2 / log_deficit_over_square(r))) - 1.0


def _candidates(covariance: Covariance, temperature: float) -> list[tuple[float, float, float]]:
    """Return (q, u, ln z) of every one-step stationary point with 0 <= x <= 1."""
    z_end = math.exp(float(break_ratio(covariance, np.ones(1))[0]))
    bottom = 1e-2 * min(temperature / math.sqrt(covariance.first(1.0) * z_end), 1.0)

    def balance(q: Array, u: Array) -> Array:
        force = covariance.log_derivative(q, 1) - np.log(q)
        return np.log(u) + 0.5 * (force + break_ratio(covariance, q)) - math.log(temperature)

    result = []
    for q, u, _ in roots(balance, scan(bottom)):
        log_z = float(break_ratio(covariance, np.array([q]))[0])
        if math.expm1(log_z) * u <= q * (1.0 + 1e-9):
            result.append((q, u, log_z))
    return result


def one_step_state(covariance: Covariance, temperature: float) -> OneStepState:
    """Return the one-step solution at 0 < T < T_s after testing that it is the equilibrium phase.

    Parameters
    ----------
    covariance : Covariance
    temperature : float
        Any positive value below T_s; precision does not degrade as T -> 0.

    Raises
    ------
    NotOneStepError
        If there is no one-step solution (T >= T_s) or another overlap distribution is better (a full or
        two-step breaking, for instance).
    """
    temperature = check_temperature(temperature)
    if temperature == 0.0:
        raise InputError("temperature is 0; use one_step_ground for the ground state")
    candidates = _candidates(covariance, temperature)
    if not candidates:
        raise NotOneStepError(f"covariance {covariance} has no one-step phase at temperature {temperature:g}")
    judged = []
    for q, u, log_z in candidates:
        rho = -math.expm1(-log_z)
        worst = max(violation_below(covariance, q, rho), violation_above(covariance, q, u, temperature))
        judged.append((worst, q, u, log_z))
    worst, q, u, log_z = min(judged)
    if worst > OPTIMALITY_TOLERANCE:
        raise NotOneStepError(
            f"covariance {covariance} at temperature {temperature:g}: the one-step solution is not optimal "
            f"(the Parisi condition is violated by {worst:.1e}), the overlap distribution has more levels"
        )
    z_minus_one = math.expm1(log_z)
    x = min(z_minus_one * u / q, 1.0)
    lost = covariance.deficit(u) + x * covariance(q)
    # ln z/x -> q/u as x -> 0, the replica-symmetric limit of pure p = 2
    log_over_break = (log_z / z_minus_one if z_minus_one > 0 else 1.0) * q / u
    return OneStepState(
        temperature=temperature,
        overlap=q,
        complement=u,
        break_point=x,
        energy_density=-lost / temperature,
        log_partition=0.5 * lost / temperature**2 + 0.5 * (math.log(u) + log_over_break),
    )


def one_step_specific_heat(covariance: Covariance, state: OneStepState) -> float:
    """Return de/dT per spin along the one-step branch, from its explicit form T(q), e(q) (error about 1e-10).

    The branch continues smoothly beyond T_s, so that the value next to the transition is that of the lower phase.
    """
    step = 1e-3
    position = math.log(state.complement / state.overlap)
    q, u = pair(position + step * np.arange(-2, 3))
    log_z = break_ratio(covariance, q)
    temperature = u * np.sqrt(covariance.first(q) / q) * np.exp(0.5 * log_z)
    x = np.expm1(log_z) * u / q
    energy = -(covariance.deficit(u) + x * covariance(q)) / temperature
    # derivatives of fourth order in the position; their step cancels in the ratio
    stencil = np.array([1.0, -8.0, 0.0, 8.0, -1.0])
    return float(stencil @ (energy - energy[2])) / float(stencil @ (temperature - temperature[2]))


def one_step_ground(covariance: Covariance) -> OneStepGround:
    """Return the one-step solution at T = 0 after testing that it is the ground state.

    -e = [y f(1) + chi f'(1) + ln(1 + y/chi)/y]/2 at its stationary point in chi and y. For pure models e is the
    zero of the complexity of minima.

    Raises
    ------
    NotOneStepError
        If another overlap distribution is better.
    """
    worst = ground_violation(covariance)
    if worst > OPTIMALITY_TOLERANCE:
        raise NotOneStepError(
            f"covariance {covariance} at zero temperature: the one-step solution is not optimal "
            f"(the Parisi condition is violated by {worst:.1e}), the overlap distribution has more levels"
        )
    log_z = float(break_ratio(covariance, np.ones(1))[0])
    chi = math.exp(-0.5 * log_z) / math.sqrt(covariance.first(1.0))
    y = math.expm1(log_z) * chi
    # ln(1 + y/chi)/y -> 1/chi as y -> 0
    last = log_z / y if y > 0 else 1.0 / chi
    energy = -0.5 * (y * covariance(1.0) + chi * covariance.first(1.0) + last)
    return OneStepGround(energy, chi, y)


def ground_violation(covariance: Covariance) -> float:
    """Return by how much the one-step solution at T = 0 violates optimality (rounding only where it is true)."""
    log_z = float(break_ratio(covariance, np.ones(1))[0])
    marginality = covariance.second(1.0) * math.exp(-log_z) / covariance.first(1.0) - 1.0
    return max(violation_below(covariance, 1.0, -math.expm1(-log_z)), marginality)


@lru_cache(maxsize=128)
def inverse_root_curvature(covariance: Covariance) -> tuple[bool, bool]:
    """Return (convex, concave): whether f''(q)^(-1/2) is convex or concave on all of (0, 1).

    The sign of its second derivative is that of 3 f'''^2 - 2 f'' f''''. Convex: at most one step of replica-symmetry
    breaking at every temperature. Concave: full breaking from a continuous transition on. Only pure p = 2 is both.
    """
    q, _ = pair(scan(1e-9, points=8001))
    second = covariance.reduced(q, lambda p: math.perm(p, 2))
    third = covariance.reduced(q, lambda p: math.perm(p, 3))
    fourth = covariance.reduced(q, lambda p: math.perm(p, 4))
    left, right = 3.0 * third**2, 2.0 * second * fourth
    slack = 1e-12 * (left + right)
    difference = left - right
    return bool(np.all(difference >= -slack)), bool(np.all(difference <= slack))
