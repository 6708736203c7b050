"""Gradient descent in discrete steps, with momentum."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Landscape


class DescentState(NamedTuple):
    """Everything gradient descent knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    velocity: np.ndarray  # (replicas, n): the last displacement, tangent at x
    steps: np.ndarray  # (replicas,): steps made, int64
    diverged: np.ndarray  # (replicas,): bool


def check_momentum(momentum: float) -> float:
    """A momentum in [0, 1), or an :class:`InputError`."""
    momentum = real_number("momentum", momentum, 0.0)
    if momentum >= 1.0:
        raise InputError(f"momentum = {momentum:g}: give a number in [0, 1)")
    return momentum


class GradientDescent(SteppedDynamics):
    """v ← momentum·v − learning_rate·∇(H/n_units), x ← x + v, on any differentiable landscape.

    The learning rate is per mean energy (per spin, per pattern), as networks are trained: gradient descent on a
    network is SGD with the whole data set in each batch. On the sphere the gradient is the tangent one, each step
    ends with a retraction, and the velocity is projected on the tangent space of the new point.

    Parameters
    ----------
    learning_rate
        Step along the gradient of the mean energy.
    momentum
        Heavy-ball momentum in [0, 1).
    """

    requires = (Differentiable,)
    State = DescentState

    def __init__(self, learning_rate: float, momentum: float = 0.0):
        given = self.validate(learning_rate=learning_rate, momentum=momentum)
        self.learning_rate, self.momentum = given["learning_rate"], given["momentum"]

    @classmethod
    def validate(cls, learning_rate, momentum):
        return {
            "learning_rate": real_number("learning_rate", learning_rate, above=0.0),
            "momentum": check_momentum(momentum),
        }

    def flow_time(self, landscape: Landscape) -> float:
        return self.learning_rate / (1.0 - self.momentum) / landscape.units.n_units

    def init(self, landscape: Differentiable, x: np.ndarray, keys: np.ndarray) -> DescentState:
        x = np.array(landscape.space.retract(landscape.check(x)))
        return DescentState(x, np.zeros_like(x), np.zeros(len(x), np.int64), ~finite_rows(x))

    def advance(self, landscape: Differentiable, state: DescentState, n: int) -> DescentState:
        space = landscape.space
        rate = self.learning_rate / landscape.units.n_units
        x, velocity = state.x, state.velocity
        with np.errstate(all="ignore"):
            for _ in range(n):
                gradient = space.riemannian_gradient(x, landscape.gradient(x))
                velocity = self.momentum * velocity - rate * gradient
                x = space.retract(x + velocity)
                velocity = space.project(x, velocity)
        return DescentState(x, velocity, state.steps + n, ~finite_rows(x))
