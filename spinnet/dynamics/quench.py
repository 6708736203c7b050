"""Inherent structures: the minimum in which steepest descent from a configuration ends."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import finite_rows
from spinnet.dynamics.gradient_flow import FlowState, GradientFlow
from spinnet.dynamics.saddle_search import riemannian_hessians
from spinnet.landscapes.base import Differentiable, require

_LOOK_EVERY = 8  # flow steps between two looks at the gradient
_FIRST_SWITCH, _LOWER_SWITCH = 0.03, 0.1  # |g|/√n_units below which Newton is tried, and the factor after a failure
_NEWTON_STEPS, _LONGEST = 30, 0.1  # and the longest Newton step, as a share of √n
_DENSE_LIMIT = 1000


@dataclass(frozen=True)
class InherentStructures:
    """Where the quench of each replica ended.

    Attributes
    ----------
    x : ndarray (replicas, n)
    energy : ndarray (replicas,)
        Extensive.
    gradient_norm : ndarray (replicas,)
        Of the tangent gradient, over √n_units.
    lowest_eigenvalue : ndarray (replicas,)
        Of the Riemannian Hessian; NaN above 1000 degrees of freedom, where it is not computed.
    converged : ndarray (replicas,) of bool
        The gradient is within the tolerance and the lowest eigenvalue, where known, is not negative.
    flow_steps : ndarray (replicas,) of int
        Steps of the flow that were tried before Newton's method took over.
    """

    x: np.ndarray
    energy: np.ndarray
    gradient_norm: np.ndarray
    lowest_eigenvalue: np.ndarray
    converged: np.ndarray
    flow_steps: np.ndarray


def quench(
    landscape: Differentiable,
    x: np.ndarray,
    tolerance: float = 1e-9,
    flow_tolerance: float = 1e-4,
    most_steps: int = 20_000,
) -> InherentStructures:
    """Follow dx/dt = −∇H from each row of ``x`` into a minimum, and finish with Newton's method.

    The flow decides which minimum it is: Newton steps, solved by conjugate gradients, are tried only where the gradient
    is small, and are given up (the flow goes on, to a ten times smaller gradient) when they meet negative curvature,
    are long, or do not shorten the gradient.

    Parameters
    ----------
    x
        Configurations (replicas, n).
    tolerance
        Largest norm of the tangent gradient over √n_units. Couplings in single precision reach about 1e-6; use
        ``dtype = "float64"``.
    flow_tolerance
        Of :class:`GradientFlow`: basins are told apart as well as the flow is followed.
    most_steps
        Steps of the flow after which a replica is returned as it is, not converged.

    Notes
    -----
    Close to its threshold energy a glass relaxes as a power of time: most of the work is the flow. On p = 2 landscapes
    and exact saddles the flow may stay at a saddle for long; ``converged`` is False for what is still there.
    """
    tolerance = real_number("tolerance", tolerance, above=0.0)
    return _describe(landscape, *descend(landscape, x, tolerance, flow_tolerance, most_steps), tolerance)


def descend(
    landscape: Differentiable,
    x: np.ndarray,
    tolerance: float = 1e-9,
    flow_tolerance: float = 1e-4,
    most_steps: int = 20_000,
) -> tuple[np.ndarray, np.ndarray]:
    """The way down of :func:`quench`, with the same parameters, and no look at what was reached.

    Returns
    -------
    x : ndarray (replicas, n)
        Where the descents ended; NaN where ``x`` is not finite.
    flow_steps : ndarray (replicas,) of int
        Steps of the flow that were tried.
    """
    tolerance = real_number("tolerance", tolerance, above=0.0)
    most_steps = whole_number("most_steps", most_steps, 1)
    flow = GradientFlow(tolerance=flow_tolerance)
    require("quench", landscape, flow.requires)
    root_units = math.sqrt(landscape.units.n_units)
    state = flow.init(landscape, x, np.zeros(len(x), dtype=np.uint64))
    end, spent = np.array(state.x), np.zeros(len(state.x), dtype=np.int64)
    rows = np.flatnonzero(~state.diverged)
    state = _subset(state, rows)
    switch = np.full(len(end), _FIRST_SWITCH)
    steps = 0
    while len(rows) and steps < most_steps:
        count = min(_LOOK_EVERY, most_steps - steps)
        state = flow.advance(landscape, state, count)
        steps += count
        end[rows], spent[rows] = state.x, steps
        norm = np.linalg.norm(state.velocity, axis=1) / root_units
        near = (norm < switch[rows]) & ~state.diverged
        done = state.diverged.copy()
        if near.any():
            found, good = _newton(landscape, state.x[near], tolerance * root_units)
            tried = rows[near]
            end[tried[good]] = found[good]
            switch[tried[~good]] *= _LOWER_SWITCH
            done[near] = good
        rows, state = rows[~done], _subset(state, ~done)
    return end, spent


def _subset(state: FlowState, rows: np.ndarray) -> FlowState:
    return FlowState(*(field[rows] for field in state))


def _newton(landscape: Differentiable, x: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Newton steps until |g| ≤ ``tolerance``: the points reached, and whether each is one."""
    space = landscape.space
    good = np.ones(len(x), dtype=bool)
    for _ in range(_NEWTON_STEPS):
        gradient = landscape.gradient(x)
        g = space.riemannian_gradient(x, gradient)
        norm = np.linalg.norm(g, axis=1)
        going = good & (norm > tolerance)
        if not going.any():
            break
        move, convex = _conjugate_gradients(landscape, x, gradient, g, going)
        trial = space.retract(x + move)
        trial_norm = np.linalg.norm(landscape.riemannian_gradient(trial), axis=1)
        short = np.linalg.norm(move, axis=1) <= _LONGEST * math.sqrt(space.n)
        good &= ~going | (convex & short & (trial_norm < norm))
        x = np.where((going & good)[:, None], trial, x)
    else:
        good &= np.linalg.norm(landscape.riemannian_gradient(x), axis=1) <= tolerance
    return x, good


def _conjugate_gradients(landscape, x, gradient, g, wanted):
    """Solve A·move = −g in the tangent space, A the Riemannian Hessian; ``convex`` is False on negative curvature."""
    space = landscape.space
    move, residual = np.zeros_like(g), np.where(wanted[:, None], -g, 0.0)
    direction, square = residual.copy(), np.einsum("ri,ri->r", residual, residual)
    # Solving better than to the square of what is left of the gradient would not speed up Newton's method.
    start = np.maximum(np.sqrt(square), 1e-300)
    target = np.minimum(0.05, start / math.sqrt(space.n)) * start
    convex, going = np.ones(len(x), dtype=bool), wanted.copy()
    for _ in range(2 * space.dimension + 10):
        direction = np.ascontiguousarray(space.project(x, direction))
        applied = space.riemannian_hvp(x, direction, gradient, landscape.hvp(x, direction))
        bend = np.einsum("ri,ri->r", direction, applied)
        convex &= ~(going & (bend <= 0.0))
        going &= convex
        if not going.any():
            break
        length = np.where(going, square / np.where(going, bend, 1.0), 0.0)
        move += length[:, None] * direction
        residual -= length[:, None] * applied
        new = np.einsum("ri,ri->r", residual, residual)
        ratio = np.where(going, new / np.where(square > 0, square, 1.0), 0.0)
        direction = residual + ratio[:, None] * direction
        square = np.where(going, new, square)
        going &= np.sqrt(new) > target
    return move, convex


def _describe(landscape, x, spent, tolerance) -> InherentStructures:
    sound = finite_rows(x)
    lowest, energy, norm = (np.full(len(x), np.nan) for _ in range(3))
    if sound.any():
        there = x[sound]
        gradient = landscape.gradient(there)
        energy[sound] = landscape.energy(there)
        tangent = landscape.space.riemannian_gradient(there, gradient)
        norm[sound] = np.linalg.norm(tangent, axis=1) / math.sqrt(landscape.units.n_units)
        if landscape.space.n <= _DENSE_LIMIT:
            for a in np.flatnonzero(sound):
                lowest[a] = _lowest_eigenvalue(landscape, x[a : a + 1])
    with np.errstate(invalid="ignore"):
        converged = (norm <= tolerance) & ~(lowest < 0.0)
    return InherentStructures(x, energy, norm, lowest, converged, spent)


def _lowest_eigenvalue(landscape, x) -> float:
    """Of the Riemannian Hessian on the tangent space of one configuration (1, n)."""
    space = landscape.space
    matrix = riemannian_hessians(landscape, x, landscape.gradient(x))[0]
    basis = space.tangent_basis(x[0])
    return float(np.linalg.eigvalsh(basis @ matrix @ basis.T)[0])
