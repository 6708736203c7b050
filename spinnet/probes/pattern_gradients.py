"""Gradients of single patterns: where the noise of a minibatch comes from.

With E = Σ_μ ℓ_μ over P patterns, L = E/P and g_μ = ∇ℓ_μ, the noise of one pattern is

    C = (1/P) Σ_μ g_μ g_μᵀ − ∇L ∇Lᵀ,    tr C = (1/P) Σ_μ |g_μ|² − |∇L|².

The mean over a batch of B patterns drawn with replacement has the covariance C/B around ∇L, exactly.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from spinnet.landscapes.base import SumOfTerms

_BLOCK_BYTES = 2**25  # of gradients held at once


class NoiseMoments(NamedTuple):
    """One number per replica, of the mean loss L = E/P."""

    trace: np.ndarray  # tr C
    gradient_square: np.ndarray  # |∇L|²
    virial: np.ndarray  # x·∇L


def pattern_gradients(landscape: SumOfTerms, x: np.ndarray) -> np.ndarray:
    """∇ℓ_μ of every pattern at one configuration ``x`` (n,): shape ``(n_terms, n)``. 8 P n bytes."""
    return np.concatenate(list(_blocks(landscape, np.asarray(x, dtype=np.float64))))


def noise_moments(landscape: SumOfTerms, x: np.ndarray) -> NoiseMoments:
    """tr C, |∇L|² and x·∇L for a block ``x`` (replicas, n), at the cost of about one gradient each.

    The trace is summed as (1/P) Σ |g_μ − g_0|² − |∇L − g_0|², with g_0 the gradient of the first pattern, so that it
    keeps its digits where all gradients are large and nearly equal.
    """
    x = landscape.check(x)
    found = np.empty((3, len(x)))
    for a, row in enumerate(x):
        total, square, reference = np.zeros(x.shape[1]), 0.0, None
        for block in _blocks(landscape, row):
            reference = np.array(block[0]) if reference is None else reference
            apart = block - reference
            total += apart.sum(axis=0)
            square += float(np.einsum("pi,pi->", apart, apart))
        apart = total / landscape.n_terms
        mean = apart + reference
        found[:, a] = square / landscape.n_terms - apart @ apart, mean @ mean, row @ mean
    return NoiseMoments(*found)


def _blocks(landscape: SumOfTerms, row: np.ndarray) -> Iterator[np.ndarray]:
    """Gradients of consecutive patterns at one configuration, some at a time."""
    count = max(1, _BLOCK_BYTES // (8 * len(row)))
    for first in range(0, landscape.n_terms, count):
        terms = np.arange(first, min(first + count, landscape.n_terms), dtype=np.int64)
        yield landscape.gradient_terms(row[None], terms)[0]
