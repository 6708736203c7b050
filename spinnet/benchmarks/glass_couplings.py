"""Couplings of a spherical 3-spin glass that are made when they are needed, beside the stored ones.

The reference is the dense kind with the very same couplings in memory, in float32, on the same threads and in the same
rounds; it must give the same gradient to rounding. At N = 4096 the dense kind would need 43 GiB: there the seconds of
one gradient stand beside the seconds that are wanted.
"""

from __future__ import annotations

import functools
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spinnet.benchmarks.glass_gradient import best_seconds
from spinnet.benchmarks.rows import row

THREADS = 2
REPLICAS = 64
N_QUICK = 512
N = 1024
N_LARGE = 4096
#: Seconds that one gradient of this many replicas may take at N_LARGE.
WANTED = {1: 3.0, REPLICAS: 40.0}


def describe() -> str:
    """What is measured."""
    return (
        f"gradient of the spherical p = 3 glass, {THREADS} threads, float32: hashed and binary couplings against the "
        f"same couplings stored, gradients per second and bytes; seconds at N = {N_LARGE}, where they cannot be stored"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of alternating rounds."""
    rows = against_stored(N_QUICK if quick else N, rounds=2 if quick else 4)
    return rows if quick else rows + at_large_size(N_LARGE)


def kinds() -> dict[str, type]:
    """The kinds without stored numbers."""
    from spinnet.landscapes.binary_couplings import BinaryCouplings
    from spinnet.landscapes.hashed_couplings import HashedCouplings

    return {"hashed": HashedCouplings, "binary": BinaryCouplings}


def against_stored(n: int, rounds: int) -> list[dict[str, Any]]:
    """Gradients per second of each kind over those of the dense kind with the same couplings, and their memory."""
    from spinnet.landscapes.couplings import DenseCouplings

    dense = DenseCouplings(n, 3, 1.0, 0, 0, "float32")
    targets = {("hashed", REPLICAS): ">= 0.5", ("binary", REPLICAS): ">= 1"}
    rows = []
    for name, kind in kinds().items():
        couplings = kind(n, 3, 1.0, 0, 0, "float32")
        store(couplings, dense)
        for replicas in (1, REPLICAS):
            x = np.random.default_rng(replicas).standard_normal((replicas, n))
            check(name, couplings.gradient(x, THREADS), dense.gradient(x, THREADS))
            mine, stored = best_seconds(
                [functools.partial(one.gradient, x, THREADS) for one in (couplings, dense)], rounds
            )
            what = f"{name}, {count_of(replicas)}, N = {n}, against dense"
            rows.append(row(what, replicas / mine, replicas / stored, targets.get((name, replicas), ""), "gradients/s"))
        mine, stored = (float(one.n_bytes(n, 3, "float32")) for one in (couplings, dense))
        rows.append(row(f"{name}, memory, N = {n}, against dense", mine, stored, f"<= {1 / 30:.4f}", "bytes"))
    return rows


def at_large_size(n: int) -> list[dict[str, Any]]:
    """Seconds of one gradient over the seconds that are wanted."""
    rows = []
    for name, kind in kinds().items():
        couplings = kind(n, 3, 1.0, 0, 0, "float32")
        for replicas, wanted in WANTED.items():
            x = np.random.default_rng(replicas).standard_normal((replicas, n))
            calls = 3 if replicas == 1 else 1
            mine = min(seconds(functools.partial(couplings.gradient, x, THREADS)) for _ in range(calls))
            rows.append(row(f"{name}, {count_of(replicas)}, N = {n}", mine, wanted, "<= 1", "s"))
    return rows


def seconds(function: Callable[[], Any]) -> float:
    """Of one call: the kernels are compiled by now."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def store(couplings, dense) -> None:
    """Put the same couplings into the memory of the dense kind."""
    blocks = -(-couplings.n // 4)
    for (block, start, stop, line), values in couplings.units():
        size = 16 * (stop - start) * (blocks - block)
        dense.values[16 * line : 16 * line + size] = couplings.scale * values[:size]


def check(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    """Refuse to compare what does not give the same result."""
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    if not difference < 1e-5:
        raise ArithmeticError(f"{name}: its gradient differs by {difference:.1e}: nothing was compared")


def count_of(replicas: int) -> str:
    """In words."""
    return "one state" if replicas == 1 else f"{replicas} replicas"


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv[1:])))
