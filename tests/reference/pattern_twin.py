"""Slow, obvious twins of the networks of packed patterns: couplings formed, errors counted, sites one after another."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.packed_patterns import unpack_signs


def patterns_of(landscape) -> np.ndarray:
    """The patterns ±1 as whole numbers, (P, n); of a perceptron with the labels in them."""
    return unpack_signs(landscape._words, landscape.n).astype(np.int64)


def hopfield_couplings(landscape) -> np.ndarray:
    """J, by its definition."""
    xi = patterns_of(landscape).astype(float)
    n = landscape.n
    if landscape.rule == "hebb":
        couplings = xi.T @ xi / n
    else:
        couplings = xi.T @ np.linalg.inv(xi @ xi.T / n) @ xi / n
    np.fill_diagonal(couplings, 0.0)
    return couplings


def hopfield_energy(landscape, x: np.ndarray) -> np.ndarray:
    """−½ Σ_ij J_ij s_i s_j of each row."""
    couplings = hopfield_couplings(landscape)
    return np.array([-0.5 * row @ couplings @ row for row in x.astype(float)])


def training_errors(landscape, x: np.ndarray) -> np.ndarray:
    """Examples whose label is not the sign of w·ξ, the sign of 0 being +."""
    negative = landscape._ties.astype(bool)
    xi = np.where(negative[:, None], -1, 1) * patterns_of(landscape)
    label = np.where(negative, -1, 1)
    return np.array([(np.where(xi @ row >= 0, 1, -1) != label).sum() for row in x.astype(np.int64)], dtype=float)


def flip_sites(energy, x: np.ndarray, sites: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Proposals one after another, each by two energies."""
    x, flips = np.array(x), np.zeros(len(x), dtype=np.int64)
    for s in range(len(thresholds)):
        for a in range(len(x)):
            trial = x[a].copy()
            trial[sites[s, a % sites.shape[1]]] *= -1
            change = energy(trial[None])[0] - energy(x[a : a + 1])[0]
            if change <= thresholds[s, a]:
                x[a], flips[a] = trial, flips[a] + 1
    return x, flips
