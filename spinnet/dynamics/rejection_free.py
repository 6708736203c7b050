"""Continuous-time jumps between hashed levels, each drawn at once however long the walk rests (Gillespie)."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.dynamics.base import SteppedDynamics
from spinnet.landscapes.base import Landscape
from spinnet.landscapes.hashed_levels import HashedLevels
from spinnet.records import Variable, Variables

RULES = ("metropolis", "glauber", "hopping", "trap")
_ALL = 1 << 62


class RejectionFreeState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n), int8
    energy: np.ndarray  # (replicas,)
    clock: np.ndarray  # (replicas,): time of the last jump
    jumps: np.ndarray  # (replicas,), int64
    steps: np.ndarray  # (replicas,), int64: ticks that have passed
    keys: np.ndarray  # (replicas,), uint64: the source of the noise
    diverged: np.ndarray  # (replicas,), bool


class TickedFlips(SteppedDynamics):
    """Flips in continuous time, seen at multiples of ``tick``; subclasses name their rules."""

    #: Names of the rates, as their kernels number them.
    rules: ClassVar[tuple[str, ...]]

    def __init__(self, temperature: float, rule: str = "metropolis", tick: float = 1.0):
        given = self.validate(temperature=temperature, rule=rule, tick=tick)
        self.temperature, self.rule, self.tick = given["temperature"], given["rule"], given["tick"]

    @classmethod
    def validate(cls, temperature, rule, tick):
        return {
            "temperature": real_number("temperature", temperature, above=0.0),
            "rule": one_of("rule", rule, cls.rules),
            "tick": real_number("tick", tick, above=0.0),
        }

    @property
    def step_length(self) -> float:
        return self.tick

    @property
    def time_unit(self) -> str:
        return "sweeps"

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: jumps follow no flow."""
        return math.nan


class RejectionFree(TickedFlips):
    """Markov process in continuous time with equilibrium exp(−H/T), by Gillespie's method: no proposal is wasted.

    Rates, with Δ the change of the energy and β = 1/T:

    ``"metropolis"``, ``"glauber"``
        Site i flips at the rate min(1, e^{−βΔ_i}), 1/(1 + e^{βΔ_i}): the unit of time is a sweep of
        :class:`~spinnet.dynamics.spin_flips.SpinFlips`.
    ``"hopping"``
        Random hopping: each of the N neighbours is reached at the rate e^{βE}/N, E the energy that is left.
    ``"trap"``
        The same rate e^{βE} of leaving, for any of the 2^N levels. On exponential levels (mean depth one) this is
        Bouchaud's trap model with x = T.

    Parameters
    ----------
    temperature : float
        T > 0 per extensive energy.
    rule : {"metropolis", "glauber", "hopping", "trap"}
    tick : float
        Measuring times are multiples of it; the process does not depend on it.

    Notes
    -----
    A jump reads N levels by the first two rules, one level by the others. Jump number k of a replica is the same
    however the run is split: a checkpoint holds the state, the time of the last jump and its number.
    """

    requires = (HashedLevels,)
    kernels = ("spinnet.kernels.random_energy_dynamics",)
    rules = RULES
    State = RejectionFreeState

    @property
    def time_unit(self) -> str:
        return "sweeps" if self.rule in RULES[:2] else "mean holding times of a level of energy zero"

    def init(self, landscape: HashedLevels, x: np.ndarray, keys: np.ndarray) -> RejectionFreeState:
        x = np.array(landscape.check(x), dtype=np.int8)
        count = np.zeros(len(x), np.int64)
        return RejectionFreeState(
            x, landscape.energy(x), np.zeros(len(x)), count, count.copy(), np.array(keys, dtype=np.uint64),
            np.zeros(len(x), dtype=bool),
        )  # fmt: skip

    def advance(self, landscape: HashedLevels, state: RejectionFreeState, n: int) -> RejectionFreeState:
        from spinnet.kernels.random_energy_dynamics import walk_events

        index, energy, clock = landscape.index_of(state.x), np.array(state.energy), np.array(state.clock)
        jumps, keys = np.array(state.jumps), np.array(state.keys, dtype=np.uint64)
        steps = state.steps + n
        for a in range(len(index)):
            one, until = slice(a, a + 1), np.array([steps[a] * self.tick])
            seen, until_then, integrals = np.zeros(1, np.uint64), np.zeros(1, np.int64), np.zeros(2)
            jumps[a] += walk_events(
                *landscape.tree, landscape.n, 1.0 / self.temperature, RULES.index(self.rule), keys[a], jumps[a], _ALL,
                until, index[one], energy[one], clock[one], seen, until_then, integrals,
            )  # fmt: skip
        x = landscape.configuration(index)
        return RejectionFreeState(x, energy, clock, jumps, steps, keys, np.array(state.diverged))

    def variables(self, state: RejectionFreeState) -> Variables:
        """How many jumps were made."""
        return {"jumps": Variable(np.array(state.jumps), ("replica",), "1", "jumps made until the end")}
