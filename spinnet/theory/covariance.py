"""The covariance polynomial f(q) that defines a mixed p-spin glass."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError

_EXAMPLE = "write for example {3: 1.0} for a pure 3-spin model"


def _as_degree(degree: object) -> int:
    """Return the degree as an int; text such as "3" is allowed because TOML and JSON keys are text."""
    if isinstance(degree, str):
        try:
            degree = int(degree.strip())
        except ValueError:
            raise InputError(f"covariance degree {degree!r} is not an integer; {_EXAMPLE}") from None
    is_number = isinstance(degree, numbers.Real) and not isinstance(degree, bool)
    if not is_number or not math.isfinite(degree) or degree != int(degree):
        raise InputError(f"covariance degree {degree!r} is not an integer; {_EXAMPLE}")
    degree = int(degree)
    if degree == 1:
        raise InputError(
            "covariance degree 1 is a random field along a fixed direction, not a glassy term: it breaks the symmetry "
            "of all states and smears the transitions; use degrees of 2 and more, and an external field for a field"
        )
    if degree == 0:
        raise InputError(
            "covariance degree 0 is a random constant added to every energy and has no force; use degrees of 2 and more"
        )
    if degree < 0:
        raise InputError(f"covariance degree {degree} is negative; degrees are integers of 2 and more")
    return degree


def _as_amplitude(degree: int, amplitude: object) -> float:
    if isinstance(amplitude, bool) or not isinstance(amplitude, numbers.Real):
        raise InputError(f"covariance amplitude {amplitude!r} of degree {degree} is not a number; {_EXAMPLE}")
    value = float(amplitude)
    if not math.isfinite(value):
        raise InputError(f"covariance amplitude of degree {degree} is {value}; amplitudes are finite and positive")
    if value == 0.0:
        raise InputError(f"covariance amplitude of degree {degree} is zero; leave the degree out instead")
    if value < 0.0:
        raise InputError(
            f"covariance amplitude of degree {degree} is {value:g}; only its square enters f(q), so give it as positive"
        )
    if not 1e-50 < value < 1e50:
        raise InputError(f"covariance amplitude of degree {degree} is {value:g}; choose units in which it is about one")
    return value


@dataclass(frozen=True, init=False, repr=False)
class Covariance:
    """The polynomial f(q) = 1/2 sum_p a_p^2 q^p of a mixed p-spin model.

    The energies of two configurations with overlap q are Gaussian with mean zero and
    E[H(s) H(s')] = N f(q); a pure model with a_p = 1 has f(1) = 1/2.

    Parameters
    ----------
    amplitudes : mapping of int to float, or Covariance
        ``{p: a_p}`` with integer degrees p >= 2 (text such as ``"3"`` is read as 3) and positive finite
        amplitudes. ``{3: 1}`` and ``{3: 1.0}`` give equal objects with equal hashes.

    Attributes
    ----------
    terms : tuple of (int, float)
        The pairs (p, a_p) in order of increasing p.

    Raises
    ------
    InputError
        For an empty mapping, degrees 0 and 1, degrees that are not integers, and amplitudes that are zero,
        negative or not finite.

    Notes
    -----
    Every method takes a scalar or an array of any shape and costs O(number of terms) per element.
    The mathematical literature writes E[HH'] = N xi(q) with xi = 2f for pure models of unit amplitude, so that its
    energies are sqrt(2) times the ones here (Auffinger, Ben Arous, Cerny 2013).

    Examples
    --------
    >>> Covariance({3: 1}).first(1.0)
    1.5
    """

    terms: tuple[tuple[int, float], ...]

    def __init__(self, amplitudes: Mapping[int | str, float] | Covariance):
        if isinstance(amplitudes, Covariance):
            object.__setattr__(self, "terms", amplitudes.terms)
            return
        if not isinstance(amplitudes, Mapping):
            raise InputError(f"covariance {amplitudes!r} is not a mapping from degree to amplitude; {_EXAMPLE}")
        if not amplitudes:
            raise InputError(f"covariance is empty; {_EXAMPLE}")
        found: dict[int, float] = {}
        for key, amplitude in amplitudes.items():
            degree = _as_degree(key)
            if degree in found:
                raise InputError(f"covariance degree {degree} is given twice; give each degree once")
            found[degree] = _as_amplitude(degree, amplitude)
        object.__setattr__(self, "terms", tuple(sorted(found.items())))

    @classmethod
    def parse(cls, text: str) -> Covariance:
        """Read ``"3=1,4=0.5"``: degrees and amplitudes separated by commas.

        Raises
        ------
        InputError
            If the text has another form, or names a degree or amplitude that is not allowed.
        """
        found: dict[int, float] = {}
        for item in str(text).split(","):
            degree_text, equals, amplitude_text = item.partition("=")
            try:
                amplitude = float(amplitude_text)
            except ValueError:
                equals = ""
            if not equals or not degree_text.strip():
                raise InputError(f"covariance {text!r} is not of the form degree=amplitude,...; write 3=1,4=0.5")
            degree = _as_degree(degree_text)
            if degree in found:
                raise InputError(f"covariance {text!r} gives degree {degree} twice; give each degree once")
            found[degree] = amplitude
        return cls(found)

    def __str__(self) -> str:
        return ",".join(f"{degree}={repr(amplitude).removesuffix('.0')}" for degree, amplitude in self.terms)

    def __repr__(self) -> str:
        inside = ", ".join(f"{degree}: {amplitude!r}" for degree, amplitude in self.terms)
        return f"Covariance({{{inside}}})"

    @property
    def degrees(self) -> tuple[int, ...]:
        """The degrees p with a non-zero amplitude, in increasing order."""
        return tuple(degree for degree, _ in self.terms)

    @property
    def amplitudes(self) -> dict[int, float]:
        """The mapping {p: a_p}, a new dictionary at each call."""
        return dict(self.terms)

    @property
    def is_pure(self) -> bool:
        """Whether there is a single degree."""
        return len(self.terms) == 1

    @property
    def energy_force_determinant(self) -> float:
        """f (f' + f'') - f'^2 at q = 1, the determinant of the covariance of (e, mu) times N^2; zero for pure models.

        Summed over pairs of degrees, 1/4 sum_{p<r} a_p^2 a_r^2 (p - r)^2, without cancellation.
        """
        total = 0.0
        for i, (p, a) in enumerate(self.terms):
            for r, b in self.terms[i + 1 :]:
                total += 0.25 * (a * b * (p - r)) ** 2
        return total

    def derivative(self, q: ArrayLike, order: int = 0) -> NDArray[np.float64] | float:
        """Return the derivative of the given order, d^k f / dq^k = 1/2 sum_p a_p^2 p(p-1)...(p-k+1) q^(p-k)."""
        q = np.asarray(q, dtype=float)
        total = np.zeros_like(q)
        for degree, amplitude in self.terms:
            factor = math.perm(degree, order)
            if factor:
                total = total + 0.5 * amplitude**2 * factor * q ** (degree - order)
        return total if total.ndim else float(total)

    def __call__(self, q: ArrayLike) -> NDArray[np.float64] | float:
        """Return f(q)."""
        return self.derivative(q, 0)

    def first(self, q: ArrayLike) -> NDArray[np.float64] | float:
        """Return f'(q). The force on one degree of freedom has variance f'(1)."""
        return self.derivative(q, 1)

    def second(self, q: ArrayLike) -> NDArray[np.float64] | float:
        """Return f''(q). The Hessian's off-diagonal elements have variance f''(1)/N."""
        return self.derivative(q, 2)

    def third(self, q: ArrayLike) -> NDArray[np.float64] | float:
        """Return f'''(q)."""
        return self.derivative(q, 3)

    def reduced(self, q: ArrayLike, factor: Callable[[int], float]) -> NDArray[np.float64] | float:
        """Return 1/2 sum_p a_p^2 factor(p) q^(p - p_min), a weighted f(q)/q^p_min that does not underflow."""
        q = np.asarray(q, dtype=float)
        lowest = self.terms[0][0]
        total = np.zeros_like(q)
        for degree, amplitude in self.terms:
            total = total + 0.5 * amplitude**2 * factor(degree) * q ** (degree - lowest)
        return total if total.ndim else float(total)

    def log_derivative(self, q: ArrayLike, order: int = 0) -> NDArray[np.float64] | float:
        """Return ln of the derivative of order 0, 1 or 2 at q > 0, also where the derivative itself underflows."""
        if order not in (0, 1, 2):
            raise InputError(f"order of the logarithmic derivative is {order}; it is 0, 1 or 2")
        reduced = self.reduced(q, lambda degree: math.perm(degree, order))
        result = np.log(reduced) + (self.terms[0][0] - order) * np.log(q)
        return result if np.ndim(result) else float(result)

    def deficit(self, u: ArrayLike) -> NDArray[np.float64] | float:
        """Return f(1) - f(1 - u) without the cancellation of the plain difference at small u in [0, 1]."""
        u = np.asarray(u, dtype=float)
        with np.errstate(divide="ignore"):
            log_q = np.log1p(-u)
        total = np.zeros_like(u)
        for degree, amplitude in self.terms:
            total = total - 0.5 * amplitude**2 * np.expm1(degree * log_q)
        return total if total.ndim else float(total)
