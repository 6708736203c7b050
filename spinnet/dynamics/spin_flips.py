"""Single spin flips on the hypercube, with the Metropolis or the heat-bath rule."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.dynamics.base import SteppedDynamics
from spinnet.errors import CapabilityError
from spinnet.landscapes.base import Landscape, LocalMoves
from spinnet.landscapes.hashed_levels import HashedLevels
from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.records import Variable, Variables
from spinnet.spaces import Hypercube

RULES = ("metropolis", "glauber")
#: Landscapes of up to 2^20 levels are listed once (8 MiB) where single changes of the energy cost more than a look.
_LARGEST_LISTED = 20
#: From so many chains on, hashed levels are read for all chains together and not ahead in each.
_TOGETHER = 8
_BLOCK = 1024


class SpinFlipState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica."""

    x: np.ndarray  # (replicas, n), int8
    energy: np.ndarray  # (replicas,)
    accepted: np.ndarray  # (replicas,), int64: flips made
    steps: np.ndarray  # (replicas,), int64: flips proposed
    keys: np.ndarray  # (replicas,), uint64: the source of the noise
    diverged: np.ndarray  # (replicas,), bool


class SpinFlips(SteppedDynamics):
    """Markov chain with equilibrium exp(−H/T): a step proposes to flip one site, chosen uniformly.

    With Δ the change of the energy the flip is made with probability min(1, e^{−Δ/T}) (``"metropolis"``), or
    1/(1 + e^{Δ/T}) (``"glauber"``, heat bath). Time is in steps: N of them are a sweep. On hashed levels the chain is a
    kernel that reads levels ahead, elsewhere on few spins all levels are listed; the chain is the same, up to the
    rounding of energies.

    Parameters
    ----------
    temperature : float
        T > 0 per extensive energy (k_B = 1).
    rule : {"metropolis", "glauber"}
    """

    requires = (LocalMoves,)
    kernels = ("spinnet.kernels.random_energy_dynamics",)
    State = SpinFlipState

    def __init__(self, temperature: float, rule: str = "metropolis"):
        given = self.validate(temperature=temperature, rule=rule)
        self.temperature, self.rule = given["temperature"], given["rule"]
        self._listed: tuple[Landscape, np.ndarray] | None = None

    @classmethod
    def validate(cls, temperature, rule):
        return {
            "temperature": real_number("temperature", temperature, above=0.0),
            "rule": one_of("rule", rule, RULES),
        }

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: flips follow no flow."""
        return math.nan

    def init(self, landscape: LocalMoves, x: np.ndarray, keys: np.ndarray) -> SpinFlipState:
        if not isinstance(landscape.space, Hypercube):
            raise CapabilityError(f"SpinFlips moves on the hypercube; {type(landscape).__name__} lives elsewhere")
        x = np.array(landscape.check(x), dtype=np.int8)
        levels = self._levels(landscape)
        energy = landscape.energy(x) if levels is None else levels[landscape.index_of(x).astype(np.int64)]
        count = np.zeros(len(x), np.int64)
        lost = np.zeros(len(x), dtype=bool)
        return SpinFlipState(x, energy, count, count.copy(), np.array(keys, dtype=np.uint64), lost)

    def advance(self, landscape: LocalMoves, state: SpinFlipState, n: int) -> SpinFlipState:
        x, energy, accepted = np.array(state.x), np.array(state.energy), np.array(state.accepted)
        keys, first = np.array(state.keys, dtype=np.uint64), int(state.steps[0])
        betas = np.full(len(x), 1.0 / self.temperature)
        if isinstance(landscape, HashedLevels):
            index = landscape.index_of(x)
            self._walk_hashed(landscape, index, energy, accepted, betas, keys, first, n)
            x = landscape.configuration(index)
        elif (levels := self._levels(landscape)) is not None:
            from spinnet.kernels.random_energy_dynamics import walk_listed

            index = landscape.index_of(x)
            walk_listed(levels, landscape.n, betas, self._rule, keys, first, n, index, energy, accepted)
            x = landscape.configuration(index)
        else:
            self._walk(landscape, x, energy, accepted, betas, keys, first, n)
        return SpinFlipState(x, energy, accepted, state.steps + n, keys, np.array(state.diverged))

    @property
    def _rule(self) -> int:
        return RULES.index(self.rule)

    def _levels(self, landscape: LocalMoves) -> np.ndarray | None:
        """All levels, where that is how they are read."""
        if isinstance(landscape, HashedLevels) or not isinstance(landscape, IndexedLevels):
            return None
        if landscape.n > _LARGEST_LISTED:
            return None
        if self._listed is None or self._listed[0] is not landscape:
            self._listed = landscape, np.array(landscape.all_levels())
        return self._listed[1]

    def _walk_hashed(self, landscape, index, energy, accepted, betas, keys, first, n) -> None:
        from spinnet.kernels import random_energy_dynamics as kernels

        model = (*landscape.tree, landscape.n)
        if len(index) >= _TOGETHER:
            nothing = np.zeros((2, len(index)))
            kernels.walk_many(*model, betas, self._rule, keys, first, n, index, energy, accepted, nothing)
            return
        for a in range(len(index)):
            one = slice(a, a + 1)
            kernels.walk_one(
                *model, betas[a], self._rule, keys[a], first, n, index[one], energy[one], accepted[one], np.zeros(2)
            )

    def _walk(self, landscape, x, energy, accepted, betas, keys, first, n) -> None:
        """Step by step, with the energy change that the landscape knows; the same proposals."""
        from spinnet.kernels.random_energy_dynamics import fill_proposals

        replicas = np.arange(len(x))
        for start in range(0, n, _BLOCK):
            count = min(_BLOCK, n - start)
            sites, thresholds = np.empty((count, len(x)), np.int64), np.empty((count, len(x)))
            fill_proposals(keys, landscape.space.n, first + start, betas, self._rule, sites, thresholds)
            for site, threshold in zip(sites, thresholds, strict=True):
                change = landscape.delta_energy(x, site)
                good = change <= threshold
                x[replicas[good], site[good]] *= -1
                energy[good] += change[good]
                accepted[good] += 1

    def variables(self, state: SpinFlipState) -> Variables:
        """The share of flips that were accepted."""
        share = np.where(state.steps > 0, state.accepted / np.maximum(state.steps, 1), np.nan)
        return {"acceptance": Variable(share, ("replica",), "1", "share of proposed flips that were accepted")}
