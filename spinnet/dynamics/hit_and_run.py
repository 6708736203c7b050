"""Hit and run on a sphere cut by half-spaces: equilibrium of a perceptron's weights, exactly and without a step."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number
from spinnet.dynamics.base import SteppedDynamics
from spinnet.errors import CapabilityError
from spinnet.landscapes.base import HalfSpaces, Landscape
from spinnet.records import Variable, Variables
from spinnet.spaces import Sphere


class HitAndRunState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    products: np.ndarray  # (replicas, P): with the rows of all half-spaces
    turned: np.ndarray  # (replicas,): sum of the angles of all steps
    steps: np.ndarray  # (replicas,), int64
    keys: np.ndarray  # (replicas,), uint64: the source of the noise
    diverged: np.ndarray  # (replicas,), bool


class HitAndRun(SteppedDynamics):
    """Markov chain on a sphere with equilibrium exp(−H/T), H the number of violated half-spaces.

    A step draws a uniform great circle through x. The half-spaces cut it into at most 2P arcs of constant energy, and
    the next point is drawn from exp(−H/T) on it. At T = 0 it is uniform on the arcs of the lowest energy: from a point
    that violates nothing the chain is the uniform measure on the version space, of which a circle meets one arc.

    Parameters
    ----------
    temperature : float
        T ≥ 0 per violated half-space.

    Notes
    -----
    Between x and y of one circle the density of a step is symmetric but for e^{−H/T}: detailed balance holds exactly. A
    step costs N P multiply-adds, above T = 0 the sorting of 2P angles too. On convex sets the chain needs of the
    order of N² steps.

    References
    ----------
    Smith, Oper. Res. 32, 1296 (1984); Lovász, Math. Program. 86, 443 (1999).
    """

    requires = (HalfSpaces,)
    kernels = ("spinnet.kernels.great_circles",)
    State = HitAndRunState

    def __init__(self, temperature: float = 0.0):
        self.temperature = self.validate(temperature=temperature)["temperature"]

    @classmethod
    def validate(cls, temperature):
        return {"temperature": real_number("temperature", temperature, 0.0)}

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: no flow is followed."""
        return math.nan

    def init(self, landscape: HalfSpaces, x: np.ndarray, keys: np.ndarray) -> HitAndRunState:
        if not isinstance(landscape.space, Sphere):
            raise CapabilityError(f"HitAndRun moves on a sphere; {type(landscape).__name__} lives elsewhere")
        x = landscape.space.retract(landscape.check(x))
        products = np.stack([landscape.half_spaces @ row for row in x])
        return HitAndRunState(
            x, products, np.zeros(len(x)), np.zeros(len(x), np.int64), np.array(keys, dtype=np.uint64),
            ~np.isfinite(x).all(axis=1),
        )  # fmt: skip

    def advance(self, landscape: HalfSpaces, state: HitAndRunState, n: int) -> HitAndRunState:
        from spinnet.kernels.great_circles import walk_circles

        x, products, turned = np.array(state.x), np.array(state.products), np.array(state.turned)
        keys = np.array(state.keys, dtype=np.uint64)
        beta = math.inf if self.temperature == 0.0 else 1.0 / self.temperature
        walk_circles(landscape.half_spaces, beta, keys, int(state.steps[0]), n, x, products, turned)
        return HitAndRunState(x, products, turned, state.steps + n, keys, np.array(state.diverged))

    def variables(self, state: HitAndRunState) -> Variables:
        """How far a step goes."""
        mean = np.where(state.steps > 0, state.turned / np.maximum(state.steps, 1), np.nan)
        return {"mean_turn": Variable(mean, ("replica",), "rad", "mean angle of a step")}
