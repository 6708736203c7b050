"""Langevin dynamics in fixed steps, on the sphere and on flat space."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.kernels.counter_noise import fill_normal
from spinnet.landscapes.base import Differentiable, Landscape


class LangevinState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    steps: np.ndarray  # (replicas,): steps made, int64
    keys: np.ndarray  # (replicas,): uint64, the source of the noise
    diverged: np.ndarray  # (replicas,): bool


class Langevin(SteppedDynamics):
    """dx = −∇H dt + √(2T) dW with unit mobility, whose equilibrium is exp(−H/T), H extensive.

    On the sphere |x|² = n this is dx = −(∇H + μx)dt + √(2T)dW with μ such that |x|² is kept: Brownian motion of the
    sphere with the tangent force.

    Euler–Maruyama: x' = R(x − step·P∇H + √(2T·step)·Pξ), ξ standard normal, P the projection on the tangent space and
    R the retraction (both the identity on flat space). R supplies the curvature drift −T(1−1/n)x to leading order.
    Weak order 1: averages at a fixed time and in equilibrium are off by O(step). On flat space with curvature h the
    stationary variance is T/(h(1 − h·step/2)) exactly, and steps above 2/h diverge. The norm on the sphere is kept
    to machine precision.

    Value s·n + i of the counter-based stream of a replica's key drives coordinate i in step s.

    Parameters
    ----------
    temperature
        T ≥ 0 per extensive energy (k_B = 1).
    step
        Time of one step.
    """

    requires = (Differentiable,)
    kernels = ("spinnet.kernels.counter_noise",)
    State = LangevinState

    def __init__(self, temperature: float, step: float = 0.01):
        given = self.validate(temperature=temperature, step=step)
        self.temperature, self.step = given["temperature"], given["step"]

    @classmethod
    def validate(cls, temperature, step):
        return {
            "temperature": real_number("temperature", temperature, 0.0),
            "step": real_number("step", step, above=0.0),
        }

    @property
    def step_length(self) -> float:
        return self.step

    @property
    def time_unit(self) -> str:
        return "time of dx = -grad H dt + sqrt(2T) dW"

    def temperature_at(self, s: int) -> float:
        """The temperature of step ``s``, counted from 0."""
        return self.temperature

    def flow_time(self, landscape: Landscape) -> float:
        return 1.0

    def init(self, landscape: Differentiable, x: np.ndarray, keys: np.ndarray) -> LangevinState:
        x = np.array(landscape.space.retract(landscape.check(x)))
        return LangevinState(x, np.zeros(len(x), np.int64), np.array(keys, dtype=np.uint64), ~finite_rows(x))

    def advance(self, landscape: Differentiable, state: LangevinState, n: int) -> LangevinState:
        space, x = landscape.space, state.x
        keys = np.array(state.keys, dtype=np.uint64)
        noise = np.empty(x.shape)
        first = int(state.steps[0])
        with np.errstate(all="ignore"):
            for s in range(first, first + n):
                fill_normal(keys, s * x.shape[1], noise)
                displacement = landscape.gradient(x) * -self.step
                displacement += math.sqrt(2.0 * self.temperature_at(s) * self.step) * noise
                x = space.retract(x + space.project(x, displacement))
        return LangevinState(x, state.steps + n, keys, ~finite_rows(x))
