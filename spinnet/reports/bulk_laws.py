r"""Which law describes the bulk of a spectrum: a semicircle, a Marchenko–Pastur law, or their free sum.

Each law is fitted by the smallest Kolmogorov–Smirnov distance between the measured distribution of eigenvalues and
that of the law, over its parameters; outliers are taken off before. A distance says something beside that of matrices
which do follow the law, have the same size and are fitted in the same way: the null.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from spinnet.estimators.spectra import ZERO_TOLERANCE
from spinnet.theory.random_matrices import MarchenkoPastur, Semicircle, WishartPlusWigner

Array = NDArray[np.float64]
_GRID = 300
LAWS = ("semicircle", "marchenko-pastur", "free sum")


@dataclass(frozen=True)
class BulkFit:
    """``law`` with its ``parameters`` (see :func:`law_cdf`), and the distance between it and the spectrum."""

    law: str
    parameters: tuple[float, ...]
    distance: float


def law_cdf(law: str, parameters: tuple[float, ...]) -> Callable[[Array], Array]:
    """The distribution function of a law.

    "semicircle": (centre, radius). "marchenko-pastur": (ratio, scale), scale times the law of unit variance.
    "free sum": (ratio, epsilon, scale), scale times Wishart plus Wigner of Pennington and Bahri.
    """
    if law == "semicircle":
        return Semicircle(*parameters).cdf
    if law == "marchenko-pastur":
        return MarchenkoPastur(*parameters).cdf
    ratio, epsilon, scale = parameters
    free = WishartPlusWigner(ratio, epsilon)
    places, masses = [], []
    total = 0.0
    edges = free.edges
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        angle = np.linspace(0.0, np.pi, _GRID)
        x = low + 0.5 * (high - low) * (1.0 - np.cos(angle))
        weight = free_sum_density(x, ratio, epsilon) * 0.5 * (high - low) * np.sin(angle)
        mass = np.concatenate([[0.0], np.cumsum(0.5 * (weight[1:] + weight[:-1]) * np.diff(angle))]) + total
        total = mass[-1]
        places.append(x)
        masses.append(mass)
    place, mass = np.concatenate(places), np.concatenate(masses) / total
    return lambda values: np.interp(np.asarray(values) / scale, place, mass)


def free_sum_density(x: Array, ratio: float, epsilon: float) -> Array:
    """Density of :class:`WishartPlusWigner` from Cardano's formula, fifty times as fast as from eigenvalues.

    Good to 1e-6 or better for epsilon above 1e-4; below, the large root of the cubic takes the digits of the others.
    """
    y, v = ratio, 2.0 * epsilon
    b, c, d = -(v + y * x) / (v * y), (x + y - 1.0) / (v * y), -1.0 / (v * y)
    p, q = c - b * b / 3.0, 2.0 * b**3 / 27.0 - b * c / 3.0 + d
    discriminant = 0.25 * q * q + (p / 3.0) ** 3
    root = np.sqrt(np.maximum(discriminant, 0.0))
    large = np.cbrt(np.where(q > 0, -0.5 * q - root, -0.5 * q + root))
    small = np.where(large != 0.0, -p / np.where(large != 0.0, 3.0 * large, 1.0), 0.0)
    # the difference of the cube roots, without cancellation
    spread = large * large + large * small + small * small
    gap = 2.0 * root / np.where(spread > 0.0, spread, 1.0)
    return np.where(discriminant > 0.0, 0.5 * math.sqrt(3.0) * gap / math.pi, 0.0)


def ks_distance(values: Array, cdf: Callable[[Array], Array]) -> float:
    """Largest distance between the distribution of ``values`` and that of a law, which may have atoms."""
    place, counts = np.unique(values, return_counts=True)
    above = np.cumsum(counts) / len(values)
    below = np.concatenate([[0.0], above[:-1]])
    return float(max(np.abs(above - cdf(place)).max(), np.abs(below - cdf(np.nextafter(place, -np.inf))).max()))


def fit_bulk(eigenvalues: Array, law: str) -> BulkFit:
    """The law of smallest distance; started from the moments of the spectrum.

    Zero modes belong to the spectrum (a Marchenko–Pastur law of ratio above 1 has an atom there): eigenvalues below
    1e-9 of the largest are put at zero.
    """
    values = np.sort(np.asarray(eigenvalues, dtype=np.float64))
    mean, deviation = float(values.mean()), float(values.std())
    size = float(np.abs(values).max())
    if size == 0.0 or deviation == 0.0:
        return BulkFit(law, (), np.nan)
    values[np.abs(values) <= ZERO_TOLERANCE * size] = 0.0
    if law == "semicircle":
        starts = [np.array([mean / size, np.log(2 * deviation / size)]),
                  np.array([np.median(values) / size, np.log(deviation / size)])]  # fmt: skip

        def unpack(p):
            return (p[0] * size, float(np.exp(np.clip(p[1], -40, 40))) * size)
    elif law == "marchenko-pastur":
        ratio = (deviation / mean) ** 2 if mean > 0 else 10.0
        scale = mean if mean > 0 else deviation
        starts = [np.log([r, scale / size]) for r in (ratio, 0.3 * ratio, 3 * ratio)]

        def unpack(p):
            ratio, share = np.exp(np.clip(p, -12, 12))
            return (float(ratio), float(share * size))
    else:
        scale = mean if mean > 0 else deviation
        spread = (deviation / scale) ** 2
        starts = [np.log([share * spread, 0.5 * (1 - share) * spread, scale / size]) for share in (0.2, 0.95)]
        starts += _limits(values, size)

        def unpack(p):
            ratio, epsilon, share = np.exp(np.clip(p, -9, 9))
            return (float(ratio), float(epsilon), float(share * size))

    def distance(p):
        return ks_distance(values, law_cdf(law, unpack(p)))

    found = [minimize(distance, start, method="Nelder-Mead", options={"maxfev": 160, "xatol": 1e-4, "fatol": 1e-5})
             for start in starts]  # fmt: skip
    best = min(found, key=lambda one: one.fun)
    return BulkFit(law, unpack(best.x), float(best.fun))


def _limits(values: Array, size: float) -> list[Array]:
    """Starts of the free sum at its two limits, so that it is not further away than they are (but for atoms)."""
    centre, radius = fit_bulk(values, "semicircle").parameters
    ratio, scale = fit_bulk(values, "marchenko-pastur").parameters
    shift = max(centre, 0.005 * radius)
    return [np.log([1e-3, radius**2 / (8.0 * shift**2), shift / size]), np.log([ratio, 1e-3, scale / size])]


def null_distances(fit: BulkFit, count: int, draws: int, rng: np.random.Generator) -> Array:
    """Distances of the same fit to matrices that follow the fitted law, with ``count`` eigenvalues each."""
    found = []
    for _ in range(draws):
        found.append(fit_bulk(sample_spectrum(fit, count, rng), fit.law).distance)
    return np.array(found)


def sample_spectrum(fit: BulkFit, n: int, rng: np.random.Generator) -> Array:
    """Eigenvalues of one n × n matrix of the fitted law. O(n³), and n·m·n for a Wishart part of m patterns."""
    if fit.law == "semicircle":
        centre, radius = fit.parameters
        return centre + np.linalg.eigvalsh(_goe(n, 0.25 * radius**2, rng))
    ratio = fit.parameters[0]
    patterns = max(1, round(n / ratio))
    if patterns > 20 * n:  # so close to a GOE matrix around its mean that it is drawn as one
        wishart = np.eye(n) + _goe(n, ratio, rng)
    else:
        x = rng.standard_normal((n, patterns))
        wishart = x @ x.T / patterns
    if fit.law == "marchenko-pastur":
        return fit.parameters[1] * np.linalg.eigvalsh(wishart)
    _, epsilon, scale = fit.parameters
    return scale * np.linalg.eigvalsh(wishart + _goe(n, 2.0 * epsilon, rng))


def _goe(n: int, variance: float, rng: np.random.Generator) -> Array:
    """Semicircle of this variance: off-diagonal elements of variance ``variance``/n."""
    a = rng.standard_normal((n, n))
    return (a + a.T) * np.sqrt(0.5 * variance / n)
