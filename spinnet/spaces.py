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


@dataclass(frozen=True)
class Blocks:
    """Consecutive groups of coordinates that are scaled apart: the weights and the biases of each layer of a network.

    Nothing here depends on the lengths |x_b| of the groups of a point: what is said in overlaps is the same for all
    networks that differ by a rescaling of their layers.
    """

    sizes: tuple[int, ...]

    def __post_init__(self):
        for size in self.sizes:
            _check_n(size)

    @property
    def n(self) -> int:
        """Number of coordinates."""
        return sum(self.sizes)

    @property
    def starts(self) -> np.ndarray:
        """Number of the first coordinate of each block."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum over each block of ``values`` (rows, n): shape ``(rows, blocks)``."""
        return np.add.reduceat(values, self.starts, axis=1)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """A number per block, (rows, blocks), for each of its coordinates: shape ``(rows, n)``."""
        return np.repeat(values, self.sizes, axis=1)

    def lengths(self, x: np.ndarray) -> np.ndarray:
        """|x_b|, shape ``(rows, blocks)``."""
        return np.sqrt(self.sums(x * x))

    def tangent(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The part of ``v`` orthogonal to ``x`` in every block; all of it where x_b is zero."""
        squares = self.sums(x * x)
        return v - self.spread(self.sums(x * v) / np.where(squares > 0, squares, 1.0)) * x

    def overlaps(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cosine of the angle between x_b and y_b, shape ``(rows, blocks)``; NaN where one of them is zero."""
        lengths = self.lengths(x) * self.lengths(y)
        return np.where(lengths > 0, self.sums(x * y) / np.where(lengths > 0, lengths, 1.0), np.nan)

    def rotate(self, x: np.ndarray, v: np.ndarray, overlap: np.ndarray | float) -> np.ndarray:
        """Turn every block of ``x`` towards ``v``: x′_b = q x_b + √(1 − q²) |x_b| v̂_b, v̂_b ⊥ x_b of length 1.

        Lengths are kept and the overlap with x is q in every block, but for blocks that cannot turn: those of a single
        coordinate, and those where x is zero. ``v`` normal is a uniform direction.
        """
        q = np.asarray(overlap, dtype=np.float64).reshape(-1, 1)
        # Twice: the first projection leaves rounding errors of the order of what it removed.
        aside = self.tangent(x, self.tangent(x, v))
        lengths, sideways = self.lengths(x), self.lengths(aside)
        turns = (np.array(self.sizes) > 1) & (lengths > 0) & (sideways > 0)
        factor = np.where(turns, lengths / np.where(sideways > 0, sideways, 1.0), 0.0)
        turned = q * x + np.sqrt(np.maximum(1.0 - q * q, 0.0)) * self.spread(factor) * aside
        return np.where(self.spread(turns), turned, x)


@dataclass(frozen=True)
class SphereProduct:
    """A product of spheres: the coordinates of each block b, D_b ≥ 2 of them, lie on |x_b|² = D_b.

    The home of a network whose layers keep their size; one block of all coordinates is :class:`Sphere`.
    """

    sizes: tuple[int, ...]

    def __post_init__(self):
        object.__setattr__(self, "sizes", tuple(self.sizes))
        if not self.sizes or min(self.sizes) < 2:
            raise InputError(f"sizes = {self.sizes}: a sphere to move on has two coordinates or more")

    @property
    def blocks(self) -> Blocks:
        """The blocks of coordinates."""
        return Blocks(self.sizes)

    @property
    def n(self) -> int:
        """Number of coordinates, Σ D_b."""
        return sum(self.sizes)

    @property
    def dimension(self) -> int:
        """Number of independent directions, one fewer than coordinates in each block."""
        return self.n - len(self.sizes)

    def _per_size(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return self.blocks.spread(self.blocks.sums(x * y) / np.array(self.sizes))

    def sample(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Uniform points, shape ``(replicas, n)``."""
        return self.retract(rng.standard_normal((replicas, self.n)))

    def retract(self, x: np.ndarray) -> np.ndarray:
        """Scale every block to |x_b|² = D_b."""
        return x / np.sqrt(self._per_size(x, x))

    def project(self, x: np.ndarray, v: np.ndarray) -> np.ndarray:
        """The tangent part of ``v``, block by block."""
        return v - self._per_size(x, v) * x

    def overlap(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """q = x·y/n per replica: the mean of the overlaps of the blocks, weighted with their sizes."""
        return _dot(x, y) / self.n

    def riemannian_gradient(self, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Tangent part of the Euclidean gradient."""
        return self.project(x, gradient)

    def riemannian_hvp(self, x: np.ndarray, v: np.ndarray, gradient: np.ndarray, hvp: np.ndarray) -> np.ndarray:
        """P ∇²H P v − (x_b·∇_b H/D_b) P v in each block b, from ``hvp`` = ∇²H (P v); ``v`` is P v."""
        return self.project(x, hvp) - self._per_size(x, gradient) * v

    def travel(self, x: np.ndarray, v: np.ndarray, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Follow the geodesic from ``x`` with tangent velocity ``v`` for ``time`` (replicas,): position and velocity.

        Every block goes round a great circle of its own, with the angular velocity |v_b|/√D_b.
        """
        speed = np.sqrt(self._per_size(v, v))
        angle = speed * time[:, None]
        unit = v / np.where(speed > 0, speed, 1.0)
        moved = self.retract(np.cos(angle) * x + np.sin(angle) * unit)
        return moved, self.project(moved, speed * (np.cos(angle) * unit - np.sin(angle) * x))

    def tangent_basis(self, x: np.ndarray) -> np.ndarray:
        """An orthonormal basis of the tangent space at one point ``x`` (n,), as rows: block diagonal."""
        basis = np.zeros((self.dimension, self.n))
        row = 0
        for start, size in zip(self.blocks.starts, self.sizes, strict=True):
            block = Sphere(size).tangent_basis(x[start : start + size])
            basis[row : row + size - 1, start : start + size] = block
            row += size - 1
        return basis

    def from_tangent(self, x: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """The vector (n,) at ``x`` that has these coordinates (dimension,) in the tangent basis."""
        parts, row = [], 0
        for start, size in zip(self.blocks.starts, self.sizes, strict=True):
            parts.append(Sphere(size).from_tangent(x[start : start + size], coordinates[row : row + size - 1]))
            row += size - 1
        return np.concatenate(parts)

    def tangent_hessian(self, x: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
        """Riemannian Hessian at ``x`` (n,) in the tangent basis, from the Euclidean gradient and Hessian: O(n³)."""
        basis = self.tangent_basis(x)
        pull = self._per_size(x[None], gradient[None])[0]
        return basis @ hessian @ basis.T - (basis * pull) @ basis.T


Space = Sphere | SphereProduct | Euclidean | Hypercube
