"""A spherical glass by plain loops over a dictionary of couplings: slow, obvious, and ignorant of any storage."""

from __future__ import annotations

import itertools
import math

import numpy as np

from spinnet.randomness import stream


def multisets(n: int, degree: int) -> list[tuple[int, ...]]:
    """i₁ ≤ … ≤ i_p in the order of drawing: by the first p − 2 indices (the last counts most), then j, then k."""
    prefixes = sorted(itertools.combinations_with_replacement(range(n), degree - 2), key=lambda m: m[::-1])
    return [
        (*prefix, j, k) for prefix in prefixes for j in range(prefix[-1] if prefix else 0, n) for k in range(j, n)
    ]


def orderings(indices: tuple[int, ...]) -> int:
    """Number of distinct ordered tuples with these indices, p!/Π m!."""
    count = math.factorial(len(indices))
    for i in set(indices):
        count //= math.factorial(indices.count(i))
    return count


def variance(n: int, indices: tuple[int, ...], amplitude: float = 1.0) -> float:
    """Of the coupling of a monomial, a² p!/(2 N^{p−1} Π m!)."""
    return amplitude**2 * orderings(indices) / (2.0 * n ** (len(indices) - 1))


def couplings(n: int, degree: int, amplitude: float = 1.0, seed: int = 0, sample: int = 0) -> dict:
    """{multiset: J}, drawn as the landscape documents it."""
    rng = stream(seed, "couplings", n, degree, sample)
    return {m: math.sqrt(variance(n, m, amplitude)) * rng.standard_normal() for m in multisets(n, degree)}


def energy(terms: dict, x: np.ndarray) -> float:
    """H = −Σ J σ…σ at one configuration."""
    return -sum(value * math.prod(x[i] for i in indices) for indices, value in terms.items())


def gradient(terms: dict, x: np.ndarray) -> np.ndarray:
    """Each index of each monomial is left out once."""
    result = np.zeros(len(x))
    for indices, value in terms.items():
        for a, i in enumerate(indices):
            result[i] -= value * math.prod(x[o] for b, o in enumerate(indices) if b != a)
    return result


def hessian(terms: dict, x: np.ndarray) -> np.ndarray:
    """Each ordered pair of positions of each monomial is left out once."""
    result = np.zeros((len(x), len(x)))
    for indices, value in terms.items():
        for a, b in itertools.permutations(range(len(indices)), 2):
            rest = math.prod(x[o] for c, o in enumerate(indices) if c not in (a, b))
            result[indices[a], indices[b]] -= value * rest
    return result


def covariance(n: int, degree: int, x: np.ndarray, y: np.ndarray, variance_of=variance) -> float:
    """E[H(x) H(y)] = Σ var(J) Π x y, given the variances."""
    return sum(variance_of(n, m) * math.prod(x[i] * y[i] for i in m) for m in multisets(n, degree))
