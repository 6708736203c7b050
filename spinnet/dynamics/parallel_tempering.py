"""Replica exchange: chains at a ladder of temperatures on one disorder sample, which trade their configurations."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.markov_moves import Walkers, first_step, make_move, place_walkers, tuned
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Energy, Landscape, require
from spinnet.records import Variable, Variables

UP, DOWN, NOWHERE = 1, -1, 0


class TemperingState(NamedTuple):
    """Everything the dynamics knows; the first axis is the replica: place k of copy c is row c·levels + k."""

    x: np.ndarray  # (replicas, n): the configuration at this place of the ladder
    energy: np.ndarray  # (replicas,)
    gradient: np.ndarray  # (replicas, n): zero without trajectories
    temperature: np.ndarray  # (replicas,): ascending within a copy, the same in all copies
    step: np.ndarray  # (replicas,): length of a proposal at this place
    walker: np.ndarray  # (replicas,): the row of the start from which the configuration here descends, int64
    heading: np.ndarray  # (replicas,): per walker, int8: UP from the coldest place, DOWN from the hottest, else NOWHERE
    round_trips: np.ndarray  # (replicas,): per walker, int64: hottest → coldest → hottest since the warm-up
    moves: np.ndarray  # (replicas,): proposals since the warm-up, int64, and how many were accepted
    accepted: np.ndarray
    exchanges: np.ndarray  # (replicas,): exchanges tried with the next hotter place since the warm-up, int64
    exchanged: np.ndarray  # (replicas,): how many were made
    exchange_probability: np.ndarray  # (replicas,): sum of their probabilities
    steps: np.ndarray  # (replicas,): int64
    keys: np.ndarray  # (replicas,): uint64, the source of the noise of this place
    diverged: np.ndarray  # (replicas,): bool


class ParallelTempering(SteppedDynamics):
    """Markov chains at temperatures T_0 < T_1 < … that exchange their configurations.

    Neighbours are exchanged with probability min(1, exp((β_k − β_{k+1})(E_k − E_{k+1}))). A step is ``moves`` proposals
    at every place of the ladder (see :class:`GeodesicMetropolis`), then exchanges of the pairs (0,1), (2,3), … in even
    steps and of (1,2), (3,4), … in odd ones: with this alternation configurations drift through the ladder, where
    random pairs would diffuse. All temperatures and ``copies`` independent ladders are one block that shares every
    pass over the couplings. Row c·levels + k of the block is place k of copy c at every time, so what is measured on a
    row belongs to one temperature, and rows k and levels + k are independent at temperature k.

    Parameters
    ----------
    temperatures
        The ladder, increasing; or, with ``levels``, its two ends.
    copies
        Independent ladders on the same disorder, 2 or more where overlaps are wanted. The number of replicas of the
        ensemble must be copies × number of temperatures.
    levels
        0: ``temperatures`` is the ladder. Else the number of temperatures, placed between the two ends at equal
        rejection of exchanges, which is measured in trial runs on disorder samples of their own
        (:func:`spinnet.dynamics.temperature_ladder.place_temperatures`): the ladder must not depend on the couplings
        it is used on, or averages over disorder at fixed T are biased.
    moves
        Proposals between exchanges.
    leapfrog
        Steps of a trajectory, 0 for plain proposals.
    warm_up
        Steps during which proposals are tuned, place by place; they are then fixed, and counts begin.

    Notes
    -----
    Equilibrium is judged by :mod:`spinnet.estimators.equilibrium`.

    References
    ----------
    Hukushima & Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996); alternating pairs: Syed, Bouchard-Côté, Deligiannidis &
    Doucet, J. R. Stat. Soc. B 84, 321 (2022).
    """

    requires = (Energy,)
    kernels = ("spinnet.kernels.counter_noise",)
    State = TemperingState

    def __init__(
        self,
        temperatures: tuple[float, ...],
        copies: int = 2,
        levels: int = 0,
        moves: int = 1,
        leapfrog: int = 0,
        warm_up: int = 1000,
    ):
        given = self.validate(temperatures, copies, levels, moves, leapfrog, warm_up)
        self.temperatures = tuple(given["temperatures"])
        self.copies, self.levels, self.moves = given["copies"], given["levels"], given["moves"]
        self.leapfrog, self.warm_up = given["leapfrog"], given["warm_up"]

    @classmethod
    def validate(cls, temperatures, copies, levels, moves, leapfrog, warm_up):
        if not isinstance(temperatures, list | tuple | np.ndarray) or len(temperatures) < 2:
            raise InputError(f"temperatures = {temperatures!r}: give two or more, increasing, such as [0.6, 0.7, 0.85]")
        ladder = [real_number("temperatures", value, above=0.0) for value in temperatures]
        if any(hot <= cold for cold, hot in pairwise(ladder)):
            raise InputError(f"temperatures = {ladder}: temperatures must increase")
        levels = whole_number("levels", levels)
        if levels and (levels < 2 or len(ladder) != 2):
            raise InputError(
                f"levels = {levels} with {len(ladder)} temperatures: levels of 2 or more are placed between two "
                "temperatures; leave levels out to use a ladder as it is written"
            )
        return {
            "temperatures": ladder,
            "copies": whole_number("copies", copies, 1),
            "levels": levels,
            "moves": whole_number("moves", moves, 1),
            "leapfrog": whole_number("leapfrog", leapfrog),
            "warm_up": whole_number("warm_up", warm_up, 1),
        }

    @property
    def n_temperatures(self) -> int:
        """Places of one ladder."""
        return self.levels or len(self.temperatures)

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: configurations jump between temperatures, there is no time of a flow."""
        return math.nan

    def init(self, landscape: Energy, x: np.ndarray, keys: np.ndarray) -> TemperingState:
        wanted = self.copies * self.n_temperatures
        if len(x) != wanted:
            raise InputError(
                f"{len(x)} replicas for ParallelTempering with {self.copies} copies of {self.n_temperatures} "
                f"temperatures: set replicas = {wanted}"
            )
        if self.leapfrog:
            require("ParallelTempering with leapfrog steps", landscape, (Differentiable,))
        ladder = np.array(self.temperatures)
        if self.levels:
            # Imported here: the trial runs are runs of this class.
            from spinnet.dynamics.temperature_ladder import place_temperatures, trial_landscapes

            ladder = place_temperatures(
                trial_landscapes(landscape), *self.temperatures, self.levels, moves=self.moves, leapfrog=self.leapfrog
            ).temperatures
        at = place_walkers(landscape, x, bool(self.leapfrog))
        temperature = np.tile(ladder, self.copies)
        count = np.zeros(len(x), np.int64)
        return TemperingState(
            *at, temperature=temperature, step=first_step(landscape, temperature, self.leapfrog),
            walker=np.arange(len(x)), heading=count.astype(np.int8), round_trips=count,
            moves=count.copy(), accepted=count.copy(), exchanges=count.copy(), exchanged=count.copy(),
            exchange_probability=np.zeros(len(x)), steps=count.copy(), keys=np.array(keys, dtype=np.uint64),
            diverged=~(finite_rows(at.x) & np.isfinite(at.energy)),
        )  # fmt: skip

    def advance(self, landscape: Energy, state: TemperingState, n: int) -> TemperingState:
        for _ in range(n):
            state = self._step(landscape, state)
        return state

    def _step(self, landscape: Energy, state: TemperingState) -> TemperingState:
        number = int(state.steps[0])
        measuring = number >= self.warm_up
        at, step, accepted = Walkers(state.x, state.energy, state.gradient), state.step, state.accepted
        keys = np.array(state.keys, dtype=np.uint64)
        for move in range(number * self.moves, (number + 1) * self.moves):
            at, decision, spare = make_move(landscape, at, state.temperature, step, keys, move, self.leapfrog)
            if measuring:
                accepted = accepted + decision.accepted
            else:
                # One step for each temperature: the copies are tuned together.
                mean = decision.probability.reshape(self.copies, -1).mean(axis=0)
                step = tuned(landscape.space, step, np.tile(mean, self.copies), move, self.leapfrog)
        cold, hot = self._pairs(number % 2)
        with np.errstate(all="ignore"):
            gain = (1.0 / state.temperature[cold] - 1.0 / state.temperature[hot]) * (at.energy[cold] - at.energy[hot])
            probability = np.nan_to_num(np.exp(np.minimum(gain, 0.0)), nan=0.0)
        # The spare number of the last proposal, of the colder place.
        swapped = spare[cold] <= probability
        order = np.arange(len(step))
        order[cold[swapped]], order[hot[swapped]] = hot[swapped], cold[swapped]
        walker = state.walker[order]
        heading, returned = self._heading(state.heading, walker)
        exchanges, exchanged, total = state.exchanges.copy(), state.exchanged.copy(), state.exchange_probability.copy()
        if measuring:
            exchanges[cold] += 1
            exchanged[cold] += swapped
            total[cold] += probability
        else:
            heading = np.zeros_like(heading)
        return TemperingState(
            at.x[order], at.energy[order], at.gradient[order], state.temperature, step, walker, heading,
            state.round_trips + returned * measuring, state.moves + self.moves * measuring, accepted, exchanges,
            exchanged, total, state.steps + 1, keys, state.diverged[order],
        )  # fmt: skip

    def _pairs(self, parity: int) -> tuple[np.ndarray, np.ndarray]:
        """Rows of the colder and the hotter partners of the pairs of this parity, in all copies."""
        levels = self.n_temperatures
        places = np.arange(parity, levels - 1, 2)
        cold = (levels * np.arange(self.copies)[:, None] + places).ravel()
        return cold, cold + 1

    def _heading(self, heading: np.ndarray, walker: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Headings after a step, and which walkers came back to the hottest place from the coldest: a round trip."""
        levels = self.n_temperatures
        hottest, coldest = walker[levels - 1 :: levels], walker[::levels]
        heading, returned = heading.copy(), np.zeros(len(heading), bool)
        returned[hottest] = heading[hottest] == UP
        heading[hottest] = DOWN
        # Who never was hottest has not begun a trip.
        heading[coldest] = np.where(heading[coldest] == NOWHERE, NOWHERE, UP)
        return heading, returned

    def variables(self, state: TemperingState) -> Variables:
        """What the ladder itself tells after the warm-up: acceptance, exchanges, round trips; one number per place.

        Round trips are those of the walkers of each copy: total over the walkers, divided by their number.
        """
        replica, levels = ("replica",), self.n_temperatures
        per_copy = state.round_trips.reshape(self.copies, levels).mean(axis=1)
        measured = np.maximum(state.steps - self.warm_up, 0)
        trips = np.repeat(per_copy, levels)
        with np.errstate(all="ignore"):
            return {
                "temperature": Variable(state.temperature, replica, "energy", "temperature of this place"),
                "proposal_step": Variable(state.step, replica, "1", "length of a proposal, fixed after the warm-up"),
                "acceptance": Variable(
                    state.accepted / state.moves, replica, "1", "share of proposals accepted after the warm-up"
                ),
                "exchange_acceptance": Variable(
                    state.exchanged / state.exchanges, replica, "1",
                    "share of exchanges with the next hotter place that were made; NaN at the hottest",
                ),
                "round_trips": Variable(
                    trips, replica, "1", "round trips hottest-coldest-hottest per walker of this copy after the warm-up"
                ),
                "round_trip_time": Variable(
                    measured / trips, replica, "steps", "steps after the warm-up over round trips per walker"
                ),
            }  # fmt: skip
