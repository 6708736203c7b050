"""Mean time to the native state, exactly, on one sample of few spins."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import one_of, real_number
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Signal
from spinnet.landscapes.indexed_levels import IndexedLevels

#: 2^n × 2^n rates: 32 MiB, and 3·10⁹ multiply-adds.
LARGEST_N = 11
RULES = ("metropolis", "glauber")


def refuse_large_passage(n: int) -> None:
    """Refuse a number of spins for which the equations are too many."""
    if n > LARGEST_N:
        raise InputError(f"n = {n}: passage times are exact for n up to {LARGEST_N}; take the dynamics FirstPassage")


def mean_passage_times(landscape: IndexedLevels, temperature: float, rule: str = "metropolis") -> np.ndarray:
    """Mean time to the native state (the signal) from every level, in sweeps: shape ``(2^n,)``, in order of numbers."""
    return passage_moments(landscape, temperature, rule, 1)[0]


def passage_moments(
    landscape: IndexedLevels, temperature: float, rule: str = "metropolis", moments: int = 2
) -> np.ndarray:
    """Moments of the time to the native state (the signal) from every level, in sweeps: shape ``(moments, 2^n)``.

    Single flips in continuous time, each site at the rate with which the rule accepts its change: what
    :class:`~spinnet.dynamics.first_passage.FirstPassage` samples. The equations Σ_j k_ij (τ_j − τ_i) = −1, τ_native = 0
    are solved without a subtraction, accurate to rounding however long the times; the k-th moment solves them with k
    times the moment before it in place of 1.

    Parameters
    ----------
    landscape
        Numbered levels with a signal, n ≤ 11.
    temperature
        T > 0 per extensive energy.
    rule : {"metropolis", "glauber"}
    moments : int
        How many, from the mean on.

    Raises
    ------
    CapabilityError, InputError
    """
    if not (isinstance(landscape, IndexedLevels) and isinstance(landscape, Signal)):
        raise CapabilityError(
            f"passages need numbered levels and a signal, which {type(landscape).__name__} lacks"
        )
    refuse_large_passage(landscape.n)
    from spinnet.kernels.first_passage import eliminate_states

    beta = 1.0 / real_number("temperature", temperature, above=0.0)
    native = int(landscape.index_of(np.where(landscape.signal > 0, 1, -1)[None])[0])
    times = np.empty((moments, landscape.n_levels))
    costs = np.ones(landscape.n_levels)
    number = RULES.index(one_of("rule", rule, RULES))
    levels = np.array(landscape.all_levels(), dtype=np.float64)
    for k in range(moments):
        eliminate_states(levels, landscape.n, native, beta, number, costs, times[k])
        costs = (k + 2.0) * times[k]
    return times
