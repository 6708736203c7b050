"""Steepest descent followed closely, with the local curvature: from a saddle into the minima that it joins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, require

LARGEST = 1000  # coordinates above which dense Hessians are refused
FLAT = 1e-9  # of the largest modulus: eigenvalues below are zero
_GROW, _SHRINK = 1.6, 0.4  # of the radius, after a step taken and a step refused
_HALVINGS = 60
_TANGENT = 0.01  # of the gradient before: where less is predicted, the path has ended and has no direction
_LEAST_RADIUS = 1e-10  # of √n


@dataclass(frozen=True)
class Descent:
    """Where a steepest descent went.

    Attributes
    ----------
    x : ndarray (n,)
        Its end.
    energy : float
        Extensive, at the end.
    gradient_norm : float
        |∇H|/√n_units at the end.
    lowest : float
        Least eigenvalue of the Riemannian Hessian at the end.
    converged : bool
        The gradient is within the tolerance and all eigenvalues are positive: an isolated minimum.
    path, energies : ndarray (steps + 1, n), (steps + 1,)
        The points gone through, from the start.
    force : float
        Largest |∇H_⊥|/√n_units, the part of the gradient across the path that was followed.
    """

    x: np.ndarray
    energy: float
    gradient_norm: float
    lowest: float
    converged: bool
    path: np.ndarray
    energies: np.ndarray
    force: float


class Curvature:
    """Eigenvalues of the Riemannian Hessian at one point, ascending, and its eigenvectors as rows of length n."""

    def __init__(self, landscape: Differentiable, x: np.ndarray):
        space = landscape.space
        matrix = space.tangent_hessian(x, landscape.gradient(x[None])[0], landscape.hessian(x))
        self.values, vectors = np.linalg.eigh(matrix)
        self.vectors = vectors.T if space.dimension == space.n else vectors.T @ space.tangent_basis(x)

    @property
    def index(self) -> int:
        """Number of negative eigenvalues, those that count as zero left out."""
        return int((self.values < -FLAT * np.abs(self.values).max()).sum())

    @property
    def isolated(self) -> bool:
        """No eigenvalue counts as zero."""
        size = np.abs(self.values)
        return bool(size.min() > FLAT * size.max())


def refuse_large(landscape: Differentiable, consumer: str) -> None:
    """Refuse what has too many coordinates for dense Hessians."""
    require(consumer, landscape, (Differentiable,))
    if landscape.space.n > LARGEST:
        raise InputError(
            f"{consumer} makes dense Hessians of up to {LARGEST} coordinates, and the landscape has "
            f"{landscape.space.n}: relax an elastic band (minimum_energy_path), a bound from above"
        )


def tangent_gradient(landscape: Differentiable, x: np.ndarray) -> np.ndarray:
    """Of one configuration (n,)."""
    return landscape.riemannian_gradient(x[None])[0]


def steepest_descent(
    landscape: Differentiable, x: np.ndarray, tolerance: float = 1e-8, error: float = 0.05,
    largest_force: float = math.inf, most_steps: int = 4000,
) -> Descent:  # fmt: skip
    """Follow dx/dt = −∇H from one configuration into a minimum.

    Each step goes along the exact descent of the local quadratic form (Page & McIver 1988) and is corrected once for
    what that form left out (the exponential Runge–Kutta step of Cox & Matthews 2002), for a length after which the
    gradient is the predicted one within ``error`` of what it was before. The Hessian is kept until a step fails that
    test. Close to a minimum a step is one of Newton's.

    Parameters
    ----------
    x
        One configuration (n,), not a stationary point.
    tolerance
        Norm of the tangent gradient over √n_units at which the descent has arrived.
    error
        Largest difference of predicted and true gradient after a step, in units of the gradient before it.
    largest_force
        Steps are made so short that :attr:`Descent.force` does not exceed it.
    most_steps
        Steps after which the descent is left where it is.

    Notes
    -----
    Tens of dense Hessians and their diagonalisations, O(n³), and hundreds of gradients.

    References
    ----------
    Page & McIver, J. Chem. Phys. 88, 922 (1988); Cox & Matthews, J. Comput. Phys. 176, 430 (2002).
    """
    refuse_large(landscape, "steepest_descent")
    tolerance, error = real_number("tolerance", tolerance, above=0.0), real_number("error", error, above=0.0)
    most_steps = whole_number("most_steps", most_steps, 1)
    space, root = landscape.space, math.sqrt(landscape.units.n_units)
    x = space.retract(landscape.check(np.atleast_2d(x)))[0]
    gradient, energy = tangent_gradient(landscape, x), float(landscape.energy(x[None])[0])
    radius, here, fresh, force = 0.1 * math.sqrt(space.n), None, False, 0.0
    path, energies = [x], [energy]
    for _ in range(most_steps):
        norm = float(np.linalg.norm(gradient))
        if not np.isfinite(norm) or norm <= tolerance * root or radius < _LEAST_RADIUS * math.sqrt(space.n):
            break
        if here is None:
            here, fresh = Curvature(landscape, x), True
        along = here.vectors @ gradient
        move, left, time = _quadratic_descent(here.values, along, radius)
        trial = space.retract((x + move @ here.vectors)[None])[0]
        slope = tangent_gradient(landscape, trial)
        if np.isfinite(time):
            # What the quadratic form left out, taken to grow evenly with time, moves the end once more.
            beside = here.vectors @ slope - left
            first, second = _responses(here.values * time)
            correction = time * second * beside
            # As far as the step itself: the step is refused below, and the landscape not asked that far out.
            if np.linalg.norm(correction) <= radius:
                move, left = move - correction, left + first * beside
                trial = space.retract((x + move @ here.vectors)[None])[0]
                slope = tangent_gradient(landscape, trial)
        lower = float(landscape.energy(trial[None])[0])
        predicted = space.project(trial[None], (left @ here.vectors)[None])[0]
        miss = float(np.linalg.norm(slope - predicted))
        ahead, across = float(np.linalg.norm(predicted)), 0.0
        if ahead > _TANGENT * norm:
            unit = predicted / ahead
            across = float(np.linalg.norm(slope - (slope @ unit) * unit)) / root
        # Rounding decides about the energy of the last, tiny steps.
        lowered = lower <= energy + 1e-12 * (abs(energy) + root)
        if lowered and miss <= error * norm and across <= largest_force:
            force = max(force, across)
            # Radii grow from the step that was made: a Newton step inside the radius says nothing about it.
            if miss <= 0.5 * error * norm and across <= 0.5 * largest_force:
                radius = max(radius, _GROW * float(np.linalg.norm(move)))
            x, gradient, energy, fresh = trial, slope, lower, False
            path.append(x)
            energies.append(energy)
        elif fresh:
            radius = _SHRINK * min(radius, float(np.linalg.norm(move)))
        else:
            here = None
    end = Curvature(landscape, x)
    norm = float(np.linalg.norm(gradient)) / root
    converged = norm <= tolerance and end.index == 0 and end.isolated
    return Descent(x, energy, norm, float(end.values[0]), converged, np.array(path), np.array(energies), force)


def _responses(decay: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """φ₁(−z) = (1 − e^{−z})/z and φ₂(−z) = (e^{−z} − 1 + z)/z²."""
    small = np.abs(decay) < 1e-4
    z = np.where(small, 1.0, decay)
    first = -np.expm1(np.clip(-z, None, 60.0)) / z
    return np.where(small, 1.0 - decay / 2.0, first), np.where(small, 0.5 - decay / 6.0, (1.0 - first) / z)


def _quadratic_descent(
    values: np.ndarray, along: np.ndarray, radius: float
) -> tuple[np.ndarray, np.ndarray, float]:
    """Move of length ``radius`` (or into the minimum) down a quadratic form, the gradient then, and the time taken.

    By eigenvectors, ``along`` the components of the gradient.
    """
    if values[0] > 0.0:
        newton = -along / values
        if np.linalg.norm(newton) <= radius:
            return newton, np.zeros_like(along), math.inf

    def moved(time):
        fall = np.clip(-values * time, None, 60.0)
        flat = np.abs(values * time) < 1e-12
        return -along * np.where(flat, time, -np.expm1(fall) / np.where(flat, 1.0, values)), np.exp(fall)

    low = high = radius / max(float(np.linalg.norm(along)), 1e-300)
    for _ in range(_HALVINGS):
        if np.linalg.norm(moved(high)[0]) >= radius:
            break
        low, high = high, 4.0 * high
    else:
        high = low
    if np.linalg.norm(moved(low)[0]) > radius:
        low = 0.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        length = np.linalg.norm(moved(middle)[0])
        low, high = (middle, high) if length < radius else (low, middle)
        if abs(length - radius) < 1e-3 * radius:
            break
    time = 0.5 * (low + high)
    move, factor = moved(time)
    return move, along * factor, time
