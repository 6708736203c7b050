"""Energies on the straight line between two configurations, and what they say: barriers and upward variation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Energy

_ROW_BYTES = 2**26  # of configurations evaluated together


class Barrier(NamedTuple):
    """How high a path rises, one number per path, in units of energy density.

    ``height``
        max_a e(a) − max(e(0), e(1)) ≥ 0: above the higher end.
    ``excess``
        max_a [e(a) − (1−a) e(0) − a e(1)] ≥ 0: above the straight line between the energies of the ends (Frankle et
        al. 2020). ``excess`` ≥ ``height``.
    ``position``
        a of the highest point.
    """

    height: np.ndarray
    excess: np.ndarray
    position: np.ndarray


def straight_path(landscape: Energy, start: np.ndarray, end: np.ndarray, points: int = 51) -> np.ndarray:
    """Points x(a) = (1−a)·start + a·end, a = 0 … 1 evenly, put back on the landscape's space.

    On the sphere that is the great circle. Its ends are ``start`` and ``end`` to the bit.

    Parameters
    ----------
    start, end
        ``(pairs, n)``, or one configuration ``(n,)`` each.
    points
        At least 2, the ends included.

    Returns
    -------
    ndarray ``(pairs, points, n)``
        NaN where the line passes through the centre of the sphere, which has no direction.
    """
    start, end = _ends(landscape, start, end)
    points = whole_number("points", points, 2)
    a = np.linspace(0.0, 1.0, points)[None, :, None]
    path = (1.0 - a) * start[:, None] + a * end[:, None]
    with np.errstate(all="ignore"):
        path = landscape.space.retract(path.reshape(-1, path.shape[-1])).reshape(path.shape)
    path[:, 0], path[:, -1] = start, end
    return path


def energies_along(
    landscape: Energy, start: np.ndarray, end: np.ndarray, points: int = 51,
    measure: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:  # fmt: skip
    """Energy densities at ``points`` even points of the line from ``start`` to ``end``: shape ``(pairs, points)``.

    Parameters
    ----------
    measure
        Another function of a block (rows, n), such as a network's ``test_loss``.

    Notes
    -----
    Blocks of at most 64 MiB of configurations; cost pairs × points energies.
    """
    start, end = _ends(landscape, start, end)
    together = max(1, _ROW_BYTES // (8 * points * start.shape[1]))
    found = []
    for first in range(0, len(start), together):
        part = slice(first, first + together)
        found.append(path_energies(landscape, straight_path(landscape, start[part], end[part], points), measure))
    return np.concatenate(found)


def path_energies(
    landscape: Energy, path: np.ndarray, measure: Callable[[np.ndarray], np.ndarray] | None = None
) -> np.ndarray:
    """Energy density (or ``measure``) at every configuration of ``path`` (…, n): shape (…,)."""
    rows = np.ascontiguousarray(path.reshape(-1, path.shape[-1]))
    measure = landscape.energy_density if measure is None else measure
    together = max(1, _ROW_BYTES // (8 * rows.shape[1]))
    with np.errstate(all="ignore"):
        values = [measure(rows[first : first + together]) for first in range(0, len(rows), together)]
    return np.concatenate(values).reshape(path.shape[:-1])


def path_barrier(energies: np.ndarray) -> Barrier:
    """Barriers from energy densities (…, points) along paths at even steps; NaN where one of them is.

    The maximum over a grid is a lower bound: finer grids find more.
    """
    energies = np.asarray(energies, dtype=np.float64)
    if energies.shape[-1] < 2:
        raise InputError(f"energies of shape {energies.shape}: a path has at least 2 points")
    a = np.linspace(0.0, 1.0, energies.shape[-1])
    first, last = energies[..., :1], energies[..., -1:]
    height = energies.max(axis=-1) - np.maximum(first, last)[..., 0]
    excess = (energies - (1.0 - a) * first - a * last).max(axis=-1)
    position = a[np.argmax(energies, axis=-1)]
    return Barrier(np.maximum(height, 0.0), np.maximum(excess, 0.0), np.where(np.isfinite(height), position, np.nan))


def barriers(landscape: Energy, start: np.ndarray, end: np.ndarray, points: int = 51) -> Barrier:
    """:func:`path_barrier` of the straight lines between the rows of ``start`` and ``end``."""
    return path_barrier(energies_along(landscape, start, end, points))


def upward_variation(energies: np.ndarray) -> np.ndarray:
    """Σ of the rises of e along a path over its total drop e(0) − e(1): shape (…,).

    0 where the energy only falls (Goodfellow, Vinyals & Saxe 2015); NaN where the path does not lead down.
    """
    energies = np.asarray(energies, dtype=np.float64)
    rises = np.maximum(np.diff(energies, axis=-1), 0.0).sum(axis=-1)
    drop = energies[..., 0] - energies[..., -1]
    return np.where(drop > 0.0, rises / np.where(drop > 0.0, drop, 1.0), np.nan)


def _ends(landscape: Energy, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    start, end = landscape.check(np.atleast_2d(start)), landscape.check(np.atleast_2d(end))
    if len(start) != len(end):
        raise InputError(f"{len(start)} starts and {len(end)} ends of paths: give as many")
    return start, end


def stiffness(landscape: Differentiable, x: np.ndarray, rounds: int = 12) -> np.ndarray:
    """Modulus of the Hessian's extreme eigenvalue at each row, from below, by power iteration: shape ``(rows,)``.

    For choosing steps: ``rounds`` Riemannian Hessian–vector products from a fixed direction.
    """
    x = landscape.check(x)
    rng = np.random.default_rng(x.shape[1])
    v = landscape.space.project(x, np.tile(rng.standard_normal(x.shape[1]), (len(x), 1)))
    size = np.zeros(len(x))
    for _ in range(rounds):
        v = v / np.maximum(np.linalg.norm(v, axis=1), 1e-300)[:, None]
        v = landscape.riemannian_hvp(x, v)
        size = np.linalg.norm(v, axis=1)
    return size
