"""Gradient flow with adaptive steps, per-replica error control and dense output."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import Dynamics, finite_rows
from spinnet.dynamics.runge_kutta import bogacki_shampine, chebyshev, drive, longest_stiffness, stages_for
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Landscape

_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 5.0
# Proportional-integral step control (Gustafsson 1991): exponents 0.7/3 and 0.4/3 for an error of third order.
_PROPORTIONAL, _INTEGRAL = 0.7 / 3.0, 0.4 / 3.0

# Three evaluations reach h·radius = 2.3; a stabilised step is cheaper where accuracy allows h·radius above 4.
_STIFF, _NOT_STIFF = 2.0, 4.0
_LOOK_EVERY = 4  # attempts between two looks at the stiffness of a plain step
_STAY = 8  # stabilised steps at least: the first ones still damp what the plain steps stirred up
_WAIT = 24  # attempts after a return to plain steps before the next change
_DISPLACEMENT = 1e-3  # of |x|, in the difference quotient along the stiff direction


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
    stabilised: np.ndarray  # (replicas,): bool, whether the next step is a stabilised one
    wait: np.ndarray  # (replicas,): attempts before the kind of step may change again, int64
    direction: np.ndarray  # (replicas, n): unit vector along which the flow contracts fastest
    radius: np.ndarray  # (replicas,): rate of that contraction, the spectral radius of the Hessian
    accepted: np.ndarray  # (replicas,): steps accepted and refused so far, int64
    refused: np.ndarray
    evaluations: np.ndarray  # (replicas,): gradients of the block so far, int64
    diverged: np.ndarray  # (replicas,): bool


class GradientFlow(Dynamics):
    """dx/dt = −∇H, on the sphere with the tangent gradient: steepest descent in continuous time.

    Each replica has its own step, chosen so that the estimated error of a step is below ``tolerance`` times the norm
    of the configuration; the replicas step together, sharing each gradient pass. Steps are never shortened for a
    measurement: between steps the cubic Hermite interpolant gives the configuration to third order.

    While the flow is fast, steps are those of Bogacki & Shampine, of third order with three gradients. When it has
    become slow but its stiff directions would force short steps, a replica changes to stabilised steps (Runge–Kutta–
    Chebyshev, second order), whose work grows with the root of the step, and back when that no longer pays. The change
    looks at this replica alone: its path does not depend on which others are in the block, except through rounding.

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
    A replica diverges when its step can no longer advance its time, or when its gradient is not finite at the start.

    A tolerance below the accuracy of the landscape's gradient buys nothing: with float32 couplings (1e-7) tolerances
    of 1e-5 and more are served, and smaller ones make many short steps that follow rounding noise.

    Energy densities of a p = 3 glass of 64 spins, float64, are off by at most 3e-4, 6e-5, 3e-6 and 4e-7 between t = 0.5
    and 10⁴ at tolerances 1e-3 to 1e-6. Up to t = 1000 at 1e-4 a replica of 192 spins costs 1200 to 1500 gradients
    (plain steps alone: 8000), a block of four 1800.
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
            # First trial: the step in which x moves by a tenth of the third root of the tolerance.
            size = np.maximum(_norm(x), 1e-3 * np.sqrt(x.shape[1]))
            step = 0.1 * np.cbrt(self.tolerance) * size / _norm(velocity)
        step = np.where(np.isfinite(step) & (step > 0), step, 1.0)
        diverged = ~(finite_rows(x) & finite_rows(velocity))
        zeros, count = np.zeros(len(x)), np.zeros(len(x), np.int64)
        return FlowState(
            x=x, velocity=velocity, time=np.where(diverged, np.inf, 0.0),
            x_start=x.copy(), velocity_start=velocity.copy(), time_start=zeros,
            step=step, error=np.ones(len(x)),
            stabilised=np.zeros(len(x), bool), wait=count.copy(), direction=np.zeros_like(x), radius=zeros.copy(),
            accepted=count, refused=count.copy(), evaluations=count + 1, diverged=diverged,
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
        """One attempt of the block: accepted where the error is small enough, else a shorter step comes next."""
        alive = ~state.diverged
        stages = np.where(state.stabilised, stages_for(state.step * state.radius), 3)
        moving = alive & _in_turn(state.time, stages, alive)
        stiff, extra = moving & state.stabilised, 0
        if stiff.any():
            state, extra = self._look_at_stiffness(landscape, state, state.direction, stiff), 1
            stages = np.where(stiff, stages_for(state.step * state.radius), stages)
        # At rest nothing else would bound a step; doubling the time costs as little as a longer step, and no replica
        # runs far ahead of the others or of the end of the run.
        longest = np.minimum(longest_stiffness(stages) / state.radius, state.time)
        h = np.minimum(state.step, np.where(state.stabilised, longest, np.inf))
        attempt, rounds = self._attempt(landscape, state, h, stages, moving)

        size = np.maximum(_norm(state.x), _norm(attempt.end))
        wrong = _norm(attempt.difference)
        error = np.where(wrong == 0.0, 0.0, wrong / (self.tolerance * size))
        finite = np.isfinite(error) & finite_rows(attempt.end) & finite_rows(attempt.velocity)
        error = np.where(finite, error, np.inf)
        accept = moving & (error <= 1.0)
        refuse = moving & ~accept
        step, bounded = self._next_step(state, h, error, accept, refuse)

        reached = np.where(accept, state.time + h, state.time)
        # A step that no longer moves the clock: the flow leaves every bound in finite time.
        stuck = moving & (reached + step <= reached)
        take = accept[:, None]
        state = state._replace(
            x=np.where(take, attempt.end, state.x),
            velocity=np.where(take, attempt.velocity, state.velocity),
            time=np.where(stuck, np.inf, reached),
            x_start=np.where(take, state.x, state.x_start),
            velocity_start=np.where(take, state.velocity, state.velocity_start),
            time_start=np.where(stuck, reached, np.where(accept, state.time, state.time_start)),
            step=step,
            error=np.where(accept, bounded, state.error),
            accepted=state.accepted + accept,
            refused=state.refused + refuse,
            evaluations=state.evaluations + (rounds + extra),
            diverged=state.diverged | stuck,
        )
        return self._choose_method(landscape, state, attempt.difference, moving, accept)

    def _attempt(self, landscape, state, h, stages, moving):
        """A step of every moving replica by its own method, one gradient of the whole block per round."""
        retract = landscape.space.retract
        steps = []
        plain, stabilised = np.flatnonzero(moving & ~state.stabilised), np.flatnonzero(moving & state.stabilised)
        if len(plain):
            steps.append((plain, bogacki_shampine(state.x[plain], state.velocity[plain], h[plain], retract)))
        if len(stabilised):
            x, k1 = state.x[stabilised], state.velocity[stabilised]
            steps.append((stabilised, chebyshev(x, k1, h[stabilised], stages[stabilised], retract)))
        return drive(steps, lambda x: self._velocity(landscape, x), state.x)

    def _next_step(self, state, h, error, accept, refuse):
        """Length of the next step, and the error that the controller remembers."""
        bounded = np.maximum(error, 1e-8)
        grow = _SAFETY * bounded**-_PROPORTIONAL * state.error**_INTEGRAL
        shrink = np.clip(_SAFETY * bounded ** (-1.0 / 3.0), _SHRINK, _SAFETY)
        factor = np.where(accept, np.clip(grow, _SHRINK, _GROW), shrink)
        return np.where(accept | refuse, np.minimum(h * factor, 1e15), state.step), bounded

    def _choose_method(self, landscape, state: FlowState, difference, moving, accept) -> FlowState:
        """Plain or stabilised steps from here on."""
        wait = np.maximum(state.wait - moving, 0)
        stiffness = state.step * state.radius
        leave = state.stabilised & accept & (wait == 0) & (stiffness < _NOT_STIFF)
        state = state._replace(stabilised=state.stabilised & ~leave, wait=np.where(leave, _WAIT, wait))
        attempts = state.accepted + state.refused
        look = moving & ~state.stabilised & ~state.diverged & (attempts % _LOOK_EVERY == 0)
        if not look.any():
            return state
        # The error of a step has more of the stiff directions than anything else at hand: a good first guess.
        length = np.where(state.radius == 0.0, _norm(difference), 0.0)[:, None]
        direction = np.where(length > 0, difference / length, state.direction)
        state = self._look_at_stiffness(landscape, state, direction, look)
        enter = look & (state.wait == 0) & (state.time > 0.0) & (state.step * state.radius > _STIFF)
        evaluations = state.evaluations + 1
        wait = np.where(enter, _STAY, state.wait)
        return state._replace(stabilised=state.stabilised | enter, wait=wait, evaluations=evaluations)

    def _look_at_stiffness(self, landscape, state: FlowState, direction: np.ndarray, rows: np.ndarray) -> FlowState:
        """One power iteration for some rows: the rate at which the flow contracts along their direction."""
        displacement = _DISPLACEMENT * np.maximum(_norm(state.x), 1e-3 * np.sqrt(state.x.shape[1]))[:, None]
        direction = np.where(rows[:, None], direction, 0.0)
        moved = landscape.space.retract(state.x + displacement * direction)
        change = (self._velocity(landscape, moved) - state.velocity) / displacement
        rate = _norm(change)
        known = rows & np.isfinite(rate) & (rate > 0)
        return state._replace(
            direction=np.where(known[:, None], change / rate[:, None], state.direction),
            radius=np.where(known, rate, state.radius),
        )


def _in_turn(time: np.ndarray, stages: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """Who takes part in the next attempt: all but those who are ahead in time and would make it long.

    The rounds of an attempt are those of its longest step. A replica that has come to rest takes long steps of many
    stages; it waits for the one furthest behind, so that its stages are not evaluated at each short step of that one.
    Waiting changes no path.
    """
    if not alive.any():
        return alive
    last = np.argmin(np.where(alive, time, np.inf))
    return (time <= time[last]) | (2 * stages <= 3 * stages[last])


def _norm(x: np.ndarray) -> np.ndarray:
    return np.sqrt(np.einsum("ri,ri->r", x, x))
