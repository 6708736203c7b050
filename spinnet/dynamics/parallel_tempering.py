"""Replica exchange: chains at a ladder of temperatures on one disorder sample, which trade their configurations."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.base import SteppedDynamics, finite_rows
from spinnet.dynamics.exchange_ladder import (
    Sums,
    alternating_pairs,
    block_of,
    by_place,
    chain_variables,
    exchange_order,
    follow_headings,
    overlap_variables,
)
from spinnet.dynamics.markov_moves import Walkers, first_step, make_move, place_walkers, tuned
from spinnet.dynamics.temperature_ladder import (
    PLACEMENT_STEPS,
    Trial,
    equal_rejection,
    trial_at,
    trial_keys,
    trial_landscape,
    trial_start,
)
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Energy, Landscape, require
from spinnet.records import Variable, Variables

_FEWEST_BINS = 8


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
    energy_sums: np.ndarray  # (replicas, blocks, 2): sums of E and E² over the steps of each block
    overlap_sums: np.ndarray  # (replicas, blocks, 6): sums of the powers of q with the same place of the next copy
    overlap_counts: np.ndarray  # (replicas, blocks, bins): histogram of q, int64
    start: np.ndarray  # (replicas, n) while temperatures are placed: where the chains will begin; then (replicas, 0)
    refusal: np.ndarray  # (replicas,): refusals of exchanges added up over the trial runs of a round
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

    The ladder measures itself at every step after the warm-up: E, E² and the overlap q of neighbouring copies at each
    temperature, as raw moments and histograms in blocks of time that double (:func:`block_of`). Probes see replicas,
    not temperatures, and are refused (:meth:`check_probes`).

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
        (:mod:`spinnet.dynamics.temperature_ladder`): the ladder must not depend on the couplings it is used on, or
        averages over disorder at fixed T are biased. The trial runs are the first ``PLACEMENT_STEPS`` steps.
    moves
        Proposals between exchanges.
    leapfrog
        Steps of a trajectory, 0 for plain proposals.
    warm_up
        Steps after the placement during which proposals are tuned, place by place; they are then fixed, and
        measurements begin.
    bins
        Of the histogram of overlaps on [−1, 1].

    Notes
    -----
    Equilibrium is judged by :mod:`spinnet.estimators.equilibrium`. A run of warm_up·2^K steps after the placement has
    its second half in the last block, and a longer run continues it without changing a complete block.

    References
    ----------
    Hukushima & Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996); alternating pairs: Syed, Bouchard-Côté, Deligiannidis &
    Doucet, J. R. Stat. Soc. B 84, 321 (2022); blocks that double: Katzgraber, Palassini & Young, Phys. Rev. B 63,
    184422 (2001).
    """

    revision = 2
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
        bins: int = 100,
    ):
        given = self.validate(temperatures, copies, levels, moves, leapfrog, warm_up, bins)
        self.temperatures = tuple(given["temperatures"])
        self.copies, self.levels, self.moves = given["copies"], given["levels"], given["moves"]
        self.leapfrog, self.warm_up, self.bins = given["leapfrog"], given["warm_up"], given["bins"]
        # Not part of the state, for it follows from it: landscape, run, landscape and keys of the trial run under way.
        self._trial: tuple[Energy, tuple[int, int], Energy, np.ndarray] | None = None

    @classmethod
    def validate(cls, temperatures, copies, levels, moves, leapfrog, warm_up, bins):
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
            "bins": whole_number("bins", bins, _FEWEST_BINS),
        }

    @classmethod
    def check_probes(cls, names: Iterable[str]) -> None:
        """Refuse every probe, by name.

        A probe measures replica by replica; here a replica is a temperature of a copy, so that averages over replicas
        would mix temperatures. Energies, overlaps and acceptance at each temperature are in the results without any.
        """
        for name in names:
            raise InputError(
                f"probes.{name}: {cls.__name__} takes no probe, for its replicas are at different temperatures; it "
                "records energies and overlaps at each temperature itself: leave the probe out"
            )

    @property
    def n_temperatures(self) -> int:
        """Places of one ladder."""
        return self.levels or len(self.temperatures)

    @property
    def placement_steps(self) -> int:
        """Steps of the trial runs that place the temperatures, before the warm-up."""
        return PLACEMENT_STEPS if self.levels else 0

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: configurations jump between temperatures, there is no time of a flow."""
        return math.nan

    def check_run(self, last: float, replicas: int) -> None:
        wanted = self.copies * self.n_temperatures
        if replicas != wanted:
            raise InputError(
                f"{replicas} replicas for {type(self).__name__} with {self.copies} copies of {self.n_temperatures} "
                f"temperatures: set replicas = {wanted}"
            )
        if last <= self.placement_steps + self.warm_up:
            placement = f"the placement of temperatures ({self.placement_steps}) and " if self.levels else ""
            raise InputError(
                f"last = {last:g} is not beyond {placement}the warm-up ({self.warm_up} steps), after which "
                "measurements begin: run longer, at best to the end of the warm-up times a power of two"
            )

    def init(self, landscape: Energy, x: np.ndarray, keys: np.ndarray) -> TemperingState:
        self.check_run(math.inf, len(x))
        if self.leapfrog:
            require(f"{type(self).__name__} with leapfrog steps", landscape, (Differentiable,))
        ladder = np.array(self.temperatures)
        start = np.empty((len(x), 0))
        if self.levels:
            ladder = np.geomspace(*self.temperatures, self.levels)
            start = np.array(landscape.space.retract(landscape.check(x)))
        return self._begin(landscape, x, np.tile(ladder, self.copies), np.array(keys, dtype=np.uint64), start)

    def _begin(self, landscape, x, temperature, keys, start) -> TemperingState:
        """Chains that have made no step."""
        at = place_walkers(landscape, x, bool(self.leapfrog))
        count = np.zeros(len(x), np.int64)
        sums = Sums.empty(len(x), self.bins)
        return TemperingState(
            *at, temperature=temperature, step=first_step(landscape, temperature, self.leapfrog),
            walker=np.arange(len(x)), heading=count.astype(np.int8), round_trips=count,
            moves=count.copy(), accepted=count.copy(), exchanges=count.copy(), exchanged=count.copy(),
            exchange_probability=np.zeros(len(x)), energy_sums=sums.energy, overlap_sums=sums.overlap,
            overlap_counts=sums.counts, start=start, refusal=np.zeros(len(x)), steps=count.copy(), keys=keys,
            diverged=~(finite_rows(at.x) & np.isfinite(at.energy)),
        )  # fmt: skip

    def advance(self, landscape: Energy, state: TemperingState, n: int) -> TemperingState:
        sums = Sums(state.energy_sums, state.overlap_sums, state.overlap_counts).own()
        state = state._replace(keys=np.array(state.keys, dtype=np.uint64))
        for number in range(int(state.steps[0]), int(state.steps[0]) + n):
            if number < self.placement_steps:
                state = self._place(landscape, state, trial_at(number))
                continue
            made = number - self.placement_steps
            state = self._step(landscape, state, made, self.warm_up)
            block = block_of(made, self.warm_up)
            if block >= 0:
                sums = sums.grown(block + 1)
                sums.add(block, state.energy, self._overlap(landscape, state.x))
        return state._replace(energy_sums=sums.energy, overlap_sums=sums.overlap, overlap_counts=sums.counts)

    def _overlap(self, landscape: Energy, x: np.ndarray) -> np.ndarray:
        """Overlap of each row with the same place of the next copy; of one copy with itself, 1."""
        with np.errstate(all="ignore"):
            return landscape.space.overlap(x, np.roll(x, -self.n_temperatures, axis=0))

    def _place(self, landscape: Energy, state: TemperingState, trial: Trial) -> TemperingState:
        """One step of a trial run, and at its end the next ladder, or the beginning of the chains."""
        steps, keys, start = state.steps, state.keys, state.start
        run = (trial.round, trial.number)
        if self._trial is None or self._trial[0] is not landscape or self._trial[1] != run:
            self._trial = landscape, run, trial_landscape(landscape, trial.number), trial_keys(len(state.x), trial)
        _, _, where, noise = self._trial
        if trial.step == 0:
            x = trial_start(where, len(state.x), trial)
            state = self._begin(where, x, state.temperature, noise, start)._replace(refusal=state.refusal)
        state = self._step(where, state._replace(keys=noise), trial.step, trial.warm_up)
        if trial.step == trial.length - 1:
            levels = self.n_temperatures
            tried = state.exchanges.reshape(self.copies, levels).sum(axis=0)
            made = state.exchange_probability.reshape(self.copies, levels).sum(axis=0)
            refusal = state.refusal + np.tile(1.0 - made / np.maximum(tried, 1), self.copies)
            if trial.ends_round:
                ladder = equal_rejection(state.temperature[:levels], refusal[: levels - 1], levels)
                state = state._replace(temperature=np.tile(ladder, self.copies))
                refusal = np.zeros_like(refusal)
            state = state._replace(refusal=refusal)
            if trial.is_last:
                self._trial = None
                state = self._begin(landscape, start, state.temperature, keys, np.empty((len(start), 0)))
        return state._replace(steps=steps + 1, keys=keys)

    def _step(self, landscape: Energy, state: TemperingState, number: int, warm_up: int) -> TemperingState:
        """Step ``number`` of a chain: proposals, then exchanges."""
        measuring = number >= warm_up
        at, step, accepted = Walkers(state.x, state.energy, state.gradient), state.step, state.accepted
        for move in range(number * self.moves, (number + 1) * self.moves):
            at, decision, spare = make_move(landscape, at, state.temperature, step, state.keys, move, self.leapfrog)
            if measuring:
                accepted = accepted + decision.accepted
            else:
                # One step for each temperature: the copies are tuned together.
                mean = decision.probability.reshape(self.copies, -1).mean(axis=0)
                step = tuned(landscape.space, step, np.tile(mean, self.copies), move, self.leapfrog)
        cold, hot = alternating_pairs(self.n_temperatures, self.copies, number % 2)
        with np.errstate(all="ignore"):
            gain = (1.0 / state.temperature[cold] - 1.0 / state.temperature[hot]) * (at.energy[cold] - at.energy[hot])
        # The spare number of the last proposal, of the colder place.
        order, swapped, probability = exchange_order(cold, hot, gain, spare[cold], len(step))
        walker = state.walker[order]
        heading, returned = follow_headings(state.heading, walker, self.n_temperatures)
        exchanges, exchanged, total = state.exchanges.copy(), state.exchanged.copy(), state.exchange_probability.copy()
        if measuring:
            exchanges[cold] += 1
            exchanged[cold] += swapped
            total[cold] += probability
        else:
            heading = np.zeros_like(heading)
        return state._replace(
            x=at.x[order], energy=at.energy[order], gradient=at.gradient[order], step=step, walker=walker,
            heading=heading, round_trips=state.round_trips + returned * measuring,
            moves=state.moves + self.moves * measuring, accepted=accepted, exchanges=exchanges, exchanged=exchanged,
            exchange_probability=total, steps=state.steps + 1, diverged=state.diverged[order],
        )  # fmt: skip

    def variables(self, state: TemperingState) -> Variables:
        """What the ladder measured: per level, copy (or pair of copies) and block of time.

        Pair p is copies p and p + 1; two copies are one pair, three or more a ring.
        """
        levels, copies = self.n_temperatures, self.copies
        steps = max(int(state.steps[0]) - self.placement_steps, 0)
        found = {
            "temperature": Variable(state.temperature[:levels], ("level",), "energy", "temperature of each level"),
            **chain_variables(state, "level", copies, steps, self.warm_up),
        }
        pairs = {1: 0, 2: 1}.get(copies, copies)
        if pairs:
            sums = by_place(state.overlap_sums, copies)[:, :pairs]
            counts = by_place(state.overlap_counts, copies)[:, :pairs]
            found |= overlap_variables(
                sums, counts, "overlap", ("level", "pair"), steps, self.warm_up, "overlap of two copies"
            )
        return found
