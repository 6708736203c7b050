"""The geometry that landscapes live on: sampling, overlap, tangent projection, retraction.

Arrays are replicas first: ``x`` has shape ``(replicas, n)``. Nothing here knows an energy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinnet.errors import InputError


def _dot(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.einsum("ri,ri->r", x, y)


def _check_n(n: int) -> None:
    if isinstance(n, bool) or int(n) != n or n < 1:
        raise InputError(f"n = {n!r}: a space has a whole number of dimensions, at least 1")


def _reflection(x: np.ndarray) -> np.ndarray:
    """The vector w, |w|² = 2, of the Householder reflection 1 − ww′ that takes ``x`` to a coordinate axis."""
    w = x / np.linalg.norm(x)
    w[0] += 1.0 if w[0] >= 0 else -1.0
    return w * np.sqrt(2.0 / (w @ w))


@dataclass(frozen=True)
class Sphere:
    """The sphere |x|² = n in n dimensions, S^{n−1}(√n), the home of spherical spin glasses."""

    n: int

    def __post_init__(self):
        _check_n(self.n)

    @property
    def dimension(self) -> int:
        """Number of independent directions, n − 1."""
        return self.n - 1

    def sample(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Uniform points, shape ``(replicas, n)``."""
        return self.retract(rng.standard_normal((replicas, self.n)))

    def retract(self, x: np.ndarray) -> np.ndarray:
        """Scale every row to |x|² = n."""
        return x * np.sqrt(self.n / _dot(x, x))[:, None]

    def project(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The part of ``v`` in the tangent space at ``x``: v − (v·x/n) x."""
        return v - (_dot(x, v) / self.n)[:, None] * x

    def overlap(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """q = x·y/n per replica, 1 for identical points."""
        return _dot(x, y) / self.n

    def riemannian_gradient(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Tangent part of the Euclidean gradient."""
        return self.project(x, gradient)

    def riemannian_hvp(self, x: np.ndarray, v: np.ndarray, gradient: np.ndarray, hvp: np.ndarray) -> np.ndarray:
        """P ∇²H P v − (x·∇H/n) P v, from ``hvp`` = ∇²H (P v) and the Euclidean gradient.

        ``v`` is the projected direction P v.
        """
        return self.project(x, hvp) - (_dot(x, gradient) / self.n)[:, None] * v

    def tangent_basis(self, x: np.ndarray) -> np.ndarray:
        """An orthonormal basis of the tangent space at one point ``x`` (n,), as rows: shape ``(n − 1, n)``.

        Rows 1… of the Householder reflection Q = 1 − ww′ that takes x/|x| to a coordinate axis: O(n²).
        """
        w = _reflection(x)
        basis = -np.outer(w[1:], w)
        basis[np.arange(self.n - 1), np.arange(1, self.n)] += 1.0
        return basis

    def from_tangent(self, x: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """The vector (n,) at ``x`` that has these coordinates (n − 1,) in the tangent basis: O(n)."""
        w = _reflection(x)
        vector = np.concatenate([[0.0], coordinates])
        return vector - (w @ vector) * w

    def tangent_hessian(self, x: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """Riemannian Hessian at ``x`` (n,) in the tangent basis, from the Euclidean gradient and Hessian.

        P∇²HP − (x·∇H/n)P, shape ``(n − 1, n − 1)``. With u = Hw − ½(w′Hw)w, QHQ = H − wu′ − uw′: the change of
        basis costs O(n²). The memory of ``hessian`` is reused.
        """
        w = _reflection(x)
        applied = hessian @ w
        u = applied - (0.5 * (w @ applied)) * w
        hessian -= np.outer(w, u)
        hessian -= np.outer(u, w)
        tangent = np.ascontiguousarray(hessian[1:, 1:])
        tangent[np.diag_indices(len(tangent))] -= (x @ gradient) / self.n
        return tangent


@dataclass(frozen=True)
class Euclidean:
    """Flat space of n dimensions, the home of network weights."""

    n: int

    def __post_init__(self):
        _check_n(self.n)

    @property
    def dimension(self) -> int:
        """Number of independent directions, n."""
        return self.n

    def sample(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Standard normal points, shape ``(replicas, n)``; a landscape may know a better start."""
        return rng.standard_normal((replicas, self.n))

    def retract(self, x: np.ndarray) -> np.ndarray:
        """Every point is allowed."""
        return x

    def project(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Every direction is tangent."""
        return v

    def overlap(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cosine of the angle between x and y per replica."""
        return _dot(x, y) / np.sqrt(_dot(x, x) * _dot(y, y))

    def riemannian_gradient(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """The gradient itself."""
        return gradient

    def riemannian_hvp(self, x: np.ndarray, v: np.ndarray, gradient: np.ndarray, hvp: np.ndarray) -> np.ndarray:
        """The Hessian–vector product itself."""
        return hvp

    def tangent_basis(self, x: np.ndarray) -> np.ndarray:
        """The identity, shape ``(n, n)``."""
        return np.eye(self.n)

    def from_tangent(self, x: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """The coordinates themselves."""
        return coordinates

    def tangent_hessian(self, x: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """The Hessian itself."""
        return hessian


@dataclass(frozen=True)
class Hypercube:
    """Ising configurations {±1}^n, stored as int8."""

    n: int

    def __post_init__(self):
        _check_n(self.n)

    def sample(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Uniform configurations, shape ``(replicas, n)``, int8."""
        return (2 * rng.integers(0, 2, size=(replicas, self.n), dtype=np.int8) - 1).astype(np.int8)

    def overlap(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """q = x·y/n per replica."""
        return np.einsum("ri,ri->r", x, y, dtype=np.int64) / self.n


Space = Sphere | Euclidean | Hypercube
