"""Search for stationary points of every index: Levenberg–Marquardt on |g|², a block of starts at once."""

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

_TRIES = 6  # damped steps tried with one Hessian
_RAISE, _LOWER, _LEAST, _MOST = 4.0, 0.25, 0.25, 4.0**20
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
    damping: np.ndarray  # (replicas,): ν of λ = ν|g|²/n
    status: np.ndarray  # (replicas,): int8, MOVING, ARRIVED (a stationary point) or STUCK (none within reach)
    steps: np.ndarray  # (replicas,): steps made, int64
    diverged: np.ndarray  # (replicas,): bool


class SaddleSearch(SteppedDynamics):
    """x ← R(x − (A² + λ)⁻¹A g): minimises |g|², g the tangent gradient and A the Riemannian Hessian.

    Stationary points of every index attract. The damping is λ = ν|g|²/n, which bounds a step by √n/(2√ν) and leaves
    the convergence quadratic; ν is lowered after a step that shortens g and raised until one does.

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
    A step costs one dense Hessian and its diagonalisation, O(n³), and 1 to 6 gradients, for each start that still
    moves. Starts do not interact.

    References
    ----------
    Levenberg (1944), Marquardt (1963); damping by the squared residual: Yamashita & Fukushima, Computing Suppl. 15,
    239 (2001). Gradient-flat points: Frye et al., Neural Comput. 33, 1469 (2021).
    """

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
            x, norm, np.full(len(x), np.nan), np.ones(len(x)), np.where(diverged, STUCK, MOVING).astype(np.int8),
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
        """One Hessian for each moving start; the first damped step that shortens the gradient is taken."""
        space, root_units = landscape.space, math.sqrt(landscape.units.n_units)
        x = state.x[rows]
        flat_gradient = landscape.gradient(x)
        g = space.riemannian_gradient(x, flat_gradient)
        norm = _norm(g)
        values, vectors = np.linalg.eigh(riemannian_hessians(landscape, x, flat_gradient))
        along = np.einsum("rij,ri->rj", vectors, g)
        with np.errstate(all="ignore"):
            applied = _norm(values * along)
            curvature = applied / (norm * np.abs(values).max(axis=1))
        small = norm <= self.tolerance * root_units
        # A gradient of exactly zero has no direction; the point is stationary if anything is.
        arrived = small & ((curvature > self.flat) | (norm == 0.0))
        status = np.where(arrived, ARRIVED, np.where(small, STUCK, MOVING))
        damping, end, end_norm = state.damping[rows], x.copy(), norm.copy()
        searching = status == MOVING
        for _ in range(_TRIES):
            if not searching.any():
                break
            with np.errstate(all="ignore"):
                softened = values**2 + (damping * norm**2 / x.shape[1])[:, None]
                move = np.einsum("rij,rj->ri", vectors, np.where(softened > 0, values / softened, 0.0) * along)
                trial = space.retract(x - move)
                trial_norm = _norm(space.riemannian_gradient(trial, landscape.gradient(trial)))
            taken = searching & (trial_norm < norm)
            end = np.where(taken[:, None], trial, end)
            end_norm = np.where(taken, trial_norm, end_norm)
            refused = searching & ~taken
            damping = np.where(taken, np.maximum(damping * _LOWER, _LEAST), damping)
            damping = np.where(refused, damping * _RAISE, damping)
            searching = refused
        crawling = (applied * math.sqrt(x.shape[1]) < _NEARLY_FLAT * norm**2) & (end_norm > _HARDLY_SHORTER * norm)
        status = np.where((status == MOVING) & (crawling | (damping > _MOST)), STUCK, status)

        def put(whole, part):
            whole = whole.copy()
            whole[rows] = part
            return whole

        return state._replace(
            x=put(state.x, end),
            gradient_norm=put(state.gradient_norm, end_norm / root_units),
            curvature=put(state.curvature, curvature),
            damping=put(state.damping, damping),
            status=put(state.status, status.astype(np.int8)),
        )

    def variables(self, state: SaddleState) -> Variables:
        """Which starts ended at a stationary point (1), and which are stuck (2) or still moving (0)."""
        description = "0 still moving, 1 at a stationary point, 2 where the gradient cannot be shortened"
        return {"search_status": Variable(state.status, ("replica",), "1", description)}


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
