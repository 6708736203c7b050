"""Langevin dynamics beside copies in a small field: correlation and integrated response of an ageing system."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.errors import InputError
from spinnet.kernels.counter_noise import fill_normal, fill_uniform
from spinnet.landscapes.base import Differentiable, Landscape
from spinnet.records import Variable, Variables
from spinnet.waiting_times import WaitingTimes


class PairedState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n): without field
    steps: np.ndarray  # (replicas,): steps made, int64
    keys: np.ndarray  # (replicas,): uint64, the source of the noise
    diverged: np.ndarray  # (replicas,): bool
    direction: np.ndarray  # (replicas, n): the ±1 along which the field acts
    reference: np.ndarray  # (replicas, waiting times, n): x(t_w); NaN before
    pairs: np.ndarray  # (replicas, waiting times, 2, n): copies in the fields +h and −h since t_w; NaN before
    correlation: np.ndarray  # (replicas, waiting times, delays): what has been recorded; NaN before
    response: np.ndarray  # (replicas, waiting times, delays)


class PairedLangevin(SteppedDynamics):
    """Langevin dynamics of x, and for each waiting time t_w a pair of copies with the same noise in fields ±h from t_w.

        dx = −∇H dt + √(2T) dW,    dx± = −∇H dt ± h u dt + √(2T) dW for t > t_w,    x±(t_w) = x(t_w),

    on the sphere with projection and retraction as in :class:`Langevin`. u is a vector of random signs, fixed for each
    replica, so that the mean over u of

        χ(t_w + t, t_w) = (x⁺ − x⁻)·u / (2hn)

    is the integrated response (1/n) Σ_i ∂⟨x_i(t_w + t)⟩/∂h_i = ∫_{t_w}^{t_w+t} R(t_w + t, s) ds to a field −h·x added
    to the energy, up to O(h²): χ is even in h. Beside it stands C(t_w + t, t_w) = x(t_w + t)·x(t_w)/n. In equilibrium
    χ = (C(0) − C)/T.

    All copies move in one block and share each pass over the landscape: 1 + 2·(waiting times passed) gradients a step.

    Parameters
    ----------
    temperature
        T ≥ 0 per extensive energy (k_B = 1); at 0 the response of the gradient flow.
    waiting_times
        t_w ≥ 0, increasing.
    field
        h > 0. A small one has little bias and, at long delays, much noise; see the notes.
    step
        Time of one step.
    first, per_decade
        Recorded delays t: 0 and first·10^{k/per_decade}, moved to whole steps.

    Notes
    -----
    Noise as in :class:`Langevin`; the signs of u are the 64-bit counters −n … −1 of the replica's stream. Weak order 1:
    errors O(step).

    At short delays both copies feel almost the same forces, the noise of χ does not depend on h, and its error is c·h²
    to the digit. Later the copies part along unstable directions, at any T: the noise grows until it saturates as 1/h,
    while the mean stays linear up to larger fields. For 64 spins, p = 3, T = 0.6 and t_w = 5, the standard deviation of
    one replica at delays (1, 10, 32) is (0.06, 0.5, 0.6) with h = 0.1 and (0.05, 0.2, 0.1) with h = 0.4, whose mean is
    low by about 15 % at the two longer ones; h = 0.2 and 0.1 agree within 5 %, the statistical error. Run a second h to
    see the bias.

    Results are ``correlation`` and ``integrated_response`` (replica, waiting_time, delay), NaN for what
    lies beyond the run.
    """

    requires = (Differentiable,)
    kernels = ("spinnet.kernels.counter_noise",)
    State = PairedState

    def __init__(
        self,
        temperature: float,
        waiting_times: tuple[float, ...],
        field: float = 0.1,
        step: float = 0.01,
        first: float = 0.1,
        per_decade: int = 8,
    ):
        given = self.validate(temperature, waiting_times, field, step, first, per_decade)
        self.temperature, self.waiting_times = given["temperature"], tuple(given["waiting_times"])
        self.field, self.step = given["field"], given["step"]
        self.first, self.per_decade = given["first"], given["per_decade"]
        self._grid = WaitingTimes(self.waiting_times, self.first, self.per_decade)
        self._wait_steps = np.rint(self._grid.waits(self.attainable) / self.step).astype(np.int64)
        self._known_delays, self._known_until = np.empty(0, dtype=np.int64), -1  # in steps; they only grow

    def check_run(self, last: float, replicas: int) -> None:
        """The first pair must part before the end."""
        super().check_run(last, replicas)
        if self.waiting_times[0] + self.first > last:
            raise InputError(
                f"waiting_times begin at {self.waiting_times[0]:g} and the first delay is {self.first:g}, beyond the "
                f"run's last = {last:g}: give earlier waiting times or a longer run"
            )

    @classmethod
    def validate(cls, temperature, waiting_times, field, step, first, per_decade):
        return {
            "temperature": real_number("temperature", temperature, 0.0),
            "field": real_number("field", field, above=0.0),
            "step": real_number("step", step, above=0.0),
            **WaitingTimes.validate(waiting_times, first, per_decade),
        }

    @property
    def step_length(self) -> float:
        return self.step

    @property
    def time_unit(self) -> str:
        return "time of dx = -grad H dt + sqrt(2T) dW"

    def flow_time(self, landscape: Landscape) -> float:
        return 1.0

    def init(self, landscape: Differentiable, x: np.ndarray, keys: np.ndarray) -> PairedState:
        x = np.array(landscape.space.retract(landscape.check(x)))
        keys = np.array(keys, dtype=np.uint64)
        replicas, n = x.shape
        signs = np.empty((replicas, n))
        fill_uniform(keys, -n, signs)
        waits = len(self.waiting_times)
        state = PairedState(
            x=x, steps=np.zeros(replicas, np.int64), keys=keys, diverged=~finite_rows(x),
            direction=np.where(signs > 0.5, 1.0, -1.0),
            reference=np.full((replicas, waits, n), np.nan), pairs=np.full((replicas, waits, 2, n), np.nan),
            correlation=np.full((replicas, waits, 0), np.nan), response=np.full((replicas, waits, 0), np.nan),
        )  # fmt: skip
        return self._look(state, self._delay_steps(0))

    def advance(self, landscape: Differentiable, state: PairedState, n: int) -> PairedState:
        first = int(state.steps[0])
        last = first + n
        delays = self._delay_steps(last)
        looks = np.unique(self._wait_steps[:, None] + delays)
        while first < last:
            # As far as nothing has to be recorded and no pair joins.
            until = int(min([last, *looks[looks > first][:1]]))
            state = self._look(self._move(landscape, state, until - first), delays)
            first = until
        return state

    def variables(self, state: PairedState) -> Variables:
        dims = ("replica", "waiting_time", "delay")
        delays = self._delay_steps(int(state.steps[0])) * self.step
        return {
            "waiting_time": Variable(
                self._wait_steps * self.step, ("waiting_time",), self.time_unit, "times at which the fields are put on"
            ),
            "delay": Variable(delays, ("delay",), self.time_unit, "time since the waiting time"),
            "correlation": Variable(state.correlation, dims, "1", "x(t_w + t).x(t_w)/n; NaN beyond the run"),
            "integrated_response": Variable(
                state.response, dims, "1/energy", "(x+ - x-).u/(2 h n), fields +h u and -h u since t_w, equal noise",
                {"field": self.field},
            ),
        }  # fmt: skip

    def _delay_steps(self, steps: int) -> np.ndarray:
        """The delays, in steps, that a run of so many steps reaches from its first waiting time."""
        if steps > self._known_until:
            self._known_until = 2 * steps + 1000
            delays = self._grid.delays(self.attainable, self._known_until * self.step)
            self._known_delays = np.rint(delays / self.step).astype(np.int64)
        return self._known_delays[self._known_delays <= steps - self._wait_steps[0]]

    def _move(self, landscape: Differentiable, state: PairedState, n: int) -> PairedState:
        """``n`` steps of x and of the pairs that exist: one block, x first, then each pair's + and − copies."""
        space = landscape.space
        replicas, size = state.x.shape
        first = int(state.steps[0])
        active = np.flatnonzero(self._wait_steps <= first)
        keys = np.array(state.keys, dtype=np.uint64)
        block = np.concatenate([state.x[None], np.moveaxis(state.pairs[:, active], 0, 2).reshape(-1, replicas, size)])
        copies, shape = len(block), block.shape
        block = block.reshape(-1, size)
        signs = np.resize([1.0, -1.0], copies - 1)[:, None, None]
        push = self.step * self.field * signs * state.direction
        amplitude = math.sqrt(2.0 * self.temperature * self.step)
        noise = np.empty((replicas, size))
        with np.errstate(all="ignore"):
            for s in range(first, first + n):
                fill_normal(keys, s * size, noise)
                displacement = (landscape.gradient(block) * -self.step).reshape(shape)
                displacement[1:] += push
                displacement += amplitude * noise
                block = space.retract(block + space.project(block, displacement.reshape(-1, size)))
        moved = block.reshape(shape)
        x, pairs = np.array(moved[0]), np.array(state.pairs)
        pairs[:, active] = np.moveaxis(moved[1:].reshape(len(active), 2, replicas, size), 2, 0)
        return state._replace(x=x, steps=state.steps + n, keys=keys, diverged=~finite_rows(x), pairs=pairs)

    def _look(self, state: PairedState, delays: np.ndarray) -> PairedState:
        """Let the pairs begin whose waiting time it is, and record at the delays that are reached now."""
        step, size = int(state.steps[0]), state.x.shape[1]
        begin = self._wait_steps == step
        reference, pairs = state.reference, state.pairs
        if begin.any():
            reference = np.where(begin[:, None], state.x[:, None], reference)
            pairs = np.where(begin[:, None, None], state.x[:, None, None], pairs)
        count = int((delays <= step - self._wait_steps[0]).sum())
        correlation, response = (_widened(table, count) for table in (state.correlation, state.response))
        for w, wait in enumerate(self._wait_steps):
            d = np.flatnonzero(delays[:count] == step - wait)
            if len(d):
                with np.errstate(all="ignore"):
                    correlation[:, w, d[0]] = np.einsum("ai,ai->a", state.x, reference[:, w]) / size
                    apart = pairs[:, w, 0] - pairs[:, w, 1]
                    response[:, w, d[0]] = np.einsum("ai,ai->a", apart, state.direction) / (2.0 * self.field * size)
        return state._replace(reference=reference, pairs=pairs, correlation=correlation, response=response)


def _widened(table: np.ndarray, count: int) -> np.ndarray:
    """A copy of ``table`` with ``count`` columns, new ones NaN."""
    more = np.full((*table.shape[:2], count - table.shape[2]), np.nan)
    return np.concatenate([table, more], axis=2)
