"""Search for stationary points of every index: Gauss–Newton and Newton steps on |g|², a block of starts at once."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.gradient_flow import GradientFlow
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Landscape
from spinnet.records import Variable, Variables

MOVING, ARRIVED, STUCK = 0, 1, 2

_DAMPINGS = 16  # steps tried with one Hessian, from the least damping λ = |g|²/4n to the largest eigenvalue
_LEAST = 0.25
_BENDS = 5  # corrections of each of them for the curvature of the way
_SLOW = 0.7  # of |g| left by the best Gauss–Newton step, above which Newton steps are tried too
_DIFFERENCE = 1e-4  # length over which Hessians are subtracted
_BY_PRODUCTS = 24  # up to this dimension the Hessians of a block are made from one block of products
_PRODUCT_ROWS = 4096
# Close to a gradient-flat point: over a length √n ln|g| would change by less than this, and a step hardly helps.
_NEARLY_FLAT, _HARDLY_SHORTER = 0.03, 0.999
_DESCENT_TOLERANCE = 1e-3  # where a descent ends is only where a search begins


class SaddleState(NamedTuple):
    """Everything the search knows; the first axis is the replica (the start)."""

    x: np.ndarray  # (replicas, n)
    gradient_norm: np.ndarray  # (replicas,): norm of the tangent gradient over √n_units
    curvature: np.ndarray  # (replicas,): |Ag|/|g| over the largest |eigenvalue| of the Hessian A; NaN if unknown
    status: np.ndarray  # (replicas,): int8, MOVING, ARRIVED (a stationary point) or STUCK (none within reach)
    steps: np.ndarray  # (replicas,): steps made, int64
    diverged: np.ndarray  # (replicas,): bool


class SaddleSearch(SteppedDynamics):
    """Shortens the tangent gradient g with the Riemannian Hessian A; stationary points of every index attract.

    A step is the best of x ← R(x − (A² + λ)⁻¹A g) over a geometric series of dampings λ from |g|²/4n, which leaves the
    convergence quadratic, to the largest eigenvalue of A². Where none leaves less than 0.7 of |g|, steps
    x ← R(x − (|M| + λ)⁻¹A g) are tried as well: M = A² + ∇_g A is the Hessian of ½|g|², its eigenvalues are taken in
    modulus. Valleys of |g|² are narrow and curved; each step is therefore tried bent, too: by Gauss–Newton steps that
    take off what was not foretold of the gradient at its end.

    |g|² has minima where g ≠ 0 lies along a flat direction, A g = 0. They are no stationary points: a point is
    accepted (status ARRIVED) only where

        |g|/√n_units ≤ ``tolerance``   and   |A g|/|g| > ``flat`` · max |eigenvalue of A|.

    Starts that cannot shorten g any more are STUCK.

    Parameters
    ----------
    tolerance
        Largest norm of the tangent gradient over √n_units. Couplings stored in single precision reach about 1e-6;
        use ``dtype = "float64"`` below.
    flat
        Least curvature along the gradient relative to the largest modulus of an eigenvalue.
    descent
        Time of the gradient flow dx/dt = −∇H that leads each start down before the search. From random starts the
        search ends high in the landscape, at an index near one half; the longer the descent, the lower the points.

    Notes
    -----
    A step costs one dense Hessian and its diagonalisation, O(n³), and 96 gradients, for each start that still moves;
    a Newton step two more Hessians, one diagonalisation and as many gradients. Starts do not interact.

    References
    ----------
    Levenberg (1944), Marquardt (1963); damping by the squared residual: Yamashita & Fukushima, Computing Suppl. 15,
    239 (2001); corrections along curved valleys: Transtrum & Sethna, arXiv:1201.5885 (2012). Gradient-flat points:
    Frye et al., Neural Comput. 33, 1469 (2021).
    """

    #: 2: Newton steps where Gauss–Newton steps creep, the best of many dampings, and bent steps.
    revision = 2
    requires = (Differentiable,)
    needs_hvp = True
    State = SaddleState

    def __init__(self, tolerance: float = 1e-9, flat: float = 1e-7, descent: float = 0.0):
        given = self.validate(tolerance=tolerance, flat=flat, descent=descent)
        self.tolerance, self.flat, self.descent = given["tolerance"], given["flat"], given["descent"]

    @classmethod
    def validate(cls, tolerance, flat, descent):
        flat = real_number("flat", flat, 0.0)
        if flat >= 1.0:
            raise InputError(f"flat = {flat:g}: give a share of the largest eigenvalue below 1, such as 1e-7")
        return {
            "tolerance": real_number("tolerance", tolerance, above=0.0),
            "flat": flat,
            "descent": real_number("descent", descent, 0.0),
        }

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: a search for saddles follows no flow down the landscape."""
        return math.nan

    def init(self, landscape: Differentiable, x: np.ndarray, keys: np.ndarray) -> SaddleState:
        x = np.array(landscape.space.retract(landscape.check(x)))
        if self.descent > 0.0:
            x = _led_down(landscape, x, self.descent)
        with np.errstate(all="ignore"):
            norm = _norm(landscape.riemannian_gradient(x)) / math.sqrt(landscape.units.n_units)
        diverged = ~(finite_rows(x) & np.isfinite(norm))
        return SaddleState(
            x, norm, np.full(len(x), np.nan), np.where(diverged, STUCK, MOVING).astype(np.int8),
            np.zeros(len(x), np.int64), diverged,
        )  # fmt: skip

    def advance(self, landscape: Differentiable, state: SaddleState, n: int) -> SaddleState:
        for _ in range(n):
            moving = state.status == MOVING
            if moving.any():
                state = self._step(landscape, state, np.flatnonzero(moving))
            state = state._replace(steps=state.steps + 1)
        return state

    def _step(self, landscape: Differentiable, state: SaddleState, rows: np.ndarray) -> SaddleState:
        """One Hessian for each moving start; of the steps tried, the one that shortens the gradient most is made."""
        space, root_units = landscape.space, math.sqrt(landscape.units.n_units)
        x = state.x[rows]
        flat_gradient = landscape.gradient(x)
        g = space.riemannian_gradient(x, flat_gradient)
        norm = _norm(g)
        hessians = riemannian_hessians(landscape, x, flat_gradient)
        values, vectors = np.linalg.eigh(hessians)
        along = np.einsum("rij,ri->rj", vectors, g)
        with np.errstate(all="ignore"):
            applied = _norm(values * along)
            curvature = applied / (norm * np.abs(values).max(axis=1))
        small = norm <= self.tolerance * root_units
        # A gradient of exactly zero has no direction; the point is stationary if anything is.
        arrived = small & ((curvature > self.flat) | (norm == 0.0))
        status = np.where(arrived, ARRIVED, np.where(small, STUCK, MOVING))
        block = _Block(landscape, x, norm, values, vectors, along)
        moving = status == MOVING
        block.gauss_newton(np.flatnonzero(moving))
        block.newton(np.flatnonzero(moving & (block.norm > _SLOW * norm)), g, hessians)
        crawling = (applied * math.sqrt(x.shape[1]) < _NEARLY_FLAT * norm**2) & (block.norm > _HARDLY_SHORTER * norm)
        status = np.where(moving & (crawling | ~(block.norm < norm)), STUCK, status)

        def put(whole, part):
            whole = whole.copy()
            whole[rows] = part
            return whole

        return state._replace(
            x=put(state.x, block.end),
            gradient_norm=put(state.gradient_norm, block.norm / root_units),
            curvature=put(state.curvature, curvature),
            status=put(state.status, status.astype(np.int8)),
        )

    def variables(self, state: SaddleState) -> Variables:
        """Which starts ended at a stationary point (1), are stuck (2) or still moving (0), and how far out they are."""
        description = "0 still moving, 1 at a stationary point, 2 where the gradient cannot be shortened"
        length = _norm(state.x) / math.sqrt(state.x.shape[1])
        return {
            "search_status": Variable(state.status, ("replica",), "1", description),
            "search_distance": Variable(length, ("replica",), "1", "root mean square of the coordinates"),
        }


class _Block:
    """Starts that make one step: where it begins, the eigenvectors of the Hessian there, and where the step ends."""

    def __init__(self, landscape: Differentiable, x, norm, values, vectors, along):
        self.landscape, self.x, self.values, self.vectors, self.along = landscape, x, values, vectors, along
        self.end, self.norm = x.copy(), norm.copy()
        self.least = _LEAST * norm**2 / x.shape[1]

    def gauss_newton(self, rows: np.ndarray) -> None:
        """−(A² + λ)⁻¹A g with the best of many λ."""
        if len(rows):
            values, along = self.values[rows], self.along[rows]
            self._try(rows, values**2, values * along, self.vectors[rows])

    def newton(self, rows: np.ndarray, g: np.ndarray, hessians: np.ndarray) -> None:
        """−(|M| + λ)⁻¹A g with M the Hessian of ½|g|² and its eigenvalues in modulus, with the best of many λ.

        M = A² + ∇_g A, on a sphere but for terms of order |g|², which are left out.
        """
        if not len(rows):
            return
        here = hessians[rows]
        with np.errstate(all="ignore"):
            model = here @ here + _along_gradient(self.landscape, self.x[rows], g[rows])
            slope = np.einsum("rij,rj->ri", here, g[rows])
        known = np.isfinite(model).all(axis=(1, 2))
        if known.any():
            values, vectors = np.linalg.eigh(model[known])
            along = np.einsum("rij,ri->rj", vectors, slope[known])
            self._try(rows[known], np.abs(values), along, vectors)

    def _try(self, rows: np.ndarray, values: np.ndarray, along: np.ndarray, vectors: np.ndarray) -> None:
        """Make the step −along/(values + λ), λ the best of a geometric series, bent or not, if it shortens |g|.

        A step along curved valleys of |g| leaves them: to second order it does what is foretold when the part of the
        gradient that was not foretold is taken off by a Gauss–Newton step of the same damping.
        """
        count, n = values.shape
        with np.errstate(all="ignore"):
            least = self.least[rows][:, None, None]
            most = np.maximum(values.max(axis=1)[:, None, None], least)
            damping = least * (most / least) ** np.linspace(0.0, 1.0, _DAMPINGS)[:, None]  # (rows, dampings, 1)
            softened = values[:, None] + damping
            share = np.where(softened > 0.0, along[:, None] / np.where(softened > 0.0, softened, 1.0), 0.0)
            move = -share @ vectors.transpose(0, 2, 1)
            own, frame = self.values[rows][:, None], self.vectors[rows]
            foretold = self.along[rows][:, None] + own * (move @ frame)
            inverse = own / (own**2 + damping)
            for bend in range(_BENDS + 1):
                gradient = self._take(rows, move)
                if bend < _BENDS:
                    missed = (gradient.reshape(count, _DAMPINGS, n) @ frame) - foretold
                    move = move - (inverse * missed) @ frame.transpose(0, 2, 1)

    def _take(self, rows: np.ndarray, move: np.ndarray) -> np.ndarray:
        """Make the best of the steps (rows, dampings, n) if it is better than those before; gradients of all."""
        space, n = self.landscape.space, self.x.shape[1]
        trial = space.retract((self.x[rows][:, None] + move).reshape(-1, n))
        gradient = space.riemannian_gradient(trial, self.landscape.gradient(trial))
        norm = _norm(gradient).reshape(len(rows), -1)
        norm[~np.isfinite(norm)] = np.inf
        best = norm.argmin(axis=1)
        shortest = norm[np.arange(len(rows)), best]
        better = shortest < self.norm[rows]
        self.norm[rows[better]] = shortest[better]
        self.end[rows[better]] = trial.reshape(*norm.shape, n)[better, best[better]]
        return gradient


def _along_gradient(landscape: Differentiable, x: np.ndarray, g: np.ndarray) -> np.ndarray:
    """∇_g A: the change of the Hessians along the gradient times its length, from a central difference."""
    norm = _norm(g)
    unit = g / norm[:, None]
    sides = [landscape.space.retract(x + sign * _DIFFERENCE * unit) for sign in (1.0, -1.0)]
    ahead, behind = (riemannian_hessians(landscape, side, landscape.gradient(side)) for side in sides)
    n = x.shape[1]
    tangent = landscape.space.project(np.repeat(x, n, axis=0), np.tile(np.eye(n), (len(x), 1))).reshape(len(x), n, n)
    return tangent @ ((ahead - behind) * (norm / (2.0 * _DIFFERENCE))[:, None, None]) @ tangent


def riemannian_hessians(landscape: Differentiable, x: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """Dense Riemannian Hessians of a block in the embedding coordinates: (replicas, n, n), symmetric.

    Directions that are not tangent are in the null space: on the sphere x itself is an eigenvector of eigenvalue 0.
    ``gradient`` is the Euclidean one at ``x``.
    """
    space, (replicas, n) = landscape.space, x.shape
    found = np.empty((replicas, n, n))
    together = max(1, _PRODUCT_ROWS // n) if n <= _BY_PRODUCTS else 1
    for first in range(0, replicas, together):
        part = slice(first, min(first + together, replicas))
        count = part.stop - part.start
        here, slope = np.repeat(x[part], n, axis=0), np.repeat(gradient[part], n, axis=0)
        tangent = np.ascontiguousarray(space.project(here, np.tile(np.eye(n), (count, 1))))
        applied = landscape.hvp(here, tangent) if n <= _BY_PRODUCTS else tangent @ landscape.hessian(x[first])
        found[part] = space.riemannian_hvp(here, tangent, slope, applied).reshape(count, n, n)
    return 0.5 * (found + found.transpose(0, 2, 1))


def _led_down(landscape: Differentiable, x: np.ndarray, time: float) -> np.ndarray:
    """Where the gradient flow from ``x`` is at ``time``; NaN for rows that diverge."""
    flow, reached = GradientFlow(tolerance=_DESCENT_TOLERANCE), np.full_like(x, np.nan)
    state = flow.init(landscape, x, np.zeros(len(x), np.uint64))
    waiting = np.ones(len(x), bool)
    while waiting.any():
        state = flow.advance(landscape, state, 1)
        start, end = flow.interval(state)
        here = waiting & (start < time) & (time <= end)
        if here.any():
            reached[here] = flow.configuration(landscape, state, np.where(here, time, end))[here]
        waiting &= ~here & ~state.diverged
    return reached


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ri,ri->r", x, x))
