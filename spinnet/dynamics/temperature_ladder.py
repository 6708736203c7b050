"""Where to put the temperatures of a ladder: at equal rejection of exchanges, measured in trial runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.dynamics.parallel_tempering import ParallelTempering
from spinnet.errors import InputError
from spinnet.landscapes.base import Energy
from spinnet.randomness import counter_keys, stream

#: Disorder sample numbers of trial runs, far above those of campaigns.
_FIRST_TRIAL, _TRIALS = 1_000_000_007, 2
_FEWEST_STEPS, _ROUNDS, _COPIES = 40, 5, 2


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
        As in :class:`ParallelTempering`.
    steps, rounds
        Steps of the first round (half of them warm-up), and number of rounds, each twice as long as the one before.

    References
    ----------
    Syed, Bouchard-Côté, Deligiannidis & Doucet, J. R. Stat. Soc. B 84, 321 (2022), algorithm 2.
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
        trials = [_trial(where, ladder, moves, leapfrog, length, seed, number, k) for k, where in enumerate(landscapes)]
        refused = 1.0 - np.mean(trials, axis=0)
        total = np.concatenate([[0.0], np.cumsum(np.maximum(refused, 1e-6))])
        if number == rounds - 1:
            break
        wanted = fixed or max(2, 1 + int(np.ceil(total[-1] / (1.0 - acceptance))))
        ladder = np.exp(np.interp(np.linspace(0.0, total[-1], wanted), total, np.log(ladder)))
        ladder[0], ladder[-1] = lowest, highest
    return Ladder(found, 1.0 - refused, float(refused.sum()))


def trial_landscapes(landscape: Energy) -> list[Energy]:
    """Disorder samples for trial runs: as ``landscape`` in all parameters but the sample number.

    A landscape without disorder is its own trial.
    """
    kind = type(landscape)
    names = kind.parameters()
    if "sample" not in names or not all(hasattr(landscape, name) for name in names):
        return [landscape]
    given = {name: getattr(landscape, name) for name in names}
    return [kind(**{**given, "sample": _FIRST_TRIAL + k}) for k in range(_TRIALS)]


def _trial(landscape, ladder, moves, leapfrog, steps, seed, round_number, k):
    """Mean exchange probabilities of one trial run, (levels − 1,)."""
    dynamics = ParallelTempering(ladder, _COPIES, moves=moves, leapfrog=leapfrog, warm_up=max(1, steps // 2))
    replicas = _COPIES * len(ladder)
    content = ("temperature ladder", round_number, k)
    x = landscape.start(replicas, stream(seed, *content, "start"))
    state = dynamics.init(landscape, x, counter_keys(seed, replicas, *content, "noise"))
    state = dynamics.advance(landscape, state, steps)
    sums = state.exchange_probability.reshape(_COPIES, -1).sum(axis=0)[:-1]
    return sums / np.maximum(state.exchanges.reshape(_COPIES, -1).sum(axis=0)[:-1], 1)
