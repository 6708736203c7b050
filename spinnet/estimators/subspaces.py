r"""How far two subspaces agree, beside what chance gives.

For orthogonal projectors P and Q of ranks p and q in n dimensions the overlap is tr(PQ)/min(p, q): the mean squared
cosine of the principal angles, 1 where one subspace lies within the other.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_RANK_TOLERANCE = 1e-9


def orthonormal_rows(vectors: NDArray) -> NDArray:
    """An orthonormal basis (rank, n) of the span of the rows (m, n); directions below 1e-9 of the largest are noise."""
    if not len(vectors) or not np.any(vectors):
        return np.empty((0, vectors.shape[1]))
    _, sizes, basis = np.linalg.svd(vectors, full_matrices=False)
    return basis[sizes > _RANK_TOLERANCE * sizes[0]]


def subspace_overlap(first: NDArray, second: NDArray) -> float:
    """tr(PQ)/min(p, q) of two orthonormal bases, as rows; NaN where one is empty."""
    smaller = min(len(first), len(second))
    return float(((first @ second.T) ** 2).sum()) / smaller if smaller else np.nan


def random_subspace_overlap(p: int, q: int, n: int) -> tuple[float, float]:
    r"""Mean and standard deviation of :func:`subspace_overlap` when one of the subspaces is Haar-random.

    :math:`\langle{\rm tr}PQ\rangle = pq/n` and
    :math:`{\rm Var}\,{\rm tr}PQ = 2pq(n-p)(n-q)/(n^2(n-1)(n+2))`.
    """
    smaller = min(p, q)
    if smaller < 1 or n < 2:
        return np.nan, np.nan
    variance = 2.0 * p * q * (n - p) * (n - q) / (n**2 * (n - 1.0) * (n + 2.0))
    return p * q / n / smaller, math.sqrt(max(variance, 0.0)) / smaller
