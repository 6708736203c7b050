"""Fitting a network to zero loss: damped Gauss–Newton steps on the residuals of single patterns."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.hinge_model import hinge_model
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape
from spinnet.landscapes.dense_network import DenseNetwork
from spinnet.landscapes.network_data import PatternNetwork
from spinnet.landscapes.network_losses import targets_of
from spinnet.records import Variable, Variables

MOVING, SOLVED, MINIMUM, STALLED = 0, 1, 2, 3
LOSSES = ("mse", "quadratic-hinge")

_TRIES = 8  # damped steps tried with one Jacobian
_RAISE, _LOWER, _FIRST = 4.0, 0.3, 1.0
_GOOD, _POOR = 0.75, 0.25  # shares of the predicted gain above which damping is lowered, and below which it is raised
_LEAST, _MOST = 1e-12, 1e18
_SLOW = 0.99  # of the energy left by a step after which the whole Hessian is used


#: A damping in, the step and the gain it foretells out.
Step = Callable[[float], tuple[np.ndarray, float]]


class FitState(NamedTuple):
    """Everything the fit knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    energy: np.ndarray  # (replicas,): extensive
    flatness: np.ndarray  # (replicas,): |Jᵀr|/(|J||r|) where it was last computed
    damping: np.ndarray  # (replicas,)
    slow: np.ndarray  # (replicas,): bool, the last step hardly lowered the energy
    status: np.ndarray  # (replicas,): int8
    unsatisfied: np.ndarray  # (replicas,): residuals that are not zero, int64
    steps: np.ndarray  # (replicas,): int64
    diverged: np.ndarray  # (replicas,): bool


class LevenbergMarquardt(SteppedDynamics):
    """Damped steps for an energy ½|r|²: of squared loss (r = z − t) or quadratic hinge (r = max(0, 1 − tz)).

    Squared loss: x ← x − (JᵀJ + λ)⁻¹Jᵀr with the Jacobian J of the residuals. Near a solution the steps are Newton's
    and the loss falls to rounding within a few steps. Where the energy falls by less than 1 % in a step, the next one
    is x ← x − (|H| + λ)⁻¹g with the whole Hessian H and its eigenvalues in modulus: towards minima of positive loss
    Gauss–Newton steps only creep.

    Quadratic hinge: to the minimum, damped by ½λ|s|², of a model in which outputs are linear in the step s, patterns
    become satisfied and unsatisfied as they do along it, and the rest of the Hessian acts besides
    (:class:`~spinnet.dynamics.hinge_model.HingeModel`). Near jamming what bounds a step is patterns that it breaks: of
    441 weights and 4 patterns each, steps with the unsatisfied patterns alone took seven to nine times as many.

    λ falls where the model foretells the gain, and rises where it does not.

    A replica ends SOLVED at E/N ≤ ``tolerance``; at a MINIMUM of positive loss where |Jᵀr| ≤ ``flat``·|J||r|, with
    |J| the Frobenius norm; STALLED where no damped step lowers the loss; else it is MOVING: unfinished.

    Parameters
    ----------
    tolerance
        Energy per pattern that counts as zero.
    flat
        |Jᵀr|/(|J||r|) of a minimum of positive loss.

    Raises
    ------
    InputError
        For another loss, or with weight decay.

    Notes
    -----
    A step costs the Jacobian, O(R·n) for R residuals that are not zero, and one to eight solutions of min(R, n)
    equations; with the hinge its Hessian, about R n²/2, and several Cholesky factors, n³/3 each.
    References: Levenberg (1944); Marquardt (1963); for the hinge Geiger et al., Phys. Rev. E 100, 012115 (2019).
    """

    #: 2: the hinge's own model of a step.
    revision = 2
    requires = (PatternNetwork,)
    State = FitState

    def __init__(self, tolerance: float = 1e-26, flat: float = 1e-5):
        given = self.validate(tolerance=tolerance, flat=flat)
        self.tolerance, self.flat = given["tolerance"], given["flat"]

    @classmethod
    def validate(cls, tolerance, flat):
        return {
            "tolerance": real_number("tolerance", tolerance, above=0.0),
            "flat": real_number("flat", flat, above=0.0),
        }

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: a fit follows no flow down the landscape."""
        return math.nan

    def init(self, landscape: PatternNetwork, x: np.ndarray, keys: np.ndarray) -> FitState:
        if landscape.loss not in LOSSES or landscape.weight_decay > 0.0:
            raise InputError(
                f"LevenbergMarquardt fits residuals: loss = {landscape.loss!r} with weight_decay = "
                f"{landscape.weight_decay:g} has none; give {' or '.join(LOSSES)} without weight decay"
            )
        x = np.array(landscape.check(x))
        diverged = ~finite_rows(x)
        energy = np.array([np.nan if lost else _energy(landscape, row) for row, lost in zip(x, diverged, strict=True)])
        status = np.where(diverged, STALLED, MOVING).astype(np.int8)
        return FitState(
            x, energy, np.full(len(x), np.nan), np.full(len(x), _FIRST), np.zeros(len(x), bool), status,
            np.full(len(x), -1), np.zeros(len(x), np.int64), diverged,
        )  # fmt: skip

    def advance(self, landscape: PatternNetwork, state: FitState, n: int) -> FitState:
        state = FitState(*(np.array(field) for field in state))
        for _ in range(n):
            for a in np.flatnonzero(state.status == MOVING):
                self._step(landscape, state, a)
            state.steps[:] += 1
        return state

    def _step(self, landscape: PatternNetwork, state: FitState, a: int) -> None:
        """One step of replica ``a``; its rows of ``state`` are changed."""
        x = state.x[a]
        residual = residuals(landscape, x)
        active = np.flatnonzero((residual != 0.0).any(axis=1))
        state.energy[a] = 0.5 * float((residual**2).sum())
        state.unsatisfied[a] = int((residual != 0.0).sum())
        if state.energy[a] <= self.tolerance * landscape.n_terms:
            state.status[a], state.unsatisfied[a] = SOLVED, 0
            return
        if landscape.loss == "quadratic-hinge":
            outputs, targets = landscape.logits(x[None])[0], targets_of(landscape.data, landscape.loss)[0]
            model = hinge_model(partial(landscape.jacobian, x), _open_hessian(landscape, x), outputs, targets)
            state.flatness[a], step = model.flatness, model.step
        else:
            jacobian, r = residual_jacobian(landscape, x, residual, active)
            gradient = jacobian.T @ r
            state.flatness[a] = np.linalg.norm(gradient) / (np.linalg.norm(jacobian) * np.linalg.norm(r))
            step = _newton(landscape, x, gradient) if state.slow[a] else _gauss_newton(jacobian, r, gradient)
        if state.flatness[a] <= self.flat:
            state.status[a] = MINIMUM
            return
        for _ in range(_TRIES):
            damping = state.damping[a]
            move, foretold = step(damping)
            energy = _energy(landscape, x + move)
            if energy < state.energy[a]:
                share = (state.energy[a] - energy) / max(foretold, 1e-300)
                factor = _LOWER if share > _GOOD else 1.0 if share > _POOR else 2.0
                state.damping[a] = min(max(damping * factor, _LEAST), _MOST)
                state.slow[a] = energy > _SLOW * state.energy[a]
                state.x[a], state.energy[a] = x + move, energy
                return
            state.damping[a] = damping * _RAISE
            if state.damping[a] > _MOST:
                state.status[a] = STALLED
                return

    def variables(self, state: FitState) -> Variables:
        """How each fit ended, and how many residuals are not zero there."""
        replica = ("replica",)
        return {
            "fit_status": Variable(
                state.status, replica, "1", "0 unfinished, 1 solved, 2 minimum of positive loss, 3 stalled",
                {"tolerance": self.tolerance, "flat": self.flat},
            ),
            "unsatisfied": Variable(state.unsatisfied, replica, "1", "residuals that are not zero; 0 where solved"),
            "flatness": Variable(state.flatness, replica, "1", "|J'r| over |J||r|, r the residuals"),
        }  # fmt: skip


def residuals(network: PatternNetwork, x: np.ndarray) -> np.ndarray:
    """r with E = ½Σr² at the weights ``x`` (n,): z − t, or max(0, 1 − tz); shape ``(P, outputs)``."""
    outputs, targets = network.logits(x[None])[0], targets_of(network.data, network.loss)[0]
    return np.maximum(0.0, 1.0 - targets * outputs) if network.loss == "quadratic-hinge" else outputs - targets


def residual_jacobian(
    network: PatternNetwork, x: np.ndarray, residual: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the residuals of the patterns ``active`` that are not zero, ``(R, n)``, and these residuals."""
    jacobian, r = network.jacobian(x, active), residual[active].ravel()
    if network.loss == "quadratic-hinge":
        jacobian *= -targets_of(network.data, network.loss)[0][active].ravel()[:, None]
        jacobian, r = jacobian[r > 0.0], r[r > 0.0]
    return jacobian, r


def _open_hessian(network: PatternNetwork, x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """The Hessian of the patterns that are asked for, at least: satisfied ones add nothing but work."""
    return partial(network.hessian, x) if isinstance(network, DenseNetwork) else lambda patterns: network.hessian(x)


def _gauss_newton(jacobian: np.ndarray, r: np.ndarray, gradient: np.ndarray) -> Step:
    """The damped step, and the gain that the quadratic model foretells, from the smaller of JJᵀ and JᵀJ."""
    dual = len(jacobian) < jacobian.shape[1]
    normal = jacobian @ jacobian.T if dual else jacobian.T @ jacobian
    plain = np.diagonal(normal).copy()

    def step(damping: float) -> tuple[np.ndarray, float]:
        normal[np.diag_indices_from(normal)] = plain + damping
        try:
            move = -(jacobian.T @ np.linalg.solve(normal, r)) if dual else -np.linalg.solve(normal, gradient)
        except np.linalg.LinAlgError:  # singular to rounding: stay, so that the damping rises
            move = np.zeros_like(gradient)
        return move, 0.5 * float(move @ (damping * move - gradient))

    return step


def _newton(network: PatternNetwork, x: np.ndarray, gradient: np.ndarray) -> Step:
    """The same with the moduli of the eigenvalues of the whole Hessian."""
    values, vectors = np.linalg.eigh(network.hessian(x))
    modulus, along = np.abs(values), vectors.T @ gradient

    def step(damping: float) -> tuple[np.ndarray, float]:
        share = along / (modulus + damping)
        return -(vectors @ share), float(share @ along - 0.5 * (modulus * share) @ share)

    return step


def _energy(network: PatternNetwork, x: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return 0.5 * float((residuals(network, x) ** 2).sum())
