"""Sweeps of single flips over networks of patterns, beside NumPy and beside compiled loops in float32.

All make the same proposals in the same order, site after site, from the same start, with the overlaps of all patterns
made once and kept, and must arrive at the same configuration. NumPy has one vector operation over the patterns for each
step of the sum; the compiled peer is the plain double loop over float32 patterns, a contiguous row per site, as it is
and with numba's fast arithmetic, which makes it run on vectors. Processor time is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from spinnet.benchmarks.random_energy import least_seconds
from spinnet.benchmarks.rows import row

N, PATTERNS = 4096, 400
SWEEPS = 8
#: A network whose patterns in float32 fill a gigabyte's tenth, beyond the caches.
LARGE_N, LARGE_PATTERNS, LARGE_SWEEPS = 16384, 1600, 2
NUMPY_TARGET, NUMBA_TARGET = 20.0, 4.0
_DOWNHILL = -5e-324


def describe() -> str:
    """What is measured."""
    return (
        f"sequential sweeps, N = {N}, P = {PATTERNS}, one core, processor time: {SWEEPS} sweeps downhill from a random "
        "start and with Metropolis' rule at T = 1, overlaps made first; against NumPy and against numba in float32; "
        f"and a network with N = {LARGE_N}, P = {LARGE_PATTERNS}, beyond the caches in float32"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of a few rounds."""
    rounds = 3 if quick else 12
    rows = []
    for name, landscape in models().items():
        for rule in ("downhill", "Metropolis"):
            rows += compare(name, landscape, rule, SWEEPS, rounds)
    return rows if quick else rows + compare("Hopfield, large", large(), "downhill", LARGE_SWEEPS, 2)


def compare(name: str, landscape: Any, rule: str, sweeps: int, rounds: int) -> list[dict[str, Any]]:
    """A row for each peer, which must arrive at the same configuration."""
    start, sites, thresholds = proposals(landscape, rule, sweeps)
    mine, flips = landscape.flip_sites(start, sites, thresholds)
    share, rate = float(flips[0]) / len(sites), len(sites) / 1e6
    value = rate / least_seconds(lambda: landscape.flip_sites(start, sites, thresholds), rounds)
    rows = []
    peers = (
        ("NumPy", numpy_sweeps, NUMPY_TARGET),
        ("numba float32", lambda model: numba_sweeps(model, fast=False), NUMBA_TARGET),
        ("numba float32, fast arithmetic", numba_sweeps, NUMBA_TARGET),
    )
    for peer, make, target in peers:
        sweep = make(landscape)
        arguments = start[0], sites[:, 0], thresholds[:, 0]
        if (sweep(*arguments) != mine[0]).any():
            raise ArithmeticError(f"{peer}: another configuration than ours: nothing was compared")
        calls = 1 if peer == "NumPy" else rounds
        reference = rate / least_seconds(lambda sweep=sweep, arguments=arguments: sweep(*arguments), calls)
        what = f"{name}, {rule} ({share:.2g} flipped), against {peer}"
        rows.append(row(what, value, reference, target, "M proposals/s"))
    return rows


def models() -> dict[str, Any]:
    """The two networks."""
    from spinnet.landscapes import HopfieldModel, TeacherStudentPerceptron

    return {
        "Hopfield": HopfieldModel(N, patterns=PATTERNS, seed=1),
        "Ising perceptron": TeacherStudentPerceptron(N - 1, patterns=PATTERNS, seed=1),
    }


def large() -> Any:
    """The network beyond the caches."""
    from spinnet.landscapes import HopfieldModel

    return HopfieldModel(LARGE_N, patterns=LARGE_PATTERNS, seed=1)


def proposals(landscape: Any, rule: str, sweeps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A start, and sites and thresholds of all sweeps."""
    rng = np.random.default_rng(1)
    sites = np.tile(np.arange(landscape.n), sweeps)[:, None]
    thresholds = np.full((len(sites), 1), _DOWNHILL)
    if rule == "Metropolis":
        thresholds = rng.exponential(size=thresholds.shape)
    return landscape.start(1, rng), sites, thresholds


def patterns_of(landscape: Any) -> np.ndarray:
    """Patterns (with labels) by sites, float32, (n, P)."""
    from spinnet.landscapes.packed_patterns import unpack_signs

    return np.ascontiguousarray(unpack_signs(landscape._words, landscape.n).T, dtype=np.float32)


def is_memory(landscape: Any) -> bool:
    """Whether the energy is that of Hopfield."""
    return type(landscape).__name__ == "HopfieldModel"


def numpy_sweeps(landscape: Any) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """The sweep in NumPy, a few vector operations over the patterns per proposal."""
    xi, n = patterns_of(landscape), landscape.n

    def hopfield(x, sites, thresholds):
        spins = x.astype(np.float32)
        overlaps = spins @ xi
        for i, threshold in zip(sites, thresholds, strict=True):
            if (2.0 / n) * float(spins[i] * (xi[i] @ overlaps) - landscape.n_patterns) <= threshold:
                overlaps -= 2.0 * spins[i] * xi[i]
                spins[i] = -spins[i]
        return spins

    def perceptron(x, sites, thresholds):
        spins = x.astype(np.float32)
        stabilities = spins @ xi
        errors = np.count_nonzero(stabilities < 0)
        for i, threshold in zip(sites, thresholds, strict=True):
            trial = stabilities - 2.0 * spins[i] * xi[i]
            then = np.count_nonzero(trial < 0)
            if then - errors <= threshold:
                stabilities, errors, spins[i] = trial, then, -spins[i]
        return spins

    return hopfield if is_memory(landscape) else perceptron


def numba_sweeps(landscape: Any, fast: bool = True) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
    """The sweep as a plain compiled loop in float32; ``fast`` lets numba reorder sums, and so use vectors."""
    import numba

    xi = patterns_of(landscape)

    @numba.njit(fastmath=fast)
    def hopfield(xi, spins, overlaps, sites, thresholds):
        for s in range(len(sites)):
            i, field = sites[s], np.float32(0.0)
            for mu in range(len(overlaps)):
                field += xi[i, mu] * overlaps[mu]
            if (2.0 / len(spins)) * np.float64(spins[i] * field - len(overlaps)) <= thresholds[s]:
                step = np.float32(2.0) * spins[i]
                for mu in range(len(overlaps)):
                    overlaps[mu] -= step * xi[i, mu]
                spins[i] = -spins[i]

    @numba.njit(fastmath=fast)
    def perceptron(xi, spins, stabilities, sites, thresholds):
        zero, one = np.float32(0.0), np.float32(1.0)
        errors = zero
        for mu in range(len(stabilities)):
            errors += one if stabilities[mu] < zero else zero
        for s in range(len(sites)):
            i, then = sites[s], zero
            step = np.float32(2.0) * spins[i]
            for mu in range(len(stabilities)):
                then += one if stabilities[mu] - step * xi[i, mu] < zero else zero
            if np.float64(then - errors) <= thresholds[s]:
                for mu in range(len(stabilities)):
                    stabilities[mu] -= step * xi[i, mu]
                spins[i], errors = -spins[i], then

    compiled = hopfield if is_memory(landscape) else perceptron
    overlaps = {}  # of the start, made once: a product by BLAS, on its threads, is no part of a sweep

    def sweep(x, sites, thresholds):
        spins = x.astype(np.float32)
        if not overlaps:
            overlaps[0] = spins @ xi
        compiled(xi, spins, overlaps[0].copy(), sites, thresholds)
        return spins

    return sweep
