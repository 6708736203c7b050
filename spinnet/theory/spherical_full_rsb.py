"""Spherical glasses whose overlap distribution has a continuous part.

Where P(q) is continuous, xhat(q) = int_q^1 x = T f''(q)^(-1/2), so that x(q) = -T d/dq f''(q)^(-1/2). Two phases are
solved here: the full one, continuous up to the largest overlap, and the one in which the continuous part ends at
q_c and a single step follows. After the shift g(t) = f(q_c + t) - f(q_c) - f'(q_c) t, again a covariance with positive
coefficients, the step obeys the one-step equations of g, with one more condition that fixes q_c. Both are
accepted only if the Parisi optimality condition holds, as in ``spherical_one_step``.

Reference: Crisanti and Leuzzi (2004) Phys. Rev. Lett. 93, 217203 and (2006) Phys. Rev. B 73, 014412.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.optimize import brentq

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.overlap_scan import Array, roots, scan
from spinnet.theory.spherical_one_step import (
    OPTIMALITY_TOLERANCE,
    half_minus_ratio,
    violation_above,
    violation_below,
)
from spinnet.theory.spherical_transitions import check_temperature

# the cost of a step after a continuous part grows with the square of the degree
LARGEST_DEGREE = 128
# the shifted problem is solved to about 1e-13, and the condition touches zero where the continuous part ends
_TOUCHING_TOLERANCE = 10.0 * OPTIMALITY_TOLERANCE


class NotFullBreakingError(InputError):
    """Neither of the two phases with a continuous overlap distribution is the equilibrium phase there."""


@dataclass(frozen=True)
class FullBreakingState:
    """A phase with x(q) continuous on (0, ``continuous_to``) and possibly a step from there to ``overlap``.

    ``break_point`` is x just below the largest overlap; the other fields are those of ``OneStepState``.
    """

    temperature: float
    overlap: float
    complement: float
    break_point: float
    energy_density: float
    log_partition: float
    continuous_to: float

    @property
    def has_step(self) -> bool:
        return self.continuous_to < self.overlap


def _taylor(covariance: Covariance, q: Array, order: int) -> Array:
    """Return f^(k)(q)/k! with binomials, which stay in range where the derivative itself does not."""
    total = np.zeros_like(q, dtype=float)
    for p, a in covariance.terms:
        if p >= order:
            total = total + 0.5 * a * a * float(math.comb(p, order)) * q ** (p - order)
    return total


def shifted_covariance(covariance: Covariance, q: float) -> Covariance:
    """Return g(t) = f(q + t) - f(q) - f'(q) t as a covariance in t."""
    found = {}
    for k in range(2, covariance.degrees[-1] + 1):
        coefficient = _taylor(covariance, np.array(q), k)
        if coefficient > 1e-90:
            found[k] = math.sqrt(2.0 * coefficient)
    return Covariance(found)


def _order_parameter(covariance: Covariance, q: float) -> float:
    """Return -d/dq f''(q)^(-1/2) = f'''/(2 f''^(3/2)), the break point per unit temperature."""
    return 0.5 * covariance.third(q) / covariance.second(q) ** 1.5


def _is_concave_up_to(covariance: Covariance, q: float) -> bool:
    if q <= 0.0:
        return True
    points = np.linspace(0.0, q, 2001)
    left = 3.0 * covariance.third(points) ** 2
    right = 2.0 * covariance.second(points) * covariance.derivative(points, 4)
    return bool(np.all(left <= right + 1e-12 * (left + right)))


def _root_curvature_integral(covariance: Covariance, q: float) -> float:
    """Return int_0^q sqrt(f'')."""
    value, _ = quad(lambda s: math.sqrt(covariance.second(s)), 0.0, q, epsabs=1e-14, epsrel=1e-13, limit=400)
    return value


def _plateaus(covariance: Covariance, temperature: float) -> list[float]:
    """Return every 1 - q with (1 - q) sqrt(f''(q)) = T, where the continuous part may end, smallest first."""
    bottom = 1e-2 * min(temperature / math.sqrt(covariance.second(1.0)), 1.0)
    found = roots(lambda q, u: 0.5 * np.log(covariance.second(q)) + np.log(u) - math.log(temperature), scan(bottom))
    return [u for _, u, _ in found]


def full_state(covariance: Covariance, temperature: float) -> FullBreakingState:
    """Return the phase with P(q) continuous up to its largest overlap, at 0 < T < a_2.

    e = -beta int_0^1 x f', phi = [beta^2 int_0^1 x f' + int_0^q dq/xhat + ln(1 - q)]/2.

    Raises
    ------
    NotFullBreakingError
        If f''^(-1/2) is not concave up to the largest overlap, or the optimality condition fails above it.
    """
    temperature = check_temperature(temperature)
    if covariance.degrees[0] != 2 or temperature >= math.sqrt(covariance.second(0.0)) or temperature == 0.0:
        raise NotFullBreakingError(f"covariance {covariance} has no continuous phase at temperature {temperature:g}")
    for u in _plateaus(covariance, temperature):
        q = 1.0 - u
        if _is_concave_up_to(covariance, q) and violation_above(covariance, q, u, temperature) <= _TOUCHING_TOLERANCE:
            break
    else:
        raise NotFullBreakingError(
            f"covariance {covariance} at temperature {temperature:g}: a continuous overlap distribution is not optimal"
        )
    integral = _root_curvature_integral(covariance, q)
    # int x f' over (0, q) by parts, with x = -T d(f''^(-1/2))/dq
    inner = temperature * (integral - covariance.first(q) / math.sqrt(covariance.second(q)))
    moment = inner + covariance.deficit(u)
    return FullBreakingState(
        temperature=temperature,
        overlap=q,
        complement=u,
        break_point=temperature * _order_parameter(covariance, q),
        energy_density=-moment / temperature,
        log_partition=0.5 * (moment / temperature**2 + integral / temperature + math.log(u)),
        continuous_to=q,
    )


def _shift_sums(covariance: Covariance, q_c: Array, step: Array) -> tuple[Array, Array]:
    """Return ln z = ln[g'(d)/(d f''(q_c))] and 1/2 - g(d)/(d g'(d)) for the shifted covariance g and a step d."""
    powers = np.ones_like(step)
    excess = np.zeros_like(step)
    above = np.zeros_like(step)
    second = covariance.second(q_c)
    for k in range(3, covariance.degrees[-1] + 1):
        powers = powers * step
        coefficient = _taylor(covariance, q_c, k) * powers
        excess = excess + k * coefficient
        above = above + 0.5 * (k - 2) * coefficient
    return np.log1p(excess / second), above / (second + excess)


def _mismatch(covariance: Covariance, q_c: Array, step: Array) -> Array:
    """Return the residual of the one-step equation of g with z fixed by the smooth join at q_c, over d^2.

    Both sides agree to first order in d at every q_c, which is the trivial step of length zero.
    """
    log_z, target = _shift_sums(covariance, q_c, step)
    return (half_minus_ratio(log_z) - target) / step**2


def _concave_end(covariance: Covariance) -> float:
    """Return the end of the interval from q = 0 on which f''^(-1/2) is concave (zero if there is none)."""
    points = np.linspace(0.0, 1.0, 4001)
    left = 3.0 * covariance.third(points) ** 2
    right = 2.0 * covariance.second(points) * covariance.derivative(points, 4)
    convex = np.nonzero(left > right * (1.0 + 1e-12))[0]
    if convex.size == 0:
        return 1.0
    return float(points[max(convex[0] - 1, 0)])


def _step_length(covariance: Covariance, q_c: Array, temperature: float, longest: bool) -> Array:
    """Return the step d with xhat continuous at q_c, d + T/(z(d) sqrt(f''(q_c))) = 1 - q_c.

    With a high degree in f there are three roots; the shortest or the longest is returned.
    """
    room = 1.0 - q_c
    if temperature == 0.0:
        return room
    root = np.sqrt(covariance.second(q_c))

    def is_short(step: Array) -> Array:
        return step + temperature * np.exp(-_shift_sums(covariance, q_c, step)[0]) / root < room

    fractions = np.linspace(0.0, 1.0, 33)[1:-1]
    low, high = np.zeros_like(q_c), room.copy()
    for fraction in fractions if longest else fractions[::-1]:
        short = is_short(fraction * room)
        if longest:
            low = np.where(short, fraction * room, low)
        else:
            high = np.where(short, high, fraction * room)
    for _ in range(50):
        middle = 0.5 * (low + high)
        short = is_short(middle)
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return 0.5 * (low + high)


def _joined(covariance: Covariance, temperature: float) -> tuple[float, float, float] | None:
    """Return (q_c, d, ln z) of the optimal phase with a continuous part and a step at T >= 0, or None."""
    end = _concave_end(covariance)
    if covariance.degrees[0] != 2 or end == 0.0 or temperature >= math.sqrt(covariance.second(0.0)):
        return None
    if covariance.degrees[-1] > LARGEST_DEGREE:
        raise NotFullBreakingError(
            f"covariance {covariance} has degrees above {LARGEST_DEGREE}, for which a continuous part with a step "
            "is not solved"
        )
    points = np.linspace(0.0, end, 401)
    for longest in (True, False):
        found = _join_on_branch(covariance, temperature, points, longest)
        if found is not None:
            return found
    return None


def _join_on_branch(
    covariance: Covariance, temperature: float, points: Array, longest: bool
) -> tuple[float, float, float] | None:
    lengths = _step_length(covariance, points, temperature, longest)
    # shorter steps than this are lost in rounding; they would be steps of length zero
    points, lengths = points[lengths > 1e-3], lengths[lengths > 1e-3]
    values = _mismatch(covariance, points, lengths)

    def residual(q_c: float) -> float:
        point = np.array([q_c])
        return float(_mismatch(covariance, point, _step_length(covariance, point, temperature, longest))[0])

    for i in np.nonzero(values[:-1] * values[1:] < 0)[0]:
        q_c = brentq(residual, points[i], points[i + 1], xtol=1e-15)
        step = float(_step_length(covariance, np.array([q_c]), temperature, longest)[0])
        log_z = float(_shift_sums(covariance, np.array(q_c), np.array(step))[0])
        if _join_violation(covariance, q_c, step, log_z, temperature) <= _TOUCHING_TOLERANCE:
            return q_c, step, log_z
    return None


def _join_violation(covariance: Covariance, q_c: float, step: float, log_z: float, temperature: float) -> float:
    """Return by how much the phase with a continuous part and a step violates optimality."""
    worst = violation_below(shifted_covariance(covariance, q_c), step, -math.expm1(-log_z))
    chi = math.exp(-log_z) / math.sqrt(covariance.second(q_c))
    y = math.expm1(log_z) * chi / step
    if temperature > 0.0:
        worst = max(worst, violation_above(covariance, q_c + step, temperature * chi, temperature))
    else:
        worst = max(worst, covariance.second(1.0) * chi**2 - 1.0)
    # x(q) has to grow, from the continuous part to the step, and to end at or below one
    is_ordered = _order_parameter(covariance, q_c) <= y and temperature * y <= 1.0
    return worst if is_ordered and _is_concave_up_to(covariance, q_c) else math.inf


def full_then_step_state(covariance: Covariance, temperature: float) -> FullBreakingState:
    """Return the phase with x(q) continuous up to q_c followed by one step, at 0 < T < a_2.

    Raises
    ------
    NotFullBreakingError
        If there is no such phase at this temperature or it is not optimal.
    """
    temperature = check_temperature(temperature)
    found = _joined(covariance, temperature) if temperature > 0.0 else None
    if found is None:
        raise NotFullBreakingError(
            f"covariance {covariance} at temperature {temperature:g}: "
            "a continuous overlap distribution with a step is not optimal"
        )
    q_c, step, log_z = found
    u = temperature * math.exp(-log_z) / math.sqrt(covariance.second(q_c))
    x = math.expm1(log_z) * u / step
    q = q_c + step
    integral = _root_curvature_integral(covariance, q_c)
    inner = temperature * (integral - covariance.first(q_c) / math.sqrt(covariance.second(q_c)))
    moment = inner + x * (covariance(q) - covariance(q_c)) + covariance.deficit(u)
    return FullBreakingState(
        temperature=temperature,
        overlap=q,
        complement=u,
        break_point=x,
        energy_density=-moment / temperature,
        log_partition=0.5 * (moment / temperature**2 + integral / temperature + log_z / x + math.log(u)),
        continuous_to=q_c,
    )


def full_ground_energy(covariance: Covariance) -> float:
    """Return the ground-state energy density of a model whose overlaps at T = 0 have a continuous part.

    Without a step it is -int_0^1 sqrt(f''), the algorithmic energy.

    Raises
    ------
    NotFullBreakingError
        If neither the full phase nor the full one with a step is the ground state.
    """
    if covariance.degrees[0] == 2 and _concave_end(covariance) == 1.0:
        return -_root_curvature_integral(covariance, 1.0)
    found = _joined(covariance, 0.0)
    if found is None:
        raise NotFullBreakingError(f"covariance {covariance}: the ground state has no continuous overlap distribution")
    q_c, step, log_z = found
    chi = math.exp(-log_z) / math.sqrt(covariance.second(q_c))
    y = math.expm1(log_z) * chi / step
    integral = _root_curvature_integral(covariance, q_c)
    moment = integral - covariance.first(q_c) / math.sqrt(covariance.second(q_c))
    moment += y * (covariance(1.0) - covariance(q_c)) + chi * covariance.first(1.0)
    return -0.5 * (moment + integral + log_z / y)
