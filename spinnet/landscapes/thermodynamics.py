"""Exact thermodynamics of one sample of discrete levels: potentials, participation ratios, overlaps, Gibbs samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spinnet.configurable import one_of, whole_number
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.enumeration import (
    check_betas,
    combine,
    enumerate_levels,
    refuse_endless_stream,
    stream_stretches,
)
from spinnet.landscapes.hashed_levels import HashedLevels
from spinnet.landscapes.indexed_levels import IndexedLevels, refuse_long_list
from spinnet.landscapes.log_correlated import LogCorrelatedREM

#: Overlap distributions hold the weights of all levels several times.
LARGEST_OVERLAP_N = 24
#: Gibbs samples re-read the stretches that they fall into.
LARGEST_SAMPLED_N = 36
OVERLAPS = ("hypercube", "tree", "distance")
_PIECE = 1 << 20


@dataclass(frozen=True)
class Thermodynamics:
    """One sample at many inverse temperatures; energies extensive.

    Attributes
    ----------
    beta, log_partition, mean_energy, energy_variance, entropy : ndarray
        β, ln Z, ⟨H⟩, ⟨H²⟩ − ⟨H⟩² and ln Z + β⟨H⟩, shape ``(betas,)``.
    orders : tuple of int
    participation : ndarray
        Y_k = Σ_i w_i^k of the Boltzmann weights, shape ``(orders, betas)``.
    ground_state : float
        The lowest energy.
    """

    beta: np.ndarray
    log_partition: np.ndarray
    mean_energy: np.ndarray
    energy_variance: np.ndarray
    entropy: np.ndarray
    orders: tuple[int, ...]
    participation: np.ndarray
    ground_state: float

    @property
    def free_energy(self) -> np.ndarray:
        """−T ln Z, extensive; −∞ at β = 0."""
        with np.errstate(divide="ignore"):
            return -self.log_partition / self.beta


@dataclass(frozen=True)
class OverlapDistribution:
    """P(q) of two Gibbs samples of one sample of the disorder.

    Attributes
    ----------
    kind : {"hypercube", "tree", "distance"}
    value : ndarray
        Its values in rising order: σ·σ′/N; the number of generations in common; the distance on the domain, at most a
        half (circle) or one (interval).
    probability : ndarray
        Shape ``(betas, values)``, each row with the sum one.
    """

    kind: str
    value: np.ndarray
    probability: np.ndarray


def refuse_unvisited_levels(landscape: type[IndexedLevels], n: int, overlaps: bool) -> None:
    """Refuse a number of spins whose levels cannot all be visited, or have no distribution of overlaps here."""
    refuse_endless_stream(n) if issubclass(landscape, HashedLevels) else refuse_long_list(n)
    if overlaps:
        _refuse_large_overlaps(n)


def _refuse_large_overlaps(n: int) -> None:
    if n > LARGEST_OVERLAP_N:
        raise InputError(f"n = {n}: overlap distributions are exact up to n = {LARGEST_OVERLAP_N}")


def measure_thermodynamics(
    landscape: IndexedLevels, beta: ArrayLike, orders: Sequence[int] = (2, 3, 4), threads: int = 1
) -> Thermodynamics:
    """Sum over all levels, at all temperatures in one stream.

    Parameters
    ----------
    landscape : IndexedLevels
        Hashed levels are streamed (N up to 44, memory independent of N), others listed (N up to 28).
    beta : float or sequence of float
        Finite and not negative.
    orders : sequence of int
        Orders k ≥ 2 of the participation ratios; Y_k = Z(kβ)/Z(β)^k.

    Raises
    ------
    InputError
        For values that are not allowed.
    CapabilityError
        For a landscape that has no numbered levels.
    """
    _require_levels(landscape)
    betas = check_betas(beta)
    orders = tuple(whole_number("order", k, 2) for k in orders)
    everything, place = np.unique(np.concatenate([betas, *(k * betas for k in orders)]), return_inverse=True)
    found = _sum_levels(landscape, everything, threads)
    log_z = found["log_partition"][place].reshape(len(orders) + 1, len(betas))
    at = place[: len(betas)]
    ratios = [np.exp(log_z[i + 1] - k * log_z[0]) for i, k in enumerate(orders)]
    for i, k in enumerate(orders):
        if k == 2:  # the sum of squares itself: no difference of large logarithms
            ratios[i] = found["participation_ratio"][at]
    return Thermodynamics(
        betas, log_z[0], found["mean_energy"][at], found["energy_variance"][at], found["entropy"][at], orders,
        np.array(ratios).reshape(len(orders), len(betas)), found["ground_state"],
    )  # fmt: skip


def _sum_levels(landscape: IndexedLevels, betas: np.ndarray, threads: int) -> dict:
    if isinstance(landscape, HashedLevels):
        found = enumerate_levels(landscape, betas, threads=threads)
        names = ("log_partition", "mean_energy", "energy_variance", "entropy", "participation_ratio", "ground_state")
        return {name: getattr(found, name) for name in names}
    energy = landscape.all_levels()
    ground = float(energy.min())
    sums = np.zeros((1, len(betas), 4))
    for first in range(0, len(energy), _PIECE):
        down = energy[first : first + _PIECE] - ground
        for b, beta in enumerate(betas):
            weight = np.exp(-beta * down)
            share = weight * down
            sums[0, b] += weight.sum(), share.sum(), share @ down, weight @ weight
    return combine(betas, np.array([ground]), sums)


def overlap_distribution(landscape: IndexedLevels, beta: ArrayLike, kind: str = "hypercube") -> OverlapDistribution:
    """P(q) of two independent Gibbs samples, exact, N up to 24.

    Parameters
    ----------
    landscape : IndexedLevels
    beta : float or sequence of float
    kind : {"hypercube", "tree", "distance"}
        The overlap σ·σ′/N of the configurations; the number of generations that two levels share, of a tree of hashed
        levels; the distance of two points, of log-correlated levels.

    Notes
    -----
    The first is the autocorrelation of the weights over ⊕, by two Walsh–Hadamard transforms, O(N 2^N); the second sums
    squared weights of nodes, O(2^N); the third is an autocorrelation by Fourier transform.
    """
    _require_levels(landscape)
    kind = one_of("kind", kind, OVERLAPS)
    _refuse_large_overlaps(landscape.n)
    if kind == "tree" and not isinstance(landscape, HashedLevels):
        raise CapabilityError(f"{type(landscape).__name__} has no tree: take kind = 'hypercube'")
    if kind == "distance" and not isinstance(landscape, LogCorrelatedREM):
        raise CapabilityError(f"the levels of {type(landscape).__name__} lie on no line: take kind = 'hypercube'")
    betas, energy = check_betas(beta), landscape.all_levels()
    value, measure = {"hypercube": _by_spins, "tree": _by_generations, "distance": _by_distance}[kind](landscape)
    rows = []
    for b in betas:
        weight = np.exp(-b * (energy - energy.min()))
        rows.append(measure(weight / weight.sum()))
    return OverlapDistribution(kind, value, np.array(rows))


def _by_spins(landscape: IndexedLevels):
    from spinnet.kernels.ising_pspin import transform_signs

    n = landscape.n
    different = np.bitwise_count(np.arange(landscape.n_levels, dtype=np.uint64))

    def measure(weight: np.ndarray) -> np.ndarray:
        transform_signs(weight)
        np.square(weight, out=weight)
        transform_signs(weight)
        found = np.bincount(different, weights=np.maximum(weight, 0.0), minlength=n + 1) / landscape.n_levels
        return found[::-1]

    return 1.0 - 2.0 * np.arange(n, -1, -1) / n, measure


def _by_generations(landscape: HashedLevels):
    shifts = [landscape.n, *(int(s) for s in landscape.tree[1])]

    def measure(weight: np.ndarray) -> np.ndarray:
        shared = np.array([(weight.reshape(-1, 1 << s).sum(axis=1) ** 2).sum() for s in shifts])
        return shared - np.append(shared[1:], 0.0)

    return np.arange(len(shifts)).astype(float), measure


def _by_distance(landscape: LogCorrelatedREM):
    points = landscape.n_levels
    circle = landscape.domain == "circle"
    size = points if circle else 2 * points
    last = points // 2 if circle else points - 1

    def measure(weight: np.ndarray) -> np.ndarray:
        turned = np.maximum(np.fft.irfft(np.abs(np.fft.rfft(weight, size)) ** 2, size), 0.0)
        found = turned[: last + 1].copy()
        both = np.arange(1, last + 1 if size != 2 * last else last)
        found[both] += turned[size - both]
        return found / found.sum()

    return np.arange(last + 1) / points, measure


def sample_levels(
    landscape: IndexedLevels, beta: float, count: int, rng: np.random.Generator, threads: int = 1
) -> np.ndarray:
    """Numbers of independent, exact Gibbs samples: uint64, shape ``(count,)``.

    Hashed levels are streamed once, and then those stretches again into which a sample falls: memory does not depend
    on N, up to 36. Others are listed.

    Raises
    ------
    InputError
        For values that are not allowed.
    """
    _require_levels(landscape)
    betas = check_betas(beta)
    if len(betas) != 1:
        raise InputError(f"beta = {beta}: Gibbs samples are drawn at one temperature")
    beta, count = float(betas[0]), whole_number("count", count)
    if not isinstance(landscape, HashedLevels):
        return rng.permutation(_draw(-beta * landscape.all_levels(), count, rng)).astype(np.uint64)
    if landscape.n > LARGEST_SAMPLED_N:
        raise InputError(f"n = {landscape.n}: exact samples are drawn for n up to {LARGEST_SAMPLED_N}")
    stretches = stream_stretches(landscape, beta, threads)
    length = landscape.n_levels // len(stretches)
    numbers = [np.empty(0, dtype=np.int64)]
    chosen, counts = np.unique(_draw(stretches, count, rng), return_counts=True)
    for stretch, number in zip(chosen, counts, strict=True):
        first = int(stretch) * length
        energy = landscape.level(np.arange(first, first + length, dtype=np.uint64))
        numbers.append(first + _draw(-beta * energy, int(number), rng))
    return rng.permutation(np.concatenate(numbers)).astype(np.uint64)


def _draw(log_weight: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Places with probabilities in the ratio e^log_weight, in rising order."""
    total = np.cumsum(np.exp(log_weight - log_weight.max()))
    return np.searchsorted(total, np.sort(rng.random(count)) * total[-1], side="right").clip(0, len(total) - 1)


def _require_levels(landscape: object) -> None:
    if not isinstance(landscape, IndexedLevels):
        raise CapabilityError(f"thermodynamics needs numbered levels, which {type(landscape).__name__} has not")
