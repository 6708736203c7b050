"""Metropolis dynamics along geodesics: equilibrium without a step error."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.markov_moves import Walkers, first_step, make_move, place_walkers, tuned
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Energy, Landscape, require
from spinnet.records import Variable, Variables


class MetropolisState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    energy: np.ndarray  # (replicas,)
    gradient: np.ndarray  # (replicas, n): zero without trajectories
    step: np.ndarray  # (replicas,): length of a proposal
    accepted: np.ndarray  # (replicas,): proposals accepted since the warm-up, int64
    steps: np.ndarray  # (replicas,): proposals made, int64
    keys: np.ndarray  # (replicas,): uint64, the source of the noise
    diverged: np.ndarray  # (replicas,): bool


class GeodesicMetropolis(SteppedDynamics):
    """Markov chain whose equilibrium is exp(−H/T) exactly, H extensive; one pass over the landscape per step.

    A step proposes the end of a geodesic that leaves x in a random tangent direction, and accepts it with probability
    min(1, exp(−ΔH/T)). With ``leapfrog`` above zero it proposes the end of a trajectory of so many kick–geodesic–kick
    steps with a thermal velocity, which costs as many gradients and goes much further in many dimensions.

    Parameters
    ----------
    temperature
        T > 0 per extensive energy (k_B = 1).
    step
        Length of a proposal: about its angle in radians on the sphere, the displacement of each coordinate on flat
        space; the time of one kick–geodesic–kick step of a trajectory. None: tuned for each replica during the
        warm-up, to an acceptance of 0.3 (0.75 for trajectories), and fixed from then on.
    warm_up
        Steps during which the step is tuned; they are part of the time, and results before its end are not to be used.
    leapfrog
        Steps of a trajectory, 0 for plain proposals.

    Notes
    -----
    Without trajectories a small ``step`` moves as Langevin dynamics does in the time step²/(2T).
    """

    requires = (Energy,)
    kernels = ("spinnet.kernels.counter_noise",)
    State = MetropolisState

    def __init__(self, temperature: float, step: float | None = None, warm_up: int = 1000, leapfrog: int = 0):
        given = self.validate(temperature=temperature, step=step, warm_up=warm_up, leapfrog=leapfrog)
        self.temperature, self.step = given["temperature"], given["step"]
        self.warm_up, self.leapfrog = given["warm_up"], given["leapfrog"]

    @classmethod
    def validate(cls, temperature, step, warm_up, leapfrog):
        warm_up = whole_number("warm_up", warm_up)
        if step is None and warm_up == 0:
            raise InputError("warm_up = 0: give a step, or the number of steps during which it is to be tuned")
        return {
            "temperature": real_number("temperature", temperature, above=0.0),
            "step": None if step is None else real_number("step", step, above=0.0),
            "warm_up": warm_up,
            "leapfrog": whole_number("leapfrog", leapfrog),
        }

    def flow_time(self, landscape: Landscape) -> float:
        """step²/(2T), the limit of small steps; NaN for a step that is tuned, and for trajectories."""
        if self.step is None or self.leapfrog:
            return math.nan
        return self.step**2 / (2.0 * self.temperature)

    def init(self, landscape: Energy, x: np.ndarray, keys: np.ndarray) -> MetropolisState:
        if self.leapfrog:
            require("GeodesicMetropolis with leapfrog steps", landscape, (Differentiable,))
        at = place_walkers(landscape, x, bool(self.leapfrog))
        count = np.zeros(len(at.x), np.int64)
        step = first_step(landscape, np.full(len(at.x), self.temperature), self.leapfrog)
        if self.step is not None:
            step[:] = self.step
        lost = ~(finite_rows(at.x) & np.isfinite(at.energy))
        return MetropolisState(*at, step, count, count.copy(), np.array(keys, dtype=np.uint64), lost)

    def advance(self, landscape: Energy, state: MetropolisState, n: int) -> MetropolisState:
        at, step, accepted = Walkers(state.x, state.energy, state.gradient), state.step, state.accepted
        keys = np.array(state.keys, dtype=np.uint64)
        temperature = np.full(len(at.x), self.temperature)
        first = int(state.steps[0])
        for s in range(first, first + n):
            at, decision, _ = make_move(landscape, at, temperature, step, keys, s, self.leapfrog)
            if s >= self.warm_up:
                accepted = accepted + decision.accepted
            elif self.step is None:
                step = tuned(landscape.space, step, decision.probability, s, self.leapfrog)
        return MetropolisState(*at, step, accepted, state.steps + n, keys, state.diverged)

    def acceptance(self, state: MetropolisState) -> np.ndarray:
        """Share of proposals accepted since the warm-up, (replicas,); NaN before there were any."""
        made = state.steps - self.warm_up
        return np.where(made > 0, state.accepted / np.maximum(made, 1), np.nan)

    def variables(self, state: MetropolisState) -> Variables:
        """What the chain itself tells: the proposals and how many were accepted after the warm-up."""
        replica = ("replica",)
        return {
            "acceptance": Variable(self.acceptance(state), replica, "1", "share accepted after the warm-up"),
            "proposal_step": Variable(state.step, replica, "1", "length of a proposal, fixed after the warm-up"),
        }
