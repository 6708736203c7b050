"""Slow, obvious twins of the Ising p-spin kernels and of the log-correlated potential."""

from __future__ import annotations

import itertools
import math

import numpy as np


def ising_energy(couplings: dict[int, np.ndarray], constant: float, x: np.ndarray) -> float:
    """−Σ_S K_S Π σ of one configuration, subset by subset in the order of the highest member first."""
    total = constant
    for size, values in couplings.items():
        subsets = sorted(itertools.combinations(range(len(x)), size), key=lambda s: s[::-1])
        for value, subset in zip(values, subsets, strict=True):
            total -= value * math.prod(int(x[i]) for i in subset)
    return total


def count_tuples(n: int, p: int) -> dict[int, int]:
    """For each size, the number of p-tuples in which just the sites of one set of that size occur oddly often."""
    found: dict[frozenset, int] = {}
    for tuple_ in itertools.product(range(n), repeat=p):
        odd = frozenset(i for i in tuple_ if tuple_.count(i) % 2)
        found[odd] = found.get(odd, 0) + 1
    counts: dict[int, int] = {}
    for odd, count in found.items():
        assert counts.setdefault(len(odd), count) == count
    return counts


def circulant_field(eigenvalues: np.ndarray, g: np.ndarray, h: np.ndarray) -> np.ndarray:
    """V_j = Σ_k √(λ_k w_k/M) (g_k cos(2πjk/M) − h_k sin(2πjk/M)), w = 2, at both ends of the spectrum 1 and no sine."""
    size = 2 * (len(eigenvalues) - 1)
    field = np.zeros(size)
    for k, eigenvalue in enumerate(eigenvalues):
        end = k in (0, len(eigenvalues) - 1)
        angle = 2.0 * np.pi * k * np.arange(size) / size
        wave = g[k] * np.cos(angle) - (0.0 if end else h[k]) * np.sin(angle)
        field += math.sqrt((1.0 if end else 2.0) * eigenvalue / size) * wave
    return field
