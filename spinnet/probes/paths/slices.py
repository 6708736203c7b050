"""Slices of a landscape along directions in units of the configuration's own filters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.base import Energy
from spinnet.landscapes.network_layers import Layered
from spinnet.probes.paths.straight import path_energies


def filter_groups(landscape: Energy) -> np.ndarray:
    """Which coordinates make a filter: whole numbers (n,), one for each unit's incoming weights and bias.

    A landscape that has no layers is one filter. Scales and shifts of a normalisation are −1: no filter.
    """
    groups = np.zeros(landscape.space.n, dtype=np.int64)
    if isinstance(landscape, Layered):
        groups[:], first = -1, 0
        for _, w, b, *_ in landscape.layers(groups):
            number = np.arange(first, first + len(w))
            w[:] = number[:, None]
            if b is not None:
                b[:] = number
            first += len(w)
    return groups


def filter_normalise(direction: np.ndarray, x: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """``direction`` scaled so that each filter of it is as long as that filter of ``x``.

    d_f ← d_f |x_f| / |d_f| (Li et al. 2018): a step of 1 is then a change of 100 % whatever the scale of the weights,
    so that slices of two networks can be compared. All arrays have shape (n,); a new one is returned. Coordinates of
    a negative group do not move.
    """
    direction, x, groups = np.array(direction, dtype=np.float64), np.asarray(x), np.asarray(groups)
    if direction.shape != x.shape or groups.shape != x.shape or x.ndim != 1:
        raise InputError(f"direction {direction.shape}, x {x.shape}, groups {groups.shape}: give one shape (n,)")
    direction[groups < 0] = 0.0
    kept = np.where(groups < 0, 0, groups)
    count = int(kept.max(initial=0)) + 1
    own = np.sqrt(np.bincount(kept, np.where(groups < 0, 0.0, x * x), minlength=count))
    given = np.sqrt(np.bincount(kept, direction * direction, minlength=count))
    return direction * np.where(given > 0.0, own / np.where(given > 0.0, given, 1.0), 0.0)[kept]


def plane_slice(
    landscape: Energy, x: np.ndarray, directions: np.ndarray, *steps: np.ndarray,
    measure: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:  # fmt: skip
    """Energy densities at x + Σ_k a_k d_k for all combinations of steps; ``x`` stays as it is.

    Parameters
    ----------
    x
        One configuration (n,).
    directions
        ``(k, n)``; see :func:`filter_normalise`.
    *steps
        k one-dimensional arrays: one gives a curve, two a plane.
    measure
        Another function of a block (rows, n).

    Returns
    -------
    ndarray of shape ``(len(steps[0]), len(steps[1]), …)``
    """
    x = landscape.check(np.atleast_2d(x))
    directions = np.atleast_2d(np.asarray(directions, dtype=np.float64))
    if len(x) != 1 or directions.shape != (len(steps), x.shape[1]):
        raise InputError(
            f"x {x.shape}, directions {directions.shape}, {len(steps)} lists of steps: give one configuration and a "
            "list of steps for each direction"
        )
    grid = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)
    shape = grid.shape[:-1]
    values, together = [], max(1, 2**26 // (8 * x.shape[1]))
    grid = grid.reshape(-1, len(steps))
    for first in range(0, len(grid), together):
        moved = landscape.space.retract(x + grid[first : first + together] @ directions)
        values.append(path_energies(landscape, moved, measure))
    return np.concatenate(values).reshape(shape)
