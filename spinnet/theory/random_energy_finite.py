r"""Exact disorder averages of the random energy model at any N, by quadrature.

Let M = 2^N independent levels and W(y) = E exp(-e^y Z) = [E exp(-e^{y - beta E})]^M. With V = ln Exp(1) - ln Z
the function W is P(V > y), so that

.. math::
    \mathbb E \ln Z = -\gamma_E - \mathbb E V, \qquad \operatorname{Var} \ln Z = \operatorname{Var} V - \pi^2/6, \\
    \mathbb E Y_k = \frac{M}{\Gamma(k)} \int \mathbb E\!\left[e^{k(y - \beta E)} e^{-e^{y - \beta E}}\right]
        \left(\mathbb E\, e^{-e^{y-\beta E}}\right)^{M-1} dy, \qquad Y_k = \sum_i w_i^k,

with w_i the Boltzmann weights. Everything is kept as a logarithm, so that N may be in the thousands; the trapezoidal
rule in y converges exponentially and its step is halved until the value stands still.

Two kinds of levels: ``"gaussian"``, E ~ N(0, N/2), and ``"exponential"``, E = -u with u ~ Exp(1) (T_c = 1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.level_averages import log_mean_exponential, log_mean_gaussian

Array = NDArray[np.float64]

DISTRIBUTIONS = ("gaussian", "exponential")
LARGEST_N = 20_000
_NEGLIGIBLE = 44.0


def log_minus_log1p(log_g: Array) -> Array:
    """Return ln(-ln(1 - g)) from ln g <= 0, accurate for small g and infinite at g = 1."""
    log_g = np.minimum(log_g, 0.0)
    with np.errstate(divide="ignore"):
        return np.where(log_g < -36.0, log_g, np.log(-np.log1p(-np.exp(np.maximum(log_g, -36.0)))))


def log_minimum_of(log_g: Array, log_count: float) -> Array:
    """Return ln[1 - (1 - g)^M] from ln g and ln M: the distribution function of the least of M variables."""
    with np.errstate(over="ignore", divide="ignore"):
        exponent = log_count + log_minus_log1p(log_g)
        many = np.log(-np.expm1(-np.exp(np.clip(exponent, -36.0, 700.0))))
    return np.where(exponent < -36.0, exponent, many)


@dataclass(frozen=True)
class IndependentLevels:
    """2^N independent levels at one inverse temperature.

    Parameters
    ----------
    n : int
        N, from 1 to 20000.
    beta : float
        Inverse temperature, positive and finite.
    distribution : {"gaussian", "exponential"}
    """

    n: int
    beta: float
    distribution: str = "gaussian"

    def __post_init__(self):
        n = whole_number("n", self.n, 1)
        if n > LARGEST_N:
            raise InputError(
                f"n = {n}: exact values are computed up to n = {LARGEST_N}; beyond it use the limit and its corrections"
            )
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "beta", real_number("beta", self.beta, above=0.0))
        one_of("distribution", self.distribution, DISTRIBUTIONS)

    @property
    def log_count(self) -> float:
        return self.n * math.log(2.0)

    def log_mean_kernel(self, y: Array, order: int = 0) -> Array:
        """Return ln E K_k(y - beta E); see :mod:`spinnet.theory.level_averages`."""
        if self.distribution == "gaussian":
            return log_mean_gaussian(y, self.beta * math.sqrt(self.n / 2.0), order)
        return log_mean_exponential(y, self.beta, order)

    def log_survival(self, y: Array, missing: int = 0) -> Array:
        """Return ln (E exp(-e^{y - beta E}))^(M - missing)."""
        count = max(-math.expm1(math.log(missing) - self.log_count), 0.0) if missing else 1.0
        if count == 0.0:
            return np.zeros_like(y)
        with np.errstate(over="ignore"):
            return -np.exp(
                np.minimum(self.log_count + math.log(count) + log_minus_log1p(self.log_mean_kernel(y)), 700.0)
            )

    def _window(self) -> tuple[float, float]:
        """Return where 1 - W and W fall below e^-44."""

        def left(y: float) -> bool:
            return float(log_minimum_of(self.log_mean_kernel(np.array([y])), self.log_count)[0]) < -_NEGLIGIBLE

        def right(y: float) -> bool:
            return float(self.log_survival(np.array([y]))[0]) < -_NEGLIGIBLE

        start, size = -self.log_count, 4.0 + self.beta
        low = _boundary(left, start, -size)
        return low, _boundary(right, low, size)

    def _moments(self) -> tuple[float, float, float]:
        """Return a centre c, E[V - c] and E[(V - c)^2]."""
        low, high = self._window()
        # the window of a Gumbel variable of width w is -44 w ... 3.8 w
        width = (high - low) / (_NEGLIGIBLE + math.log(_NEGLIGIBLE))
        centre = high - math.log(_NEGLIGIBLE) * width

        def excess(y: Array) -> Array:
            t = (y - centre) / width
            return np.exp(self.log_survival(y)) - np.exp(-np.exp(t))

        first = self._integral(excess, low, high)
        second = self._integral(lambda y: 2.0 * (y - centre) * excess(y), low, high)
        gamma = np.euler_gamma
        return centre, first - gamma * width, second + (gamma**2 + math.pi**2 / 6.0) * width**2

    def _integral(self, function: Callable[[Array], Array], low: float, high: float) -> float:
        if self.distribution == "gaussian" or self.n > 8 or high - low < 200.0:
            return integrate(function, low, high)
        # few cold exponential levels: a slow tail e^{y/beta} ends within a distance of one at y = 0, where E = 0 does
        low, high = math.asinh(low), math.asinh(high)
        return integrate(lambda t: function(np.sinh(t)) * np.cosh(t), low, high)

    def mean_log_partition(self) -> float:
        """Return E ln Z, to about 1e-12 relative."""
        centre, first, _ = self._moments()
        return -np.euler_gamma - centre - first

    def variance_log_partition(self) -> float:
        """Return Var ln Z, to about 1e-11 of max(1, Var ln Z): at high temperature it is exponentially small."""
        _, first, second = self._moments()
        return max(second - first**2 - math.pi**2 / 6.0, 0.0)

    def participation_moment(self, order: int = 2) -> float:
        """Return E Y_k, the probability that k replicas share one level."""
        order = whole_number("order", order, 1)
        low, high = self._window()

        def density(y: Array) -> Array:
            return np.exp(self.log_count + self.log_mean_kernel(y, order) + self.log_survival(y, 1))

        return self._integral(density, low, high + order) / math.gamma(order)

    def participation_second_moment(self) -> float:
        """Return E Y_2^2, the probability that replicas 1 and 2 share a level, and so do 3 and 4."""
        low, high = self._window()
        log_pairs = 2.0 * self.log_count + math.log(max(-math.expm1(-self.log_count), 1e-300))

        def density(y: Array) -> Array:
            one = self.log_count + self.log_mean_kernel(y, 4) + self.log_survival(y, 1)
            two = log_pairs + 2.0 * self.log_mean_kernel(y, 2) + self.log_survival(y, 2)
            return np.exp(one) + np.exp(two)

        return self._integral(density, low, high + 4) / math.gamma(4)

    def mean_energy(self) -> float:
        """Return E <H> of Gaussian levels, extensive: -(beta N/2)(1 - E Y_2), by Gaussian integration by parts."""
        if self.distribution != "gaussian":
            raise InputError(
                "distribution = 'exponential': the mean energy is known in closed form for gaussian levels only"
            )
        return -0.5 * self.beta * self.n * (1.0 - self.participation_moment(2))

    def mean_entropy(self) -> float:
        """Return the mean entropy E[ln Z + beta <H>] of Gaussian levels, extensive."""
        return self.mean_log_partition() + self.beta * self.mean_energy()


def native_probability(n: int, temperature: float, gap: float) -> float:
    """Return the mean Boltzmann weight of one extra level at energy -gap beside the 2^N levels of a Gaussian REM.

    E[a/(a + Z)] = int a e^y exp(-a e^y) W(y) dy with a = e^{gap/T}: the folded fraction of a funnel whose only
    structure is its bottom (Bryngelson and Wolynes 1987). It is 1/2 at T_f up to finite-size corrections.
    """
    temperature = real_number("temperature", temperature, above=0.0)
    gap = real_number("gap", gap)
    levels = IndependentLevels(n, 1.0 / temperature)
    log_a = gap / temperature

    def density(y: Array) -> Array:
        return np.exp(y + log_a - np.exp(y + log_a) + levels.log_survival(y))

    return integrate(density, -log_a - _NEGLIGIBLE, -log_a + math.log(_NEGLIGIBLE) + 0.5)


def integrate(function: Callable[[Array], Array], low: float, high: float, tolerance: float = 1e-13) -> float:
    """Return the integral of a function that is smooth and negligible at both ends, by the trapezoidal rule.

    The step is halved until the change is below tolerance times (1 + the largest |sum of parts|); the error after
    that is about the square of the last change, because convergence is exponential.

    Raises
    ------
    NotConvergedError
        If 2^16 intervals are not enough.
    """
    count = 48
    y = np.linspace(low, high, count + 1)
    values = function(y)
    step = (high - low) / count
    total, size = values.sum() * step, np.abs(values).sum() * step
    while count < 2**16:
        middle = function(low + step * (np.arange(count) + 0.5))
        count, step = 2 * count, 0.5 * step
        new, size = 0.5 * total + middle.sum() * step, 0.5 * size + np.abs(middle).sum() * step
        # a change of 1e-7 means an error of 1e-14; the guard of three halvings excludes an accident
        if abs(new - total) <= max(math.sqrt(tolerance) * 0.1 * size, 1e-300) and count >= 384:
            return float(new)
        total = new
    raise NotConvergedError(f"the integral over [{low:g}, {high:g}] still changes at {count} points")


def _boundary(reached: Callable[[float], bool], start: float, step: float) -> float:
    """Return a point where a condition holds, within a tenth of the first one in the direction of step."""
    if reached(start):
        # walk back to where it does not hold
        inside = _walk(lambda y: not reached(y), start, -step)
        outside = start
    else:
        outside = _walk(reached, start, step)
        inside = start
    while abs(outside - inside) > max(0.1, 1e-3 * abs(step)):
        middle = 0.5 * (inside + outside)
        inside, outside = (inside, middle) if reached(middle) else (middle, outside)
    return outside


def _walk(reached: Callable[[float], bool], start: float, step: float) -> float:
    position = start
    for _ in range(200):
        position += step
        if reached(position):
            return position
        step *= 1.5
    raise NotConvergedError("the range of ln Z was not found")
