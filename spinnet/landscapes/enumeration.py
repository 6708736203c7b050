"""All 2^N levels once: thermodynamics at many temperatures, histogram and lowest levels in one stream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from spinnet.configurable import whole_number
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.hashed_levels import HashedLevels

#: 2^44 levels take most of a day on one core.
LARGEST_N = 44
LARGEST_LOWEST = 1 << 20
_CHUNKS = 1024


@dataclass(frozen=True)
class Enumeration:
    """What a stream over all levels leaves; energies extensive, one entry per inverse temperature.

    Attributes
    ----------
    beta, log_partition, mean_energy, energy_variance, entropy, participation_ratio : ndarray
        β, ln Z, ⟨H⟩, ⟨H²⟩ − ⟨H⟩², ln Z + β⟨H⟩ and Y₂ = Z(2β)/Z(β)², shape ``(betas,)``.
    ground_state : float
        The lowest energy.
    edges, counts : ndarray
        Bins [edges[k], edges[k+1]) and the number of levels in each; counts has two entries more than there are bins:
        levels below the first edge come first, those from the last edge on come last. Bin k of an energy E is
        ⌊(E − edges[0])·(bins/(edges[−1] − edges[0]))⌋.
    lowest_energy, lowest_index : ndarray
        The lowest levels in rising order, the smaller index first where two are equal.
    """

    beta: np.ndarray
    log_partition: np.ndarray
    mean_energy: np.ndarray
    energy_variance: np.ndarray
    entropy: np.ndarray
    participation_ratio: np.ndarray
    ground_state: float
    edges: np.ndarray
    counts: np.ndarray
    lowest_energy: np.ndarray
    lowest_index: np.ndarray


def refuse_endless_stream(n: int) -> None:
    """Refuse a number of spins whose levels nobody would wait for."""
    if n > LARGEST_N:
        raise InputError(f"n = {n}: enumeration visits 2^n levels, n up to {LARGEST_N}; take a smaller n")


def enumerate_levels(
    landscape: HashedLevels,
    beta: ArrayLike = (),
    *,
    bins: int = 0,
    window: tuple[float, float] | None = None,
    lowest: int = 0,
    threads: int = 1,
) -> Enumeration:
    """Visit every level once.

    Parameters
    ----------
    landscape : HashedLevels
        N up to 44.
    beta : float or sequence of float
        Inverse temperatures, finite and not negative; none: no thermodynamics.
    bins : int
        Bins of the histogram between the two ends of ``window`` (default ±1.1 N).
    lowest : int
        How many of the lowest levels to keep, up to 2²⁰ (fewer if there are fewer levels).
    threads : int
        Results do not depend on it.

    Raises
    ------
    InputError
        For values that are not allowed.

    Notes
    -----
    Sums are relative to the lowest energy met so far, in at most 1024 chunks of a fixed partition that are added in
    order. Memory does not depend on N: 32 kB per temperature, 16 B per kept level and thread.
    """
    if not isinstance(landscape, HashedLevels):
        raise CapabilityError(f"enumeration needs levels made by hashing, which {type(landscape).__name__} has not")
    refuse_endless_stream(landscape.n)
    betas = check_betas(beta)
    bins = whole_number("bins", bins)
    lowest = min(whole_number("lowest", lowest), landscape.n_levels)
    if lowest > LARGEST_LOWEST:
        raise InputError(f"lowest = {lowest}: up to {LARGEST_LOWEST} levels are kept")
    threads = whole_number("threads", threads, minimum=1)
    low, high = (-1.1 * landscape.n, 1.1 * landscape.n) if window is None else map(float, window)
    if not (np.isfinite([low, high]).all() and low < high):
        raise InputError(f"window = {window}: give two finite energies, the lower one first")

    references, sums, parts = _stream(landscape, betas, low, bins, bins / (high - low), lowest, threads)
    energies = np.concatenate([part[1][: part[3][0]] for part in parts])
    indices = np.concatenate([part[2][: part[3][0]] for part in parts])
    order = np.lexsort((indices, energies))[:lowest]
    return Enumeration(
        **combine(betas, references, sums),
        edges=np.linspace(low, high, bins + 1) if bins else np.empty(0),
        counts=sum(part[0] for part in parts) if bins else np.empty(0, dtype=np.int64),
        lowest_energy=energies[order],
        lowest_index=indices[order],
    )


def stream_stretches(landscape: HashedLevels, beta: float, threads: int = 1) -> np.ndarray:
    """ln Z of up to 2¹⁶ stretches of equal length that the levels are divided into, in order of their indices."""
    references, sums, _ = _stream(landscape, np.array([float(beta)]), -1.0, 0, 0.5, 0, threads, 1 << 16)
    return np.log(sums[:, 0, 0]) - beta * references


def _stream(
    landscape: HashedLevels,
    betas: np.ndarray,
    low: float,
    bins: int,
    inverse_width: float,
    lowest: int,
    threads: int,
    chunks: int = _CHUNKS,
) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, ...]]]:
    """References and sums of all chunks, and what each thread counted and held."""
    from spinnet.kernels._threads import run_chunks
    from spinnet.kernels.random_energy import PAIRS, enumerate_chunks

    pairs = landscape.n_levels // 2
    block = min(pairs, PAIRS)
    chunks = min(chunks, pairs // block)
    references, sums = np.empty(chunks), np.empty((chunks, len(betas), 4))
    parts: list[tuple[np.ndarray, ...]] = []

    def start():
        counts = np.zeros(bins + 2, dtype=np.int64)
        held = np.empty(lowest), np.empty(lowest, dtype=np.uint64), np.zeros(1, dtype=np.int64)
        parts.append((counts, *held))

        def task(first: int, last: int) -> None:
            enumerate_chunks(
                *landscape.tree, np.uint64(pairs // chunks), block, betas, first, last, references, sums, low,
                inverse_width, counts, *held,
            )  # fmt: skip

        return task

    run_chunks(start, chunks, threads)
    return references, sums, parts


def check_betas(beta: ArrayLike) -> np.ndarray:
    """Inverse temperatures as an array, finite and not negative."""
    try:
        betas = np.atleast_1d(np.asarray(beta, dtype=np.float64))
    except (TypeError, ValueError):
        betas = np.array([np.nan])
    if betas.ndim != 1 or not np.all(np.isfinite(betas) & (betas >= 0)):
        raise InputError(
            f"beta = {beta}: give finite numbers that are not negative (zero temperature is the ground state: lowest=1)"
        )
    return np.ascontiguousarray(betas)


def combine(betas: np.ndarray, references: np.ndarray, sums: np.ndarray) -> dict[str, np.ndarray | float]:
    """Thermodynamics from the sums of chunks, each relative to its own lowest energy."""
    ground = float(references.min())
    down = (references - ground)[:, None]
    factor = np.exp(-betas * down)
    weight, first, second, square = np.moveaxis(sums, 2, 0)
    second = (factor * (second + down * (2.0 * first + down * weight))).sum(axis=0)
    first = (factor * (first + down * weight)).sum(axis=0)
    weight, square = (factor * weight).sum(axis=0), (factor**2 * square).sum(axis=0)
    log_partition = np.log(weight) - betas * ground
    mean = first / weight
    return {
        "beta": betas,
        "log_partition": log_partition,
        "mean_energy": ground + mean,
        "energy_variance": np.maximum(second / weight - mean**2, 0.0),
        # without the reference: nothing large cancels at low temperature
        "entropy": np.log(weight) + betas * mean,
        "participation_ratio": square / weight**2,
        "ground_state": ground,
    }
