"""The gradient of a diluted spherical 3-spin glass, in nanoseconds per term, replica and core.

The peer's way is a list of (i, j, k, J), 16 bytes per term in random order, and a loop that adds each term to three
places of the gradient, one replica at a time; a public C++ code that does this takes 7–12 ns per term and step. It gets
the same terms in single precision and must arrive at the same gradient. Processor time of one thread is counted, so
that other work on the machine is not (though it shares the memory).

At N = 65,536 the terms are a sample of c N² with c = 1/16: with c = 1 the peer's list would take 64 GiB. A sample is
the harder case, since fewer terms share what is fetched for a block; below 1/16 that begins to cost more than the sums
(1.5 ns for 32 replicas at c = 1/128), but there the lowest states are condensed and the model is refused.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

SIZES = ((4096, 1.0), (65536, 1 / 16))
REPLICAS = 32
TARGETS = {(4096, 1): 4.0, (65536, 1): 4.0, (4096, REPLICAS): 0.5, (65536, REPLICAS): 1.0}
#: The peer's time per term does not depend on how many there are; these are 128 MiB, which no cache holds.
PEER_TERMS = 1 << 23


def describe() -> str:
    """What is measured."""
    return (
        "gradient of the diluted p = 3 glass, one thread, float32, terms regenerated: processor time per term and "
        f"replica for one state and for {REPLICAS} replicas, against a list of (i, j, k, J) in random order, one "
        "replica at a time (ratio: times faster)"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of a few rounds."""
    from spinnet.landscapes.diluted_couplings import DilutedCouplings

    rows = []
    for n, connectivity in SIZES:
        # Samples of a large system are few terms: only their speed is of interest here.
        term = DilutedCouplings(n, 3, 1.0, seed=1, sample=0, dtype="float32", connectivity=connectivity, force=True)
        rows += compare(term, rounds=1 if quick else 4)
    return rows


def compare(couplings, rounds: int) -> list[dict[str, Any]]:
    """Both numbers of replicas against the peer's loop."""
    n = couplings.n
    x = np.random.default_rng(1).standard_normal((REPLICAS, n))
    indices, values = some_terms(couplings, PEER_TERMS)
    loop, state, sums = list_loop(), x[0].astype(np.float32), np.zeros(n, dtype=np.float32)
    check(couplings, x)
    found, peer = [], float("inf")
    for replicas in (1, REPLICAS):
        block = np.ascontiguousarray(x[:replicas])
        mine, theirs = least_seconds(
            [lambda block=block: couplings.gradient(block), lambda: loop(indices, values, state, sums)], rounds
        )
        found.append((replicas, 1e9 * mine / (replicas * couplings.n_terms)))
        peer = min(peer, 1e9 * theirs / len(values))
    names = {1: "one state", REPLICAS: f"{REPLICAS} replicas"}
    return [
        {
            "name": f"{names[replicas]}, N = {n}, {couplings.n_terms:.2g} terms",
            "value": value, "reference": peer, "ratio": peer / value, "target": f"<= {TARGETS[n, replicas]:g}",
            "unit": "ns/term",
        }
        for replicas, value in found
    ]  # fmt: skip


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
