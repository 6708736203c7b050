r"""The potential V(q, T) of Franz and Parisi: the free energy of a glass held at overlap q with a reference.

The reference is drawn from equilibrium at T0 >= T_s, where planting gives it: the held system feels the signal
-N f(q)/T0 beside the couplings, and lives on the sphere of overlap q, where two of its configurations have overlaps
from q^2 up. With overlaps r0 between its states, r1 inside them and the break point x, and D = 1 - (1-x) r1 - x r0,

.. math::
    \phi(q) = \frac{\beta f(q)}{T_0} + \tfrac12\beta^2 [f(1) - (1-x) f(r_1) - x f(r_0)]
    + \tfrac12\Big[\frac{x-1}{x}\ln(1-r_1) + \frac{1}{x}\ln D + \frac{r_0-q^2}{D}\Big], \qquad
    V(q, T) = T\,[\phi_{eq}(T) - \phi(q)],

at the minimum of phi over r0, r1, x (the functional is convex in the distribution of overlaps). V(0) = 0 above T_s. For
T = T0 a second minimum appears at T_d, at the overlap of equilibrium states, where V = T Sigma_eq: it reaches zero at
T_s.

References: Franz and Parisi (1995) J. Phys. I 5, 1401 and (1997) Phys. Rev. Lett. 79, 2486; Barrat, Franz and Parisi
(1997) J. Phys. A 30, 5593; the test of optimality: Chen and Sen (2017) Commun. Math. Phys. 350, 129.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize, root

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.spherical_statics import NoSolutionError, equilibrium_state
from spinnet.theory.spherical_transitions import check_temperature, static_transition

Array = NDArray[np.float64]

#: Largest violation of the optimality condition that counts as rounding.
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class HeldState:
    """The system held at overlap q with the reference.

    Attributes
    ----------
    overlap : float
        q.
    potential : float
        V(q, T), energy per spin.
    force : float
        dV/dq.
    inter, intra, break_point : float
        r0, r1 and x; r0 = r1 and x = 1 where replica symmetry is not broken.
    violation : float
        By how much the condition of optimality is violated: rounding.
    """

    overlap: float
    potential: float
    force: float
    inter: float
    intra: float
    break_point: float
    violation: float

    @property
    def is_broken(self) -> bool:
        """Whether replica symmetry is broken."""
        return self.break_point < 1.0


class _Held:
    """The functional at one overlap and temperature; ``log_partition`` leaves out the signal."""

    def __init__(self, covariance: Covariance, overlap: float, temperature: float):
        self.f, self.q, self.beta2 = covariance, overlap, temperature**-2

    def log_partition(self, r0, r1, x):
        """phi(q) without the term of the signal; arrays allowed."""
        d = 1.0 - (1.0 - x) * r1 - x * r0
        energy = 0.5 * self.beta2 * (self.f(1.0) - (1.0 - x) * self.f(r1) - x * self.f(r0))
        return energy + 0.5 * ((1.0 - 1.0 / x) * np.log1p(-r1) + np.log(d) / x + (r0 - self.q**2) / d)

    def balances(self, r0: float, r1: float, x: float) -> list[float]:
        """Zero where phi is stationary in r0, r1 and x."""
        d = 1.0 - (1.0 - x) * r1 - x * r0
        first = self.beta2 * self.f.first(r0) - (r0 - self.q**2) / d**2
        second = self.beta2 * (self.f.first(r1) - self.f.first(r0)) - (r1 - r0) / ((1.0 - r1) * d)
        # outside its domain the search is told so by a number that is none
        logs = math.log1p(-r1) - math.log(d) if r1 < 1.0 and d > 0.0 else math.nan
        third = self.beta2 * (self.f(r1) - self.f(r0)) + logs / x**2
        third += (r1 - r0) / (x * d) - (r0 - self.q**2) * (r1 - r0) / d**2
        return [first, second, third]

    def violation(self, r0: float, r1: float, x: float) -> float:
        """Largest rise that a different distribution of overlaps offers, per unit of weight moved.

        The integral over s of beta^2 f'(s) - int ds'/X(s')^2, with X the integral of the distribution function from
        s' to 1, must be largest where the distribution has its weight.
        """
        low, d, u = self.q**2, 1.0 - (1.0 - x) * r1 - x * r0, 1.0 - r1
        s = np.concatenate([[r0, r1], np.linspace(low, r1, 2001), 1.0 - u * np.geomspace(1.0, 1e-7, 1500)])
        first = np.minimum(s, r0) - low
        middle = np.clip(s - r0, 0.0, r1 - r0)
        last = np.maximum(s - r1, 0.0)
        base = (r0 - low) / d**2
        # between r0 and r1 X falls linearly from D to 1 - r1 with slope x
        width = d - x * middle
        inner = base * middle + (-np.log(width / d) / x - middle / d) / x
        top = base + (1.0 / u - 1.0 / d) / x if r1 > r0 else base
        outer = top * last - np.log1p(-last / u) - last / u
        gain = self.beta2 * (self.f(s) - self.f(low)) - 0.5 * first**2 / d**2 - inner - outer
        # the first two of s are where the weight is
        return float(np.max(gain) - gain[:2].min())


def held_state(
    covariance: Covariance, overlap: float, temperature: float, reference_temperature: float | None = None
) -> HeldState:
    """Return the system at temperature T held at overlap q with a reference of temperature T0 (default T0 = T).

    Raises
    ------
    InputError
        For |q| >= 1, T <= 0, or T0 < T_s: below it a planted configuration is no equilibrium one.
    NoSolutionError
        If no distribution with one step is optimal.
    """
    covariance = Covariance(covariance)
    temperature, reference = _temperatures(covariance, temperature, reference_temperature)
    overlap = float(overlap)
    if not abs(overlap) < 1.0:
        raise InputError(f"overlap is {overlap}; it must lie between -1 and 1")
    held = _Held(covariance, overlap, temperature)
    r0, r1, x, violation = _optimum(held)
    phi = held.log_partition(r0, r1, x) + covariance(overlap) / (temperature * reference)
    d = 1.0 - (1.0 - x) * r1 - x * r0
    force = temperature * overlap / d - covariance.first(overlap) / reference
    free = equilibrium_state(covariance, temperature).log_partition
    return HeldState(overlap, temperature * (free - float(phi)), float(force), r0, r1, x, violation)


def potential(
    covariance: Covariance, overlaps: ArrayLike, temperature: float, reference_temperature: float | None = None
) -> Array:
    """Return V(q, T) at several overlaps: some milliseconds each where replica symmetry holds, 0.1 s where not."""
    overlaps = np.asarray(overlaps, dtype=float)
    values = [held_state(covariance, q, temperature, reference_temperature).potential for q in overlaps.ravel()]
    return np.array(values).reshape(overlaps.shape)


@dataclass(frozen=True)
class PotentialMinimum:
    """The minimum of V next to the reference: its overlap and height, and the maximum on the way from q = 0."""

    overlap: float
    height: float
    barrier_overlap: float
    barrier: float


def secondary_minimum(
    covariance: Covariance, temperature: float, reference_temperature: float | None = None
) -> PotentialMinimum | None:
    """Return the minimum of V at q > 0 that lies closest to the reference, None where V only rises.

    Raises
    ------
    InputError, NoSolutionError
        As :func:`held_state`.
    """

    def force(q: float) -> float:
        return held_state(covariance, q, temperature, reference_temperature).force

    grid = 1.0 - np.geomspace(1e-3, 0.97, 60)
    forces = [force(q) for q in grid]
    minimum = None
    for k in range(len(grid) - 1):
        if forces[k] > 0 >= forces[k + 1] and minimum is None:
            minimum = brentq(force, grid[k + 1], grid[k], xtol=1e-13)
        elif minimum is not None and forces[k] <= 0 < forces[k + 1]:
            top = brentq(force, grid[k + 1], grid[k], xtol=1e-10)
            height, barrier = potential(covariance, [minimum, top], temperature, reference_temperature)
            return PotentialMinimum(float(minimum), float(height), float(top), float(barrier))
    return None


def _temperatures(covariance: Covariance, temperature: float, reference: float | None) -> tuple[float, float]:
    temperature = check_temperature(temperature)
    reference = temperature if reference is None else check_temperature(reference)
    if temperature == 0.0:
        raise InputError("temperature is 0; the potential needs a positive temperature")
    static = static_transition(covariance).temperature
    if reference < static * (1.0 - 1e-12):
        raise InputError(
            f"reference temperature {reference:g} is below the static transition {static:.8g}, where a planted "
            "configuration is no equilibrium one; give a higher one"
        )
    return temperature, reference


def _optimum(held: _Held) -> tuple[float, float, float, float]:
    """(r0, r1, x, violation) of the minimum of phi."""
    worst = math.inf
    for r in _symmetric(held):
        worst = min(worst, violation := held.violation(r, r, 1.0))
        if violation < _TOLERANCE:
            return r, r, 1.0, violation
    for candidate in _broken(held):
        worst = min(worst, violation := held.violation(*candidate))
        if violation < _TOLERANCE:
            return *candidate, violation
    raise NoSolutionError(
        f"covariance {held.f} at overlap {held.q:g} and temperature {held.beta2**-0.5:g}: neither the "
        f"replica-symmetric nor the one-step state is optimal (the condition is violated by {worst:.1e})"
    )


def _symmetric(held: _Held) -> list[float]:
    """Roots r of beta^2 f'(r) = (r - q^2)/(1 - r)^2."""
    low = held.q**2
    if low == 0.0:
        # without a pull nothing but r = 0 is symmetric and stable
        return [0.0]

    def balance(u):
        r = 1.0 - u
        return held.beta2 * held.f.first(r) * u**2 - (r - low)

    u = (1.0 - low) * np.concatenate([np.geomspace(1e-9, 0.02, 200), np.linspace(0.02, 1.0, 800)[1:]])
    values = balance(u)
    found = [u[k] for k in np.flatnonzero(values == 0.0)]
    for k in np.flatnonzero(values[:-1] * values[1:] < 0):
        found.append(brentq(balance, u[k], u[k + 1], xtol=1e-16, rtol=1e-15))
    return [1.0 - v for v in found]


def _broken(held: _Held) -> Iterator[tuple[float, float, float]]:
    """Stationary points with one step, found downhill from the best points of a coarse grid, best first."""
    low = held.q**2
    # close to a continuous transition r1 is next to r0, close to a discontinuous one x is next to one
    a = np.concatenate([[0.0], np.geomspace(1e-4, 0.95, 40)])[:, None, None]
    b = np.geomspace(2e-3, 0.98, 40)[None, :, None]
    x = 1.0 - np.geomspace(3e-4, 0.95, 24)[None, None, :]

    def place(a, b, x):
        r0 = low + (1.0 - low) * a
        return r0, r0 + (1.0 - r0) * b, x

    def polished(guess):
        r0, r1, weight = (float(value) for value in root(lambda v: held.balances(*v), guess, tol=1e-15).x)
        if low - 1e-12 <= r0 < r1 < 1.0 and 0.0 < weight <= 1.0:
            yield r0, r1, weight

    values = held.log_partition(*place(a, b, x))
    for i, j, k in _lowest_places(values):
        start = [float(a[i, 0, 0]), float(b[0, j, 0]), float(x[0, 0, k])]
        yield from polished(place(*start))
        down = minimize(lambda v: float(held.log_partition(*place(*v))), start, method="L-BFGS-B",
                        bounds=[(0.0, 0.999), (1e-5, 0.9999), (1e-3, 1.0)],
                        options={"ftol": 1e-16, "gtol": 1e-12, "maxiter": 1000})  # fmt: skip
        yield from polished(place(*down.x))


def _lowest_places(values: Array) -> list[tuple[int, ...]]:
    """The places of a grid whose value is below those of all neighbours, the lowest four."""
    lower = np.ones(values.shape, dtype=bool)
    for axis in range(values.ndim):
        step = np.diff(values, axis=axis)
        first, last = [slice(None)] * values.ndim, [slice(None)] * values.ndim
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        lower[tuple(first)] &= step >= 0
        lower[tuple(last)] &= step <= 0
    places = np.argwhere(lower)
    order = np.argsort(values[lower])
    return [tuple(places[k]) for k in order[:4]]
