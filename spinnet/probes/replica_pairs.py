"""Which replicas of a block are compared with one another, and rows made of such pairs."""

from __future__ import annotations

import numpy as np

PAIRS = ("disjoint", "all")


def replica_pairs(replicas: int, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers (first, second) of the replicas of each pair.

    "disjoint": 0 with 1, 2 with 3 and so on, ⌊replicas/2⌋ independent pairs. "all": every pair once, which share
    replicas and are not independent.
    """
    if which == "all":
        first, second = np.triu_indices(replicas, 1)
        return first, second
    first = np.arange(replicas // 2) * 2
    return first, first + 1


def on_finite_pairs(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Which pairs of rows are finite on both sides: bool, shape ``(pairs,)``."""
    return np.isfinite(first).all(axis=1) & np.isfinite(second).all(axis=1)
