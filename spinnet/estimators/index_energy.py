r"""Index against energy of stationary points: correlation, chance, and the law of random-matrix theory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SAME_ENERGY = 1e-6


def distinct_points(energy: NDArray, index: NDArray, zero_modes: NDArray) -> NDArray:
    """Which points to keep so that copies under the symmetries of a network are counted once: their places.

    Points of equal index and number of zero modes whose energies agree to 1e-6 (relative) are taken for copies; a
    point of another orbit with the same three numbers is lost with them.
    """
    order = np.lexsort((energy, zero_modes, index))
    e, k, z = energy[order], index[order], zero_modes[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(k) != 0) | (np.diff(z) != 0) | (np.diff(e) > _SAME_ENERGY * np.abs(e[1:]))
    return np.sort(order[new])


def correlation(x: NDArray, y: NDArray) -> float:
    """Pearson's coefficient; NaN for fewer than three points or without spread."""
    if len(x) < 3 or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def chance_of_correlation(x: NDArray, y: NDArray, permutations: int, rng: np.random.Generator) -> float:
    """Probability of a correlation at least as large in modulus when the y are dealt out anew (one is added to both
    counts, so that it is never zero)."""
    own = abs(correlation(x, y))
    if not np.isfinite(own):
        return np.nan
    dealt = rng.permuted(np.broadcast_to(y, (permutations, len(y))), axis=1)
    centred = (x - x.mean()) / np.linalg.norm(x - x.mean())
    found = np.abs((dealt - y.mean()) @ centred) / np.linalg.norm(y - y.mean())
    return float((1 + (found >= own * (1 - 1e-12)).sum()) / (permutations + 1))


@dataclass(frozen=True)
class EdgeLaw:
    """α = amplitude·max(ε/ε_c − 1, 0)^exponent fitted by least squares; ``residual`` is the root mean square."""

    exponent: float
    critical: float
    amplitude: float
    residual: float

    def __call__(self, energy: NDArray) -> NDArray:
        return self.amplitude * np.maximum(energy / self.critical - 1.0, 0.0) ** self.exponent


def fit_edge_law(energy: NDArray, share: NDArray, exponent: float) -> EdgeLaw:
    """Fit at a fixed exponent (3/2 in random-matrix theory near ε_c), over ε_c on a grid from 1 % to the top energy."""
    best = EdgeLaw(exponent, np.nan, np.nan, np.inf)
    for critical in np.geomspace(0.01 * energy.max(), 0.999 * energy.max(), 400):
        basis = np.maximum(energy / critical - 1.0, 0.0) ** exponent
        norm = float(basis @ basis)
        if norm == 0.0:
            continue
        amplitude = float(basis @ share) / norm
        residual = float(np.sqrt(np.mean((share - amplitude * basis) ** 2)))
        if residual < best.residual:
            best = EdgeLaw(exponent, float(critical), amplitude, residual)
    return best
