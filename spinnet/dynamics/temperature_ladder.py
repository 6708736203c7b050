"""Where to put the temperatures of a ladder: at equal rejection of exchanges, measured in trial runs.

A round of trial runs (one on each of a few disorder samples that are not used for anything else) measures how often
neighbours refuse to exchange; the ladder is moved to equal refusal, and the next round is twice as long.

References
----------
Syed, Bouchard-Côté, Deligiannidis & Doucet, J. R. Stat. Soc. B 84, 321 (2022), algorithm 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Energy
from spinnet.randomness import counter_keys, stream

#: Disorder sample numbers of trial runs, far above those of campaigns.
_FIRST_TRIAL, _TRIALS = 1_000_000_007, 2
_FEWEST_STEPS, _ROUNDS, _COPIES = 40, 5, 2

#: Steps of all trial runs that place the temperatures of one run of parallel tempering.
PLACEMENT_STEPS = _TRIALS * _FEWEST_STEPS * (2**_ROUNDS - 1)


class Trial(NamedTuple):
    """A step of the trial runs: of which run of which round."""

    round: int
    number: int  # of the run in its round, and of its disorder sample
    step: int
    length: int

    @property
    def warm_up(self) -> int:
        """Steps of this run before refusals are counted."""
        return self.length // 2

    @property
    def ends_round(self) -> bool:
        """Whether this is the last step of a round."""
        return self.number == _TRIALS - 1 and self.step == self.length - 1

    @property
    def is_last(self) -> bool:
        """Whether this is the last step of all."""
        return self.ends_round and self.round == _ROUNDS - 1


def trial_at(step: int) -> Trial:
    """The trial run that step ``step`` < ``PLACEMENT_STEPS`` belongs to."""
    for number in range(_ROUNDS):
        length = _FEWEST_STEPS * 2**number
        if step < _TRIALS * length:
            return Trial(number, step // length, step % length, length)
        step -= _TRIALS * length
    raise ValueError("the temperatures are placed")


def trial_start(landscape: Energy, replicas: int, trial: Trial, seed: int = 0) -> np.ndarray:
    """Where a trial run begins, ``(replicas, n)``."""
    return landscape.start(replicas, stream(seed, *_content(trial), "start"))


def trial_keys(replicas: int, trial: Trial, seed: int = 0) -> np.ndarray:
    """The source of the noise of a trial run, ``(replicas,)``."""
    return counter_keys(seed, replicas, *_content(trial), "noise")


def _content(trial: Trial) -> tuple[str, int, int]:
    return "temperature ladder", trial.round, trial.number


def equal_rejection(ladder: np.ndarray, refused: np.ndarray, levels: int) -> np.ndarray:
    """``levels`` temperatures between the same ends at equal parts of the summed refusals, interpolated in ln T.

    Parameters
    ----------
    ladder : ndarray (k,)
        Increasing temperatures.
    refused : ndarray (k − 1,)
        Refusal of exchanges between neighbours, or any multiple of it.
    """
    total = np.concatenate([[0.0], np.cumsum(np.maximum(refused, 1e-6))])
    placed = np.exp(np.interp(np.linspace(0.0, total[-1], levels), total, np.log(ladder)))
    placed[0], placed[-1] = ladder[0], ladder[-1]
    return placed


def trial_landscape(landscape: Energy, number: int) -> Energy:
    """A disorder sample for trial runs: as ``landscape`` in all parameters but the sample number.

    A landscape without disorder is its own trial.
    """
    kind = type(landscape)
    names = kind.parameters()
    if "sample" not in names or not all(hasattr(landscape, name) for name in names):
        return landscape
    given = {name: getattr(landscape, name) for name in names}
    return kind(**{**given, "sample": _FIRST_TRIAL + number})


def trial_landscapes(landscape: Energy) -> list[Energy]:
    """All disorder samples for trial runs: one for a landscape without disorder."""
    found = [trial_landscape(landscape, number) for number in range(_TRIALS)]
    return found[:1] if found[0] is landscape else found


@dataclass(frozen=True)
class Ladder:
    """A ladder and what was measured on it in the last trial run.

    Attributes
    ----------
    temperatures : ndarray (levels,)
    exchange_acceptance : ndarray (levels − 1,)
        Mean probability of an exchange between neighbours.
    barrier : float
        Λ, the sum of the rejection probabilities: it does not depend on the ladder as long as that is fine, and a
        round trip takes about 2 + 2Λ steps for each place at best (Syed et al. 2022).
    """

    temperatures: np.ndarray
    exchange_acceptance: np.ndarray
    barrier: float


def place_temperatures(
    landscapes: Sequence[Energy],
    lowest: float,
    highest: float,
    levels: int = 0,
    acceptance: float = 0.5,
    moves: int = 1,
    leapfrog: int = 0,
    steps: int = _FEWEST_STEPS,
    rounds: int = _ROUNDS,
    seed: int = 0,
) -> Ladder:
    """Temperatures between two ends such that exchanges between neighbours are refused equally often.

    Starting from a geometric ladder, each round runs parallel tempering on all ``landscapes``, adds up the mean
    rejection of neighbours as a function of ln T, and moves the inner temperatures to equal parts of the sum. Rounds
    double in length; states are kept between rounds only through the ladder.

    Parameters
    ----------
    landscapes
        Disorder samples of the model, not those that are to be measured on the ladder.
    lowest, highest
        The ends, which stay.
    levels
        Number of temperatures; 0: as many as give the mean exchange ``acceptance``.
    moves, leapfrog
        As in :class:`~spinnet.dynamics.parallel_tempering.ParallelTempering`.
    steps, rounds
        Steps of the first round (half of them warm-up), and number of rounds, each twice as long as the one before.
    """
    lowest, highest = real_number("lowest", lowest, above=0.0), real_number("highest", highest, above=0.0)
    if highest <= lowest:
        raise InputError(f"lowest = {lowest:g}, highest = {highest:g}: give two temperatures in increasing order")
    acceptance, fixed = real_number("acceptance", acceptance, above=0.0), whole_number("levels", levels)
    if acceptance >= 1.0:
        raise InputError(f"acceptance = {acceptance:g}: give a probability below 1")
    if fixed == 1:
        raise InputError("levels = 1: a ladder has two temperatures or more")
    ladder = np.geomspace(lowest, highest, fixed or 8)
    for number in range(rounds):
        found, length = ladder, steps * 2**number
        runs = [Trial(number, k, 0, length) for k in range(len(landscapes))]
        pairs = zip(landscapes, runs, strict=True)
        trials = [_trial(where, ladder, moves, leapfrog, run, seed) for where, run in pairs]
        refused = 1.0 - np.mean(trials, axis=0)
        if number == rounds - 1:
            break
        wanted = fixed or max(2, 1 + int(np.ceil(np.maximum(refused, 1e-6).sum() / (1.0 - acceptance))))
        ladder = equal_rejection(ladder, refused, wanted)
    return Ladder(found, 1.0 - refused, float(refused.sum()))


def _trial(landscape, ladder, moves, leapfrog, run: Trial, seed: int) -> np.ndarray:
    """Mean exchange probabilities of one trial run, (levels − 1,)."""
    # Imported here: that module places the temperatures of its runs by this one.
    from spinnet.dynamics.parallel_tempering import ParallelTempering

    dynamics = ParallelTempering(ladder, _COPIES, moves=moves, leapfrog=leapfrog, warm_up=max(1, run.warm_up))
    replicas = _COPIES * len(ladder)
    state = dynamics.init(landscape, trial_start(landscape, replicas, run, seed), trial_keys(replicas, run, seed))
    state = dynamics.advance(landscape, state, run.length)
    sums = state.exchange_probability.reshape(_COPIES, -1).sum(axis=0)[:-1]
    return sums / np.maximum(state.exchanges.reshape(_COPIES, -1).sum(axis=0)[:-1], 1)
