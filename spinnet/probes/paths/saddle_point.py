"""A saddle of index 1 beside a point on a ridge, and the two minima on its sides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.landscapes.base import Differentiable
from spinnet.probes.paths.descent import Curvature, Descent, refuse_large, steepest_descent, tangent_gradient

_GROW, _SHRINK, _GOOD, _BAD = 1.5, 0.4, 0.2, 0.6  # of the radius; of the change of the gradient that was predicted
_HALVINGS = 50
_KICK = 1e-3  # of √n: the longest step off a saddle
_DROP = 1e-10  # relative fall of the energy that a step off a saddle makes at least


@dataclass(frozen=True)
class Saddle:
    """Where a search for a saddle ended, with what certifies it.

    Attributes
    ----------
    x : ndarray (n,)
    energy : float
        Extensive.
    gradient_norm : float
        |∇H|/√n_units.
    index : int
        Negative eigenvalues of the Riemannian Hessian, those that count as zero left out.
    lowest : ndarray (2,)
        The two least eigenvalues.
    direction : ndarray (n,)
        Unit eigenvector of the least one.
    certified : bool
        The gradient is within the tolerance, the index is 1 and no eigenvalue counts as zero.
    """

    x: np.ndarray
    energy: float
    gradient_norm: float
    index: int
    lowest: np.ndarray
    direction: np.ndarray
    certified: bool


def nearby_saddle(
    landscape: Differentiable,
    x: np.ndarray,
    direction: np.ndarray,
    tolerance: float = 1e-8,
    radius: float | None = None,
    most_steps: int = 80,
) -> Saddle:
    """Climb along one eigenvector and descend along all others, to a saddle of index 1 (Cerjan & Miller 1981).

    The step is s_k/(|λ_k| + μ) along the eigenvector followed, −s_i/(|λ_i| + μ) along each other, s the gradient's
    components and μ ≥ 0 the least that keeps the step within a radius; the radius follows how well the gradient was
    predicted. Followed is the eigenvector most along the one before, at first along ``direction``.

    Parameters
    ----------
    x, direction
        One configuration (n,), such as the highest image of a band, and the band's tangent there.
    tolerance
        Norm of the tangent gradient over √n_units.
    radius
        Of the first step; by default 0.02 √n.
    most_steps
        Dense Hessians at most.

    Notes
    -----
    A dense Hessian and its diagonalisation per step, O(n³); 5 to 50 steps. What is found lies beside ``x``, and may
    be another saddle than the one wanted, or none (``certified`` is False).

    References
    ----------
    Cerjan & Miller, J. Chem. Phys. 75, 2800 (1981); Banerjee et al., J. Phys. Chem. 89, 52 (1985).
    """
    refuse_large(landscape, "nearby_saddle")
    tolerance = real_number("tolerance", tolerance, above=0.0)
    most_steps = whole_number("most_steps", most_steps, 1)
    space, root = landscape.space, math.sqrt(landscape.units.n_units)
    radius = 0.02 * math.sqrt(space.n) if radius is None else real_number("radius", radius, above=0.0)
    x = space.retract(landscape.check(np.atleast_2d(x)))[0]
    gradient, follow = tangent_gradient(landscape, x), np.array(direction, dtype=np.float64)
    here = Curvature(landscape, x)
    for _ in range(most_steps):
        if not np.isfinite(gradient).all() or np.linalg.norm(gradient) <= tolerance * root:
            break
        k = int(np.argmax(np.abs(here.vectors @ follow)))
        follow = here.vectors[k]
        along = here.vectors @ gradient
        uphill = -along
        uphill[k] = along[k]
        for _ in range(_HALVINGS):
            move = _within(np.abs(here.values), uphill, radius)
            trial = space.retract((x + move @ here.vectors)[None])[0]
            slope = tangent_gradient(landscape, trial)
            change = here.values * move
            predicted = space.project(trial[None], ((along + change) @ here.vectors)[None])[0]
            with np.errstate(invalid="ignore", divide="ignore"):
                miss = float(np.linalg.norm(slope - predicted) / np.linalg.norm(change))
            if miss <= _BAD:
                break
            radius = _SHRINK * float(np.linalg.norm(move))
        else:
            break
        radius *= _GROW if miss <= _GOOD else 1.0
        x, gradient = trial, slope
        here = Curvature(landscape, x)
    norm = float(np.linalg.norm(gradient)) / root
    return Saddle(
        x, float(landscape.energy(x[None])[0]), norm, here.index, here.values[:2].copy(), here.vectors[0].copy(),
        bool(norm <= tolerance and here.index == 1 and here.isolated),
    )  # fmt: skip


def descend_both_sides(
    landscape: Differentiable, saddle: Saddle, tolerance: float = 1e-8, error: float = 0.05,
    largest_force: float = math.inf,
) -> tuple[Descent, Descent]:  # fmt: skip
    """The steepest descents from a saddle of index 1 along its unstable direction, forwards and backwards.

    Their starts lie as far off the saddle as makes the energy fall measurably, at most 0.001 √n.
    """
    # ½|λ|d² is the fall over a distance d: it has to stand above the rounding of the energy.
    scale = abs(saddle.energy) + landscape.units.n_units
    away = math.sqrt(2.0 * _DROP * scale / max(abs(saddle.lowest[0]), 1e-300))
    away = min(away, _KICK * math.sqrt(landscape.space.n))
    sides = [
        steepest_descent(landscape, saddle.x + sign * away * saddle.direction, tolerance, error, largest_force)
        for sign in (1.0, -1.0)
    ]
    return sides[0], sides[1]


def _within(size: np.ndarray, push: np.ndarray, radius: float) -> np.ndarray:
    """push/(size + μ) with the least μ ≥ 0 for which its norm is at most ``radius``."""
    move = push / np.maximum(size, 1e-300)
    if np.linalg.norm(move) <= radius:
        return move
    low, high = 0.0, float(np.linalg.norm(push)) / radius
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if np.linalg.norm(push / (size + middle)) > radius:
            low = middle
        else:
            high = middle
    return push / (size + high)
