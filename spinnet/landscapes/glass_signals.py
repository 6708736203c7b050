"""What points somewhere in a spherical glass: hidden signals and external fields.

All of them are energies that depend on one overlap only, −N Σ_k c_k m^k with m = u·σ/N and |u|² = N: matrices and
tensors of rank one, whose derivatives cost O(N).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from spinnet.randomness import stream
from spinnet.spaces import Sphere


class OverlapTerm:
    """H(σ) = −N Σ_k c_k m^k, m = u·σ/N.

    A field h along the unit vector u/√N is {1: h}: −h √N (u/√N)·σ. A signal u that is planted in the degree p of f with
    the ratio β₀ is {p: β₀ a_p²/2}.

    Parameters
    ----------
    direction : ndarray (n,)
        u, with |u|² = N.
    coefficients : mapping
        {k: c_k}, k from 1.
    """

    def __init__(self, direction: np.ndarray, coefficients: Mapping[int, float]):
        self.direction = direction
        self.coefficients = dict(coefficients)
        # Of the derivatives of −Σ_k c_k m^k, order 0 to 2: pairs of power and factor.
        self._derivatives = [
            [(k - order, -c * math.perm(k, order)) for k, c in self.coefficients.items() if k >= order]
            for order in range(3)
        ]

    def _overlap(self, x: np.ndarray) -> np.ndarray:
        return np.einsum("ri,i->r", x, self.direction) / len(self.direction)

    def _derivative(self, m: np.ndarray, order: int) -> np.ndarray:
        """d^order/dm^order of −Σ_k c_k m^k."""
        total = np.zeros_like(m)
        for power, factor in self._derivatives[order]:
            total += factor * m**power
        return total

    def energy(self, x: np.ndarray) -> np.ndarray:
        """H per replica."""
        return len(self.direction) * self._derivative(self._overlap(x), 0)

    def gradient(self, x: np.ndarray) -> np.ndarray:
        """∇H, ``(replicas, n)``."""
        return self._derivative(self._overlap(x), 1)[:, None] * self.direction

    def hvp(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """∇²H(x) v, ``(replicas, n)``."""
        return (self._derivative(self._overlap(x), 2) * self._overlap(v))[:, None] * self.direction

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """∇²H at one configuration ``(n,)``: ``(n, n)``."""
        curvature = self._derivative(self._overlap(x[None]), 2)[0] / len(self.direction)
        return curvature * np.outer(self.direction, self.direction)


def draw_direction(n: int, seed: int, purpose: str, sample: int) -> np.ndarray:
    """A uniform point of the sphere |u|² = n from the disorder: independent of the couplings, ``(n,)``."""
    direction = Sphere(n).sample(1, stream(seed, purpose, n, sample))[0]
    direction.flags.writeable = False
    return direction


def configurations_at(signal: np.ndarray, overlap: float, replicas: int, rng: np.random.Generator) -> np.ndarray:
    """Uniform points of the sphere at an overlap m with the signal, ``(replicas, n)``: m s + √(1 − m²) w, w ⊥ s."""
    n = len(signal)
    if abs(overlap) == 1.0:
        return np.tile(overlap * signal, (replicas, 1))
    sphere, s = Sphere(n), np.tile(signal, (replicas, 1))
    w = rng.standard_normal((replicas, n))
    # Twice: the first projection leaves rounding errors of the order of what it removed.
    w = sphere.retract(sphere.project(s, sphere.project(s, w)))
    return sphere.retract(overlap * s + np.sqrt(1.0 - overlap**2) * w)
