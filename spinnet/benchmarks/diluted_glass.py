"""The gradient of a diluted spherical 3-spin glass: terms per second of one core, each replica counted.

The peer's way is a list of (i, j, k, J), 16 bytes per term in random order, and a loop that adds each term to three
places of the gradient, one replica at a time; a public C++ code that does this takes 7–12 ns per term and step. It gets
the same terms in single precision and must arrive at the same gradient. Processor time of one thread is counted, so
that other work on the machine is not (though it shares the memory).

At N = 65,536 a part of the N² terms is measured, those of the first blocks: the peer's list of all would take 64 GiB,
and one gradient of many replicas a minute.
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spinnet.benchmarks.rows import row

#: Spins, terms, and the longest time per term in nanoseconds: for one state, and for each of many.
SIZES = ((4096, 1 << 24, 4.0, 0.5), (65536, 1 << 28, 4.0, 1.0))
REPLICAS = 32
#: The peer's time per term does not depend on how many there are; these are 128 MiB, which no cache holds.
PEER_TERMS = 1 << 23


def describe() -> str:
    """What is measured."""
    return (
        "gradient of the diluted p = 3 glass, one thread, float32, terms regenerated: terms per second of processor "
        f"time, each replica counted, for one state and for {REPLICAS}, against a list of (i, j, k, J) in random "
        "order; targets are values"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of a few rounds."""
    from spinnet.landscapes.diluted_couplings import DilutedCouplings

    rows = []
    for n, terms, *targets in SIZES:
        couplings = DilutedCouplings(n, 3, 1.0, seed=1, sample=0, dtype="float32")
        rows += compare(first_part(couplings, terms), targets, rounds=1 if quick else 4)
    return rows


def compare(couplings, targets: list[float], rounds: int) -> list[dict[str, Any]]:
    """Both numbers of replicas against the peer's loop."""
    n = couplings.n
    x = np.random.default_rng(1).standard_normal((REPLICAS, n))
    indices, values = some_terms(couplings, PEER_TERMS)
    loop, state, sums = list_loop(), x[0].astype(np.float32), np.zeros(n, dtype=np.float32)
    check(couplings, x)
    rows = []
    for replicas, target in zip((1, REPLICAS), targets, strict=True):
        block = np.ascontiguousarray(x[:replicas])
        mine, theirs = least_seconds(
            [lambda block=block: couplings.gradient(block), lambda: loop(indices, values, state, sums)], rounds
        )
        value, reference = replicas * couplings.n_terms / mine / 1e6, len(values) / theirs / 1e6
        name = f"{'one state' if replicas == 1 else f'{replicas} replicas'}, N = {n}, {1e3 / value:.2f} ns"
        rows.append(row(name, value, reference, f">= {1e3 / target:g} ({target:g} ns)", "M terms/s"))
    return rows


def first_part(couplings, terms: int):
    """The same couplings without the rows of blocks that come after the first ``terms`` terms."""
    part = copy.copy(couplings)
    done = np.cumsum(couplings._counts)[couplings._first_blocks[1:] - 1]
    rows = 1 + int(np.searchsorted(done[:-1], terms))
    part._table, part._first_blocks = couplings._table[:rows], couplings._first_blocks[: rows + 1]
    part._counts = couplings._counts[: part._first_blocks[-1]]
    part.n_terms = int(part._counts.sum())
    part._bounds = part._chunk_bounds()
    return part


def some_terms(couplings, count: int) -> tuple[np.ndarray, np.ndarray]:
    """About ``count`` terms from everywhere as a list in random order: sites (terms, 3) and values, 16 B each."""
    step = max(1, couplings.n_terms // count)
    sites, values = [], []
    for some_sites, some_values in couplings.terms():
        sites.append(some_sites[::step].copy())
        values.append(some_values[::step].astype(np.float32))
    order = np.random.default_rng(2).permutation(sum(map(len, values)))
    return np.concatenate(sites)[order], np.concatenate(values)[order]


def check(couplings, x: np.ndarray) -> None:
    """The peer's loop over all terms and the kernels must arrive at the same gradient."""
    loop, state = list_loop(), x[0].astype(np.float32)
    total = np.zeros(couplings.n)
    for sites, values in couplings.terms():
        part = np.zeros(couplings.n, dtype=np.float32)
        loop(sites, values.astype(np.float32), state, part)
        total += part
    for replicas in (1, REPLICAS):
        difference = np.abs(couplings.gradient(x[:replicas])[0] - total).max() / np.abs(total).max()
        if not difference < 1e-5:
            raise ArithmeticError(f"gradients differ by {difference:.1e}: nothing was compared")


@functools.cache
def list_loop() -> Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], None]:
    """The peer's method."""
    import numba

    @numba.njit(fastmath=True, nogil=True)
    def add_terms(indices, values, state, sums):
        for t in range(values.size):
            i, j, k, value = indices[t, 0], indices[t, 1], indices[t, 2], values[t]
            sums[i] += value * state[j] * state[k]
            sums[j] += value * state[i] * state[k]
            sums[k] += value * state[i] * state[j]

    return add_terms


def least_seconds(functions: list[Callable[[], Any]], rounds: int) -> list[float]:
    """Shortest processor time of each in alternating rounds, after one that is not counted."""
    best = [float("inf")] * len(functions)
    for number in range(rounds + 1):
        for i, function in enumerate(functions):
            began = time.thread_time()
            function()
            if number:
                best[i] = min(best[i], time.thread_time() - began)
    return best
