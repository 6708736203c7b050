"""Exact funnels of one sample: free energy against the overlap with the native state, folding and glass temperature."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Signal
from spinnet.landscapes.enumeration import check_betas
from spinnet.landscapes.indexed_levels import IndexedLevels

#: All levels are held twice, in order and by shell.
LARGEST_N = 24
#: States with |Q| below this are the ones that know nothing of the native state.
OUTER = 0.15
_HOTTEST = 100.0
_SCAN = 50


@dataclass(frozen=True)
class FunnelSummary:
    """Numbers of one sample; energies extensive, temperatures NaN where there is none.

    Attributes
    ----------
    native_energy, ground_state : float
        Energies of the native state and of the lowest level.
    stability_gap : float
        Lowest energy at Q < 1/2 less that of the native state: negative where the native state is not the lowest.
    outer_mean, outer_deviation : float
        Mean of the energies at |Q| < 0.15, and σ, the root of the variance within shells averaged over them: the slope
        of a funnel is no roughness.
    entropy : float
        S₀ = N ln 2.
    glass_temperature : float
        T_g = σ/√(2S₀).
    stability : float
        Λ = δE/(σ√(2S₀)), δE = outer_mean − native_energy: the frustration index.
    folding_temperature : float
        Where the native state has the weight one half. NaN unless it is the only lowest level.
    half_overlap_temperature : float
        The highest T at which ⟨Q⟩ = 1/2.
    random_energy_temperature : float
        T_f = [δE + √(δE² − 2S₀σ²)]/(2S₀), what independent energies of these moments would have; NaN for Λ < 1.
    """

    native_energy: float
    ground_state: float
    stability_gap: float
    outer_mean: float
    outer_deviation: float
    entropy: float
    glass_temperature: float
    stability: float
    folding_temperature: float
    half_overlap_temperature: float
    random_energy_temperature: float


def refuse_large_funnel(n: int) -> None:
    """Refuse a number of spins whose levels cannot be held."""
    if n > LARGEST_N:
        raise InputError(f"n = {n}: funnels are exact for n up to {LARGEST_N}")


class ExactFunnel:
    """All levels of one sample, ordered by their distance from the native state.

    Parameters
    ----------
    landscape
        Numbered levels with a signal, N up to 24. The native state is the signal's configuration; shell k holds the
        C(N, k) states with k spins turned away from it, Q = 1 − 2k/N.

    Raises
    ------
    CapabilityError, InputError
        For a landscape without levels or signal, and for one that is too large.

    Notes
    -----
    O(2^N) memory, 24 bytes per level; every temperature costs one exponential per level.
    """

    def __init__(self, landscape: IndexedLevels):
        if not (isinstance(landscape, IndexedLevels) and isinstance(landscape, Signal)):
            name = type(landscape).__name__
            raise CapabilityError(f"a funnel needs numbered levels and a signal, which {name} lacks")
        n = landscape.n
        refuse_large_funnel(n)
        self.n = n
        energy = np.array(landscape.all_levels())
        native = landscape.index_of(np.where(landscape.signal > 0, 1, -1)[None])[0]
        turned = np.bitwise_count(np.arange(len(energy), dtype=np.uint64) ^ native)
        order = np.argsort(turned, kind="stable")
        self._energy = energy[order]
        counts = np.array([math.comb(n, k) for k in range(n + 1)])
        self._counts, self._starts = counts, np.concatenate([[0], np.cumsum(counts)[:-1]])
        self.lowest = np.minimum.reduceat(self._energy, self._starts)
        self._above = self._energy - np.repeat(self.lowest, counts)

    @property
    def overlap(self) -> np.ndarray:
        """Q of each shell, from 1 down to −1, ``(n + 1,)``."""
        return 1.0 - 2.0 * np.arange(self.n + 1) / self.n

    @property
    def log_count(self) -> np.ndarray:
        """S(Q) = ln C(N, k), ``(n + 1,)``."""
        return np.log(self._counts.astype(float))

    def shell_moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the energies of each shell, ``(n + 1,)`` each."""
        mean = self.lowest + np.add.reduceat(self._above, self._starts) / self._counts
        centred = self._energy - np.repeat(mean, self._counts)
        return mean, np.sqrt(np.add.reduceat(centred**2, self._starts) / self._counts)

    def log_partition(self, beta: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """ln Σ_{σ in shell} e^{−βE} and the mean energy of each shell, both ``(betas, n + 1)``."""
        betas = check_betas(beta)
        log_z, mean = np.empty((2, len(betas), self.n + 1))
        for b, value in enumerate(betas):
            weight = np.exp(-value * self._above)
            total = np.add.reduceat(weight, self._starts)
            log_z[b] = np.log(total) - value * self.lowest
            mean[b] = self.lowest + np.add.reduceat(weight * self._above, self._starts) / total
        return log_z, mean

    def log_odds(self, temperature: float) -> float:
        """ln(P_native/(1 − P_native))."""
        log_z = self.log_partition(1.0 / temperature)[0][0]
        others = log_z[1:].max() + math.log(np.exp(log_z[1:] - log_z[1:].max()).sum())
        return float(log_z[0] - others)

    def mean_overlap(self, temperature: float) -> float:
        """⟨Q⟩."""
        return float(mean_overlaps(self.overlap, self.log_partition(1.0 / temperature)[0])[0])

    def summary(self) -> FunnelSummary:
        """The numbers of :class:`FunnelSummary`: about 100 sums over all levels."""
        outer = np.abs(self.overlap) < OUTER
        means, deviations = self.shell_moments()
        share = np.where(outer, self._counts, 0.0) / self._counts[outer].sum()
        mean, deviation = float(share @ means), math.sqrt(float(share @ deviations**2))
        native = float(self.lowest[0])
        entropy, far = self.n * math.log(2.0), float(self.lowest[self.overlap < 0.5].min())
        scale = deviation * math.sqrt(2.0 * entropy)
        stability = (mean - native) / scale if scale > 0 else math.inf
        predicted = math.nan
        if 1.0 <= stability < math.inf:
            predicted = deviation / math.sqrt(2.0 * entropy) * (stability + math.sqrt(stability**2 - 1.0))
        unique = self.lowest[1:].min() > native
        folding = math.nan
        if unique:  # the odds then rise without end as T falls, and without turning
            folding = _highest_root(self.log_odds, self._scales())
        half = _highest_root(lambda t: self.mean_overlap(t) - 0.5, self._scales())
        return FunnelSummary(
            native, float(self.lowest.min()), far - native, mean, deviation, entropy,
            deviation / math.sqrt(2.0 * entropy), stability, folding, half, predicted,
        )  # fmt: skip

    def _scales(self) -> np.ndarray:
        """Temperatures from high to low between which roots are looked for."""
        unit = max(float(self._energy.std()), 1e-300) / math.sqrt(self.n)
        return unit * np.geomspace(_HOTTEST, 1e-2, _SCAN)


def mean_overlaps(overlap: np.ndarray, log_partition: np.ndarray) -> np.ndarray:
    """⟨Q⟩ from ln Z of the shells, ``(temperatures, shells)``: shape ``(temperatures,)``."""
    weight = np.exp(log_partition - log_partition.max(axis=-1, keepdims=True))
    return (weight @ overlap) / weight.sum(axis=-1)


def _highest_root(function, falling: np.ndarray) -> float:
    """The first zero of a function that is negative at the first of some falling temperatures; NaN if there is none."""
    high, above = falling[0], function(falling[0])
    for low in falling[1:]:
        below = function(low)
        if above < 0.0 <= below:
            break
        high, above = low, below
    else:
        return math.nan
    while high - low > 1e-10 * high:  # bisection, with a secant step where it falls well inside
        guess = low + (high - low) * below / (below - above)
        middle = guess if abs(guess - 0.5 * (low + high)) < 0.4 * (high - low) else 0.5 * (low + high)
        value = function(middle)
        if value < 0.0:
            high, above = middle, value
        else:
            low, below = middle, value
    return float(0.5 * (low + high))
