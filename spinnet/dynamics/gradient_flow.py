"""Gradient flow with adaptive steps, per-replica error control and dense output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import Dynamics, finite_rows
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Landscape

_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 5.0
# Proportional-integral step control (Gustafsson 1991): exponents 0.7/3 and 0.4/3 for an error of third order.
_PROPORTIONAL, _INTEGRAL = 0.7 / 3.0, 0.4 / 3.0


class FlowState(NamedTuple):
    """Everything the flow knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n): configuration at `time`; the last finite one after a divergence
    velocity: np.ndarray  # (replicas, n): dx/dt there
    time: np.ndarray  # (replicas,): time reached; infinite after a divergence
    x_start: np.ndarray  # the same three at the start of the last accepted step
    velocity_start: np.ndarray
    time_start: np.ndarray
    step: np.ndarray  # (replicas,): length of the next step to be tried
    error: np.ndarray  # (replicas,): error of the last accepted step in units of the tolerance
    accepted: np.ndarray  # (replicas,): steps accepted and refused so far, int64
    refused: np.ndarray
    diverged: np.ndarray  # (replicas,): bool


class GradientFlow(Dynamics):
    """dx/dt = −∇H, on the sphere with the tangent gradient: steepest descent in continuous time.

    The embedded Runge–Kutta pair 3(2) of Bogacki & Shampine (1989), three gradients per step (the fourth stage is
    the first of the next step). Each replica has its own step, chosen so that the estimated error of a step is below
    ``tolerance`` times the norm of the configuration; all replicas step together, sharing each gradient pass. Steps
    are never shortened for a measurement: between steps the cubic Hermite interpolant gives the configuration
    to third order.

    On the sphere stages are evaluated at retracted points and each step ends with a retraction, so |x|² = n to
    machine precision at steps and in between; the retraction changes a step by less than its own error and the order
    is kept.

    Parameters
    ----------
    tolerance
        Largest estimated error of one step relative to |x|.
    per_unit
        False: H is the extensive energy, and time is that of the equations of spin glasses.
        True: dx/dt = −∇(H/n_units), the flow on the mean loss, in the unit in which SGD's time is learning rate ×
        steps. The paths are the same; one unit of this time is 1/n_units of the other.

    Notes
    -----
    A replica diverges when its step can no longer advance its time, or when its gradient is not finite.
    """

    requires = (Differentiable,)
    State = FlowState
    adaptive = True

    def __init__(self, tolerance: float = 1e-4, per_unit: bool = False):
        given = self.validate(tolerance=tolerance, per_unit=per_unit)
        self.tolerance, self.per_unit = given["tolerance"], given["per_unit"]

    @classmethod
    def validate(cls, tolerance, per_unit):
        tolerance = real_number("tolerance", tolerance, above=0.0)
        if tolerance > 0.1:
            raise InputError(f"tolerance = {tolerance:g}: give a relative error per step of at most 0.1, such as 1e-4")
        if not isinstance(per_unit, bool | np.bool_):
            raise InputError(f"per_unit = {per_unit!r}: give true (flow on the mean energy) or false (extensive)")
        return {"tolerance": tolerance, "per_unit": bool(per_unit)}

    @property
    def time_unit(self) -> str:
        return "time of dx/dt = -grad(H/n_units)" if self.per_unit else "time of dx/dt = -grad H"

    def flow_time(self, landscape: Landscape) -> float:
        return 1.0 / landscape.units.n_units if self.per_unit else 1.0

    def init(self, landscape: Differentiable, x: np.ndarray, keys: np.ndarray) -> FlowState:
        x = landscape.check(x)
        x = np.array(landscape.space.retract(x))
        with np.errstate(all="ignore"):
            velocity = self._velocity(landscape, x)
            speed = _norm(velocity)
            # First trial: the step in which x moves by a tenth of the third root of the tolerance.
            size = np.maximum(_norm(x), 1e-3 * np.sqrt(x.shape[1]))
            step = 0.1 * np.cbrt(self.tolerance) * size / speed
        step = np.where(np.isfinite(step) & (step > 0), step, 1.0)
        replicas = len(x)
        diverged = ~(finite_rows(x) & finite_rows(velocity))
        time = np.where(diverged, np.inf, 0.0)
        return FlowState(
            x=x, velocity=velocity, time=time,
            x_start=x.copy(), velocity_start=velocity.copy(), time_start=np.zeros(replicas),
            step=step, error=np.ones(replicas),
            accepted=np.zeros(replicas, np.int64), refused=np.zeros(replicas, np.int64), diverged=diverged,
        )  # fmt: skip

    def advance(self, landscape: Differentiable, state: FlowState, n: int) -> FlowState:
        with np.errstate(all="ignore"):
            for _ in range(n):
                state = self._step(landscape, state)
        return state

    def interval(self, state: FlowState) -> tuple[np.ndarray, np.ndarray]:
        return state.time_start, state.time

    def steps_until(self, state: FlowState, time: float) -> int:
        return 1

    def configuration(self, landscape: Landscape, state: FlowState, times: np.ndarray) -> np.ndarray:
        times = np.asarray(times, dtype=np.float64)
        if np.any(times < state.time_start) or np.any(times > state.time):
            raise ValueError("times outside the last step of a replica")
        length = np.where(state.diverged, 0.0, state.time - state.time_start)
        with np.errstate(all="ignore"):
            s = np.where(length > 0, (times - state.time_start) / length, 0.0)[:, None]
        length = length[:, None]
        r = 1.0 - s
        x = (
            r * r * (1.0 + 2.0 * s) * state.x_start
            + s * s * (1.0 + 2.0 * r) * state.x
            + (s * r * length) * (r * state.velocity_start - s * state.velocity)
        )
        x = landscape.space.retract(x)
        x[state.diverged & (times > state.time_start)] = np.nan
        return x

    def _velocity(self, landscape: Differentiable, x: np.ndarray) -> np.ndarray:
        velocity = landscape.space.riemannian_gradient(x, landscape.gradient(x))
        return velocity * (-self.flow_time(landscape))

    def _step(self, landscape: Differentiable, state: FlowState) -> FlowState:
        """One attempt of every replica: accepted where the error is small enough, else a shorter step comes next."""
        x, k1 = state.x, state.velocity
        retract = landscape.space.retract
        h = state.step[:, None]
        k2 = self._velocity(landscape, retract(x + (0.5 * h) * k1))
        k3 = self._velocity(landscape, retract(x + (0.75 * h) * k2))
        end = retract(x + h * (2.0 / 9.0 * k1 + 1.0 / 3.0 * k2 + 4.0 / 9.0 * k3))
        k4 = self._velocity(landscape, end)
        difference = h * (-5.0 / 72.0 * k1 + 1.0 / 12.0 * k2 + 1.0 / 9.0 * k3 - 1.0 / 8.0 * k4)
        size = np.maximum(_norm(x), _norm(end))
        wrong = _norm(difference)
        error = np.where(wrong == 0.0, 0.0, wrong / (self.tolerance * size))
        finite = np.isfinite(error) & finite_rows(end) & finite_rows(k4)
        error = np.where(finite, error, np.inf)

        alive = ~state.diverged
        accept = alive & (error <= 1.0)
        refuse = alive & ~accept
        bounded = np.maximum(error, 1e-12)
        grow = np.clip(
            _SAFETY * bounded**-_PROPORTIONAL * np.maximum(state.error, 1e-12) ** _INTEGRAL, _SHRINK, _GROW
        )
        shrink = np.clip(_SAFETY * bounded ** (-1.0 / 3.0), _SHRINK, _SAFETY)
        step = np.where(accept, state.step * grow, np.where(refuse, state.step * shrink, state.step))
        step = np.minimum(step, 1e15)

        reached = np.where(accept, state.time + state.step, state.time)
        # A step that no longer moves the clock: the flow leaves every bound in finite time.
        stuck = alive & (reached + step <= reached)
        take = accept[:, None]
        return FlowState(
            x=np.where(take, end, x),
            velocity=np.where(take, k4, k1),
            time=np.where(stuck, np.inf, reached),
            x_start=np.where(take, x, state.x_start),
            velocity_start=np.where(take, k1, state.velocity_start),
            time_start=np.where(stuck, reached, np.where(accept, state.time, state.time_start)),
            step=step,
            error=np.where(accept, bounded, state.error),
            accepted=state.accepted + accept,
            refused=state.refused + refuse,
            diverged=state.diverged | stuck,
        )


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ri,ri->r", x, x))
