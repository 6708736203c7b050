"""Eigenvalue laws with which Hessian spectra are compared.

References: Wigner (1958) Ann. Math. 67, 325; Marchenko and Pastur (1967) Math. USSR Sb. 1, 457; Baik, Ben Arous and
Peche (2005) Ann. Probab. 33, 1643; Peche (2006) Probab. Theory Relat. Fields 134, 127; Pennington and Bahri (2017)
ICML, PMLR 70, 2798.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import quad

from spinnet.errors import InputError

Array = NDArray[np.float64]


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise InputError(f"{name} is {value}; it must be finite and positive")


@dataclass(frozen=True)
class Semicircle:
    """The law with density 2 sqrt(R^2 - (x - c)^2)/(pi R^2) on [c - R, c + R].

    A symmetric matrix of size n whose off-diagonal elements have variance v/n has R = 2 sqrt(v).
    """

    centre: float = 0.0
    radius: float = 2.0

    def __post_init__(self) -> None:
        _require_positive("semicircle radius", self.radius)

    @property
    def edges(self) -> tuple[float, float]:
        return self.centre - self.radius, self.centre + self.radius

    @property
    def mean(self) -> float:
        return self.centre

    @property
    def variance(self) -> float:
        return 0.25 * self.radius**2

    def density(self, x: ArrayLike) -> Array:
        t = (np.asarray(x, dtype=float) - self.centre) / self.radius
        return 2.0 / (math.pi * self.radius) * np.sqrt(np.clip(1.0 - t * t, 0.0, None))

    def cdf(self, x: ArrayLike) -> Array:
        """Return the mass below x: 1/2 + [t sqrt(1 - t^2) + arcsin t]/pi with t = (x - c)/R."""
        t = np.clip((np.asarray(x, dtype=float) - self.centre) / self.radius, -1.0, 1.0)
        return 0.5 + (t * np.sqrt((1.0 - t) * (1.0 + t)) + np.arcsin(t)) / math.pi


@dataclass(frozen=True)
class MarchenkoPastur:
    """The law of X X^T/m for X of shape (n, m) with independent elements of variance s, at ratio y = n/m.

    Density sqrt((b - x)(x - a))/(2 pi s y x) on [a, b] = s (1 -+ sqrt(y))^2, and for y > 1 an atom of mass
    1 - 1/y at zero, which ``density`` leaves out and ``cdf`` includes.
    """

    ratio: float
    variance_of_elements: float = 1.0

    def __post_init__(self) -> None:
        _require_positive("Marchenko-Pastur ratio", self.ratio)
        _require_positive("Marchenko-Pastur variance", self.variance_of_elements)

    @property
    def edges(self) -> tuple[float, float]:
        root = math.sqrt(self.ratio)
        return self.variance_of_elements * (1.0 - root) ** 2, self.variance_of_elements * (1.0 + root) ** 2

    @property
    def atom_at_zero(self) -> float:
        return max(0.0, 1.0 - 1.0 / self.ratio)

    @property
    def mean(self) -> float:
        return self.variance_of_elements

    @property
    def variance(self) -> float:
        return self.ratio * self.variance_of_elements**2

    def density(self, x: ArrayLike) -> Array:
        """Return the density of the continuous part (its integral is 1 - ``atom_at_zero``)."""
        x = np.asarray(x, dtype=float)
        a, b = self.edges
        inside = (x > a) & (x < b)
        safe = np.where(inside, x, 0.5 * (a + b))
        root = np.sqrt((b - safe) * (safe - a))
        return np.where(inside, root / (2.0 * math.pi * self.variance_of_elements * self.ratio * safe), 0.0)

    def cdf(self, x: ArrayLike) -> Array:
        """Return the mass up to and including x, in closed form."""
        x = np.asarray(x, dtype=float)
        a, b = self.edges
        t = np.clip(x, a, b)
        left, right = np.sqrt(t - a), np.sqrt(b - t)
        # with tan(theta) = left/right the integral of sqrt((b - x)(x - a))/x is elementary and exact at both edges
        integral = left * right + (a + b) * np.arctan2(left, right)
        integral = integral - 2.0 * math.sqrt(a * b) * np.arctan2(math.sqrt(b) * left, math.sqrt(a) * right)
        continuous = integral / (2.0 * math.pi * self.variance_of_elements * self.ratio)
        return np.where(x < 0.0, 0.0, self.atom_at_zero + continuous)


def spiked_wigner_outlier(strength: float) -> tuple[float, float]:
    """Return (eigenvalue, squared overlap) of the top eigenvector of a GOE matrix plus a rank-one signal.

    The GOE has off-diagonal variance 1/n (edge 2), the signal theta v v^T with |v| = 1. Above theta = 1 the outlier is
    theta + 1/theta and its overlap with v squared is 1 - 1/theta^2; below, 2 and 0 (Peche 2006).
    """
    if strength <= 1.0:
        return 2.0, 0.0
    return strength + 1.0 / strength, 1.0 - 1.0 / strength**2


def spiked_covariance_outlier(spike: float, ratio: float) -> tuple[float, float]:
    """Return (eigenvalue, squared overlap) of the top eigenvector of a sample covariance with one spiked direction.

    The population covariance is 1 except for one eigenvalue 1 + spike; y = ratio = dimensions/samples. Above
    spike = sqrt(y) the outlier is (1 + spike)(1 + y/spike) with squared overlap (1 - y/spike^2)/(1 + y/spike);
    below, the upper Marchenko-Pastur edge and 0 (Baik, Ben Arous and Peche 2005; Paul 2007).
    """
    _require_positive("Marchenko-Pastur ratio", ratio)
    if spike <= math.sqrt(ratio):
        return (1.0 + math.sqrt(ratio)) ** 2, 0.0
    return (1.0 + spike) * (1.0 + ratio / spike), (1.0 - ratio / spike**2) / (1.0 + ratio / spike)


@dataclass(frozen=True)
class WishartPlusWigner:
    """The free sum of a Marchenko-Pastur law of ratio y (unit variance) and a semicircle of variance 2 epsilon.

    Pennington and Bahri's model of the Hessian of a network at loss epsilon: H = J J^T/m plus a Wigner part, with y
    the number of parameters over the number of patterns. The Stieltjes transform G obeys
    z = 1/G + 1/(1 - y G) + 2 epsilon G, the cubic equation
    2 epsilon y G^3 - (2 epsilon + y z) G^2 + (z + y - 1) G - 1 = 0.
    """

    ratio: float
    epsilon: float

    def __post_init__(self) -> None:
        _require_positive("ratio of parameters to patterns", self.ratio)
        _require_positive("epsilon", self.epsilon)

    @property
    def mean(self) -> float:
        return 1.0

    @property
    def variance(self) -> float:
        return self.ratio + 2.0 * self.epsilon

    @property
    def critical_epsilon(self) -> float:
        """The epsilon below which the spectrum is positive: [1 - 20y - 8y^2 + (1 + 8y)^(3/2)]/16, 0 for y >= 1."""
        y = self.ratio
        if y >= 1.0:
            return 0.0
        return (1.0 - 20.0 * y - 8.0 * y * y + (1.0 + 8.0 * y) ** 1.5) / 16.0

    @property
    def edges(self) -> list[float]:
        """The ends of the support in increasing order (two, or four if it has a gap)."""
        y, v = self.ratio, 2.0 * self.epsilon
        # dz/dG = -1/G^2 + y/(1 - yG)^2 + v = 0 on the real line outside the support
        polynomial = np.array([v * y * y, -2.0 * v * y, v + y - y * y, 2.0 * y, -1.0])
        found = []
        for g in np.roots(polynomial):
            if abs(g.imag) < 1e-9 * max(1.0, abs(g.real)):
                g = float(g.real)
                found.append(1.0 / g + 1.0 / (1.0 - y * g) + v * g)
        return sorted(found)

    def density(self, x: ArrayLike) -> Array:
        """Return the density, from the root of the cubic with negative imaginary part. O(1) per element."""
        x = np.asarray(x, dtype=float)
        flat = x.ravel()
        y, v = self.ratio, 2.0 * self.epsilon
        # companion matrices of the monic cubic, all at once
        companion = np.zeros((flat.size, 3, 3))
        companion[:, 1, 0] = companion[:, 2, 1] = 1.0
        companion[:, 0, 2] = 1.0 / (v * y)
        companion[:, 1, 2] = -(flat + y - 1.0) / (v * y)
        companion[:, 2, 2] = (v + y * flat) / (v * y)
        imaginary = np.max(np.abs(np.linalg.eigvals(companion).imag), axis=1)
        return (imaginary / math.pi).reshape(x.shape)

    def cdf(self, x: float) -> float:
        """Return the mass below x, by adaptive quadrature between the edges (absolute error about 1e-10)."""
        edges = self.edges
        mass = 0.0
        for low, high in zip(edges[::2], edges[1::2], strict=True):
            top = min(float(x), high)
            if top <= low:
                continue
            # x = low + width (1 - cos t)/2 takes away the square roots at both ends
            width = high - low
            end = math.acos(np.clip(1.0 - 2.0 * (top - low) / width, -1.0, 1.0))
            value, _ = quad(
                lambda t, low=low, width=width: (
                    0.5 * width * math.sin(t) * float(self.density(low + 0.5 * width * (1.0 - math.cos(t))))
                ),
                0.0,
                end,
                epsabs=1e-11,
                epsrel=1e-11,
                limit=200,
            )
            mass += value
        return mass

    @property
    def index(self) -> float:
        """The fraction of negative eigenvalues; it grows as (epsilon - epsilon_c)^(3/2) above epsilon_c."""
        return self.cdf(0.0)


GOE_LARGE_SIZE_MEAN_RATIO = 0.5307
"""Mean ratio of consecutive spacings of large GOE matrices: 0.5307(1), numerical (Atas et al. 2013, table I)."""


@dataclass(frozen=True)
class SpacingRatio:
    """The law of r = min(s_i, s_(i+1))/max(s_i, s_(i+1)) of consecutive level spacings, on [0, 1].

    ``"goe"``: the surmise that is exact for 3 x 3 matrices, density (27/4)(r + r^2)/(1 + r + r^2)^(5/2), mean
    4 - 2 sqrt(3) = 0.5359; large matrices have ``GOE_LARGE_SIZE_MEAN_RATIO``. ``"poisson"``: independent levels,
    density 2/(1 + r)^2, mean 2 ln 2 - 1 = 0.3863.

    Reference: Atas, Bogomolny, Giraud and Roux (2013) Phys. Rev. Lett. 110, 084101, eqs. (5) and (7).
    """

    ensemble: str

    def __post_init__(self) -> None:
        if self.ensemble not in ("goe", "poisson"):
            raise InputError(f"spacing-ratio ensemble is {self.ensemble!r}; it is 'goe' or 'poisson'")

    def density(self, r: ArrayLike) -> Array:
        r = np.asarray(r, dtype=float)
        inside = (r >= 0.0) & (r <= 1.0)
        t = np.where(inside, r, 0.0)
        if self.ensemble == "goe":
            value = 6.75 * (t + t * t) / (1.0 + t + t * t) ** 2.5
        else:
            value = 2.0 / (1.0 + t) ** 2
        return np.where(inside, value, 0.0)

    def cdf(self, r: ArrayLike) -> Array:
        """Return the mass below r: 1 + (2r^3 + 3r^2 - 3r - 2)/(2 (1 + r + r^2)^(3/2)) or 2r/(1 + r)."""
        t = np.clip(np.asarray(r, dtype=float), 0.0, 1.0)
        if self.ensemble == "goe":
            return 1.0 + (2.0 * t**3 + 3.0 * t**2 - 3.0 * t - 2.0) / (2.0 * (1.0 + t + t * t) ** 1.5)
        return 2.0 * t / (1.0 + t)

    @property
    def mean(self) -> float:
        return 4.0 - 2.0 * math.sqrt(3.0) if self.ensemble == "goe" else 2.0 * math.log(2.0) - 1.0
