r"""The continuous random energy model: covariance E[H H'] = N A(x)/2 with x the depth of the common ancestor.

A rises from A(0) = 0 to A(1) = 1 on the binary tree with N generations. As N grows only its concave hull a(x)
matters:

.. math::
    \varphi = \int_0^1 \begin{cases} \ln 2 + \beta^2 a'/4 & \beta\sqrt{a'} < 2\sqrt{\ln 2} \\
        \beta \sqrt{a' \ln 2} & \text{otherwise} \end{cases} dx,
    \qquad e_{gs} = -\sqrt{\ln 2} \int_0^1 \sqrt{a'}\,dx,

and the common depth of two replicas has the distribution function min(1, T/T(x)) with T(x) = sqrt(a'(x)/ln 2)/2.
A(x) = x is branching Brownian motion: the thermodynamics of the random energy model with other corrections,
E E_min = -N sqrt(ln 2) + (3/2) T_c ln N + O(1) instead of (1/2) T_c ln N.

References: Derrida and Gardner (1986) J. Phys. C 19, 2253; Bovier and Kurkova (2004) Ann. Inst. Henri Poincaré 40,
481; Bramson (1978) Commun. Pure Appl. Math. 31, 531; Addario-Berry and Reed (2009) Ann. Probab. 37, 1044.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad
from scipy.optimize import brentq

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.theory.expressions import Expression, parse_expression
from spinnet.theory.random_energy import check_beta

Array = NDArray[np.float64]

_POINTS = 2048
_ROUNDING = 1e-9
LARGEST_TREE = 256


@dataclass(frozen=True)
class _Piece:
    """Part of the hull: a straight bridge (slope given) or a stretch of A itself (slope None)."""

    start: float
    stop: float
    slope: float | None


@dataclass(frozen=True)
class ContinuousCovariance:
    """A covariance A(x) of the common-ancestor depth x in [0, 1], with its concave hull.

    Parameters
    ----------
    expression : str or Expression
        A formula in x, such as ``"2x-x^2"``; smooth inside (0, 1), not decreasing, A(0) = 0, A(1) = 1.

    Raises
    ------
    InputError
        If the formula cannot be read, is not finite on [0, 1], decreases, or has other end values.
    """

    expression: Expression | str
    pieces: tuple[_Piece, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        expression = self.expression if isinstance(self.expression, Expression) else parse_expression(self.expression)
        object.__setattr__(self, "expression", expression)
        x = np.linspace(0.0, 1.0, _POINTS + 1)
        values = expression(x)
        if not np.all(np.isfinite(values)):
            place = x[~np.isfinite(values)][0]
            raise InputError(
                f"covariance {expression.text!r} is not finite at x = {place:g}; it must be finite on [0, 1]"
            )
        if abs(values[0]) > _ROUNDING or abs(values[-1] - 1.0) > _ROUNDING:
            raise InputError(
                f"covariance {expression.text!r} runs from {values[0]:g} to {values[-1]:g}; "
                "it must run from A(0) = 0 to A(1) = 1"
            )
        # as fine as the eye of a reasonable formula: decreases between grid points show in the slope
        if np.any(np.diff(values) < -1e-12) or np.any(expression.derivative(x[1:-1]) < -1e-9):
            falls = np.flatnonzero((np.diff(values) < -1e-12) | (expression.derivative(x[1:]) < -1e-9))
            place = x[falls[0]] if falls.size else 0.0
            raise InputError(f"covariance {expression.text!r} decreases near x = {place:.3g}; A(x) must not decrease")
        object.__setattr__(self, "pieces", self._hull(x, values))

    def __str__(self) -> str:
        return self.expression.text

    def _hull(self, x: Array, values: Array) -> tuple[_Piece, ...]:
        corners = [0]
        for i in range(1, x.size):
            while len(corners) > 1:
                a, b = corners[-2:]
                if (values[b] - values[a]) * (x[i] - x[b]) > (values[i] - values[b]) * (x[b] - x[a]):
                    break
                corners.pop()
            corners.append(i)
        pieces: list[_Piece] = []
        for i, j in itertools.pairwise(corners):
            if j == i + 1:
                if pieces and pieces[-1].slope is None:
                    pieces[-1] = _Piece(pieces[-1].start, float(x[j]), None)
                else:
                    pieces.append(_Piece(pieces[-1].stop if pieces else 0.0, float(x[j]), None))
            else:
                start, stop, slope = self._bridge(float(x[i]), float(x[j]), 1.0 / _POINTS)
                if pieces:
                    pieces[-1] = _Piece(pieces[-1].start, start, pieces[-1].slope)
                pieces.append(_Piece(start, stop, slope))
        pieces[-1] = _Piece(pieces[-1].start, 1.0, pieces[-1].slope)
        return tuple(piece for piece in pieces if piece.stop > piece.start)

    def _bridge(self, start: float, stop: float, reach: float) -> tuple[float, float, float]:
        """Refine the ends of a bridge found on the grid until it is tangent to A at its inner ends."""
        a = self.expression
        for _ in range(60):
            before = (start, stop)
            if start > 0.0:
                start = _maximum(
                    lambda u, v=stop: -(a(v) - a(u)) / (v - u),
                    max(0.0, start - reach),
                    min(start + reach, stop - reach),
                )
            if stop < 1.0:
                stop = _maximum(
                    lambda v, u=start: (a(v) - a(u)) / (v - u), max(stop - reach, start + reach), min(1.0, stop + reach)
                )
            if abs(start - before[0]) + abs(stop - before[1]) < 1e-12:
                break
        return start, stop, float((a(stop) - a(start)) / (stop - start))

    def hull_slope(self, x: ArrayLike) -> Array | float:
        """Return the derivative of the concave hull at depths x of any shape."""
        x = np.asarray(x, dtype=float)
        slope = np.asarray(self.expression.derivative(x), dtype=float).copy()
        for piece in self.pieces:
            if piece.slope is not None:
                slope = np.where((x >= piece.start) & (x <= piece.stop), piece.slope, slope)
        return slope if slope.ndim else float(slope)

    def _integrate(self, of_slope: Callable[[float], float], breaks: tuple[float, ...] = ()) -> float:
        """Integrate a function of the hull's slope; ends of pieces may be singular like a power."""
        total = 0.0
        for piece in self.pieces:
            if piece.slope is not None:
                total += (piece.stop - piece.start) * of_slope(piece.slope)
                continue
            edges = [piece.start, *(b for b in sorted(breaks) if piece.start < b < piece.stop), piece.stop]
            for low, high in itertools.pairwise(edges):
                middle, half = 0.5 * (low + high), 0.5 * (high - low)

                # x = middle + half tanh(sinh t): any integrable power at the ends becomes double-exponential decay
                def transformed(t: float, middle=middle, half=half) -> float:
                    u = 0.5 * math.pi * math.sinh(t)
                    x = middle + half * math.tanh(u)
                    weight = half * 0.5 * math.pi * math.cosh(t) / math.cosh(u) ** 2
                    slope = max(float(self.expression.derivative(x)), 0.0)
                    return of_slope(slope) * weight if weight > 0.0 and math.isfinite(slope) else 0.0

                total += quad(transformed, -3.6, 3.6, epsabs=1e-13, epsrel=1e-12, limit=200)[0]
        return total

    def _freezing_depth(self, beta: float) -> tuple[float, ...]:
        """Return the depth up to which the hull is frozen, if it lies inside a curved piece."""
        threshold = 4.0 * math.log(2.0) / beta**2

        def excess(x: float) -> float:
            slope = float(self.expression.derivative(x))
            return min(slope, 1e300) - threshold

        for piece in self.pieces:
            width = piece.stop - piece.start
            low, high = piece.start + 1e-15 * width, piece.stop - 1e-15 * width
            if piece.slope is None and excess(low) > 0.0 > excess(high):
                return (float(brentq(excess, low, high, xtol=1e-15, rtol=1e-14)),)
        return ()

    def _sum(self, beta: ArrayLike, liquid: Callable[[float, float], float], frozen: Callable[[float, float], float]):
        beta = check_beta(beta)
        threshold = 4.0 * math.log(2.0)
        values = [
            self._integrate(
                lambda g, b=b: frozen(b, g) if b * b * g > threshold else liquid(b, g), self._freezing_depth(b)
            )
            for b in np.ravel(beta)
        ]
        return np.reshape(values, beta.shape) if beta.ndim else values[0]

    def log_partition_density(self, beta: ArrayLike) -> Array | float:
        """Return phi = lim E ln Z / N at inverse temperatures of any shape."""
        return self._sum(
            beta, lambda b, g: math.log(2.0) + b * b * g / 4.0, lambda b, g: b * math.sqrt(g * math.log(2.0))
        )

    def energy_density(self, beta: ArrayLike) -> Array | float:
        """Return e = -d phi/d beta."""
        return self._sum(beta, lambda b, g: -b * g / 2.0, lambda b, g: -math.sqrt(g * math.log(2.0)))

    def entropy_density(self, beta: ArrayLike) -> Array | float:
        """Return s = phi + beta e, carried by the part of the tree that is not frozen."""
        return self._sum(beta, lambda b, g: math.log(2.0) - b * b * g / 4.0, lambda b, g: 0.0)

    def ground_state_energy_density(self) -> float:
        """Return e_gs = -sqrt(ln 2) int sqrt(a') dx."""
        return -math.sqrt(math.log(2.0)) * self._integrate(math.sqrt)

    def transition_temperature(self) -> float:
        """Return the highest freezing temperature sqrt(a'(0)/ln 2)/2; infinite if the hull starts vertically."""
        slope = self.pieces[0].slope
        slope = float(self.expression.derivative(0.0)) if slope is None else slope
        return 0.5 * math.sqrt(slope / math.log(2.0)) if math.isfinite(slope) else math.inf

    def overlap_distribution(self, beta: float, x: ArrayLike) -> Array | float:
        """Return lim P(common depth of two replicas <= x) = min(1, T/T(x)) for 0 <= x < 1."""
        beta = float(check_beta(beta))
        with np.errstate(divide="ignore"):
            probability = np.minimum(1.0, 2.0 * math.sqrt(math.log(2.0)) / (beta * np.sqrt(self.hull_slope(x))))
        return probability if np.ndim(probability) else float(probability)

    def participation_ratio_limit(self, beta: float) -> float:
        """Return lim E Y_2 = 1 - min(1, T/T(1)), the probability of the same leaf."""
        last = self.pieces[-1]
        slope = max(float(self.expression.derivative(1.0)), 0.0) if last.slope is None else last.slope
        return (
            max(1.0 - 2.0 * math.sqrt(math.log(2.0)) / (float(check_beta(beta)) * math.sqrt(slope)), 0.0)
            if slope
            else 0.0
        )

    def tree(self, n: int) -> tuple[Array, Array]:
        """Return (widths, ln branchings) of the binary tree with n generations, for the exact finite-size recursion.

        Generation k has edges of variance (n/2)[A(k/n) - A((k-1)/n)]; see :mod:`spinnet.theory.tree_recursion`.

        Raises
        ------
        InputError
            Unless 1 <= n <= 256.
        """
        n = whole_number("n", n, 1)
        if n > LARGEST_TREE:
            raise InputError(
                f"n = {n}: trees of a continuous covariance are solved up to n = {LARGEST_TREE} generations"
            )
        steps = np.diff(self.expression(np.arange(n + 1) / n))
        return np.sqrt(np.maximum(steps, 0.0) * n / 2.0), np.full(n, math.log(2.0))


def _maximum(function: Callable[[float], float], low: float, high: float) -> float:
    """Return the maximum of a unimodal function by golden sections, then a parabola: to about 1e-12 where smooth."""
    if high <= low:
        return low
    ratio = 0.5 * (math.sqrt(5.0) - 1.0)
    a, b = low, high
    for _ in range(30):
        c, d = b - ratio * (b - a), a + ratio * (b - a)
        if function(c) >= function(d):
            b = d
        else:
            a = c
    return 0.5 * (a + b)
