"""Walks in continuous time that end at the native state: folding times, one by one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from spinnet.dynamics.rejection_free import TickedFlips
from spinnet.landscapes.base import Signal
from spinnet.landscapes.first_passage import RULES
from spinnet.landscapes.hashed_levels import HashedLevels
from spinnet.records import Variable, Variables


class FirstPassageState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n), int8
    energy: np.ndarray  # (replicas,)
    clock: np.ndarray  # (replicas,): time of the last jump
    jumps: np.ndarray  # (replicas,), int64
    steps: np.ndarray  # (replicas,), int64: ticks that have passed
    keys: np.ndarray  # (replicas,), uint64: the source of the noise
    passed: np.ndarray  # (replicas,), bool: at the native state, where the walk ended
    diverged: np.ndarray  # (replicas,), bool


class FirstPassage(TickedFlips):
    """Single flips in continuous time (as :class:`RejectionFree`) until the native state is met; there the walk ends.

    Each site flips at the rate min(1, e^{−Δ/T}) (``"metropolis"``) or 1/(1 + e^{Δ/T}) (``"glauber"``): the unit of time
    is a sweep. The native state is the landscape's signal. Walks that have not met it at the end of the run are
    censored: all that is known of their passage time is that it is longer than the run.

    Parameters
    ----------
    temperature : float
        T > 0 per extensive energy.
    rule : {"metropolis", "glauber"}
    tick : float
        Measuring times are multiples of it; the process does not depend on it.
    """

    requires = (HashedLevels, Signal)
    kernels = ("spinnet.kernels.first_passage",)
    rules = RULES
    State = FirstPassageState

    def init(self, landscape: HashedLevels, x: np.ndarray, keys: np.ndarray) -> FirstPassageState:
        x = np.array(landscape.check(x), dtype=np.int8)
        count = np.zeros(len(x), np.int64)
        return FirstPassageState(
            x, landscape.energy(x), np.zeros(len(x)), count, count.copy(), np.array(keys, dtype=np.uint64),
            landscape.index_of(x) == _native(landscape), np.zeros(len(x), dtype=bool),
        )  # fmt: skip

    def advance(self, landscape: HashedLevels, state: FirstPassageState, n: int) -> FirstPassageState:
        from spinnet.kernels.first_passage import walk_to_state

        index, energy, clock = landscape.index_of(state.x), np.array(state.energy), np.array(state.clock)
        jumps, keys = np.array(state.jumps), np.array(state.keys, dtype=np.uint64)
        steps, native = state.steps + n, _native(landscape)
        for a in np.flatnonzero(~state.passed):
            one = slice(a, a + 1)
            jumps[a] += walk_to_state(
                *landscape.tree, landscape.n, 1.0 / self.temperature, RULES.index(self.rule), keys[a], jumps[a],
                steps[a] * self.tick, native, index[one], energy[one], clock[one],
            )  # fmt: skip
        x = landscape.configuration(index)
        return FirstPassageState(
            x, energy, clock, jumps, steps, keys, index == native, np.array(state.diverged)
        )

    def variables(self, state: FirstPassageState) -> Variables:
        """Passage times, NaN where censored, with what they are censored at."""
        per = ("replica",)
        return {
            "passage_time": Variable(
                np.where(state.passed, state.clock, np.nan), per, self.time_unit, "time to the native state"
            ),
            "observed_time": Variable(
                np.where(state.passed, state.clock, state.steps * self.tick), per, self.time_unit,
                "time until the passage or, without one, the end of the run",
            ),
            "jumps": Variable(np.array(state.jumps), per, "1", "jumps made until then"),
        }  # fmt: skip


def _native(landscape) -> np.uint64:
    return landscape.index_of(np.where(landscape.signal > 0, 1, -1)[None])[0]
