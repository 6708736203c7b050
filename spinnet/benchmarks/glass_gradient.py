"""The gradient of the spherical 3-spin glass, beside the machine's memory and beside BLAS on the dense tensor.

One state reads each coupling once and does little with it: it is measured against the best rate at which the same two
threads read a gigabyte. The peers keep the symmetric tensor with all N³ entries, g_i = 3 Σ_jk T_ijk σ_j σ_k, and have
the ways of contracting it that are open to BLAS: by rows (T σ, then σ again) or by pairs (T times σ ⊗ σ), in slabs
that stay in the cache, with NumPy or PyTorch. The fastest one is the reference. All use float32, the same couplings in
memory and two threads, and must arrive at the same gradient to rounding.

BLAS takes its number of threads from the environment when it is loaded, so that the measurements run in a process of
their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from spinnet.benchmarks.rows import row

THREADS = 2
REPLICAS = 64
N = 512
N_LARGE = 1024
READ_BYTES = 1 << 30
SLABS = (4, 16, 64)


def describe() -> str:
    """What is measured."""
    return (
        f"gradient of the spherical p = 3 glass, {THREADS} threads, float32: couplings read per second (counted once, "
        f"4 bytes each) against the best read of 1 GiB; one state and {REPLICAS} replicas, N = {N}, against the best "
        "of NumPy and PyTorch on the dense tensor"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of alternating rounds."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
    environment = {**os.environ, **{name: str(THREADS) for name in names}}
    command = [sys.executable, "-m", "spinnet.benchmarks.glass_gradient", *(["--quick"] if quick else [])]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(quick: bool) -> list[dict[str, Any]]:
    """The measurements themselves, in this process."""
    from spinnet.landscapes import SphericalGlass

    glass = SphericalGlass(N, {3: 1.0}, seed=1, threads=THREADS)
    rows = against_memory(glass, rounds=10 if quick else 30)
    if not quick:
        large = SphericalGlass(N_LARGE, {3: 1.0}, seed=1, threads=THREADS)
        rows += against_memory(large, rounds=15)
        del large
    tensor = dense_tensor(glass)
    rows.append(against_peers(glass, tensor, 1, rounds=5 if quick else 15))
    rows.append(against_peers(glass, tensor, REPLICAS, rounds=2 if quick else 4))
    return rows


def against_memory(glass, rounds: int) -> list[dict[str, Any]]:
    """Couplings per second of one state, in bytes, over the best read."""
    from spinnet.kernels import read_bandwidth
    from spinnet.kernels._threads import run_chunks

    numbers = np.ones(READ_BYTES // 4, dtype=np.float32)
    halves = np.array_split(numbers, THREADS)
    x = glass.space.sample(1, np.random.default_rng(1))
    reads = [
        lambda kernel=kernel: run_chunks(lambda: lambda first, last: kernel(halves[first]), THREADS, THREADS)
        for kernel in (read_bandwidth.sum_numbers, read_bandwidth.sum_quarters)
    ]
    mine, *theirs = best_seconds([lambda: glass.gradient(x), *reads], rounds)
    value = 4.0 * glass.n_couplings / mine / 1e9
    reference = numbers.nbytes / min(theirs) / 1e9
    return [row(f"one state, N = {glass.n}, against a read", value, reference, 0.85, "GB/s")]


def against_peers(glass, tensor: np.ndarray, replicas: int, rounds: int) -> dict[str, Any]:
    """Gradients of replicas per second, over the best peer's."""
    x = glass.space.sample(replicas, np.random.default_rng(2))
    states = x.astype(np.float32)
    ways = {**numpy_ways(tensor, states), **torch_ways(tensor, states)}
    expected = glass.gradient(x)
    for name, way in ways.items():
        difference = np.abs(way() - expected).max() / np.abs(expected).max()
        if not difference < 1e-5:
            raise ArithmeticError(f"{name}: its gradient differs by {difference:.1e}: nothing was compared")
    # Two rounds choose the best way, and only that is measured in earnest.
    first = dict(zip(ways, best_seconds(list(ways.values()), 2, calls=1), strict=True))
    best = min(first, key=first.get)
    mine, theirs = best_seconds([lambda: glass.gradient(x), ways[best]], rounds)
    what = "one state" if replicas == 1 else f"{replicas} replicas"
    missing = "" if any(name.startswith("PyTorch") for name in ways) else "; PyTorch is not installed"
    name = f"{what}, N = {glass.n}, against {best}{missing}"
    return row(name, replicas / mine, replicas / theirs, 4.0 if replicas == 1 else 2.7, "gradients/s")


def numpy_ways(tensor: np.ndarray, states: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Ways of contracting the dense tensor with BLAS, gradients as (replicas, n)."""
    n = len(tensor)
    if len(states) == 1:
        (s,) = states
        return {
            "NumPy by rows": lambda: 3.0 * ((tensor.reshape(n * n, n) @ s).reshape(n, n) @ s)[None],
            "NumPy by pairs": lambda: 3.0 * (tensor.reshape(n, n * n) @ np.outer(s, s).ravel())[None],
        }
    turned = np.ascontiguousarray(states.T)

    def by_rows(slab):
        result = np.empty_like(turned)
        for i in range(0, n, slab):
            rows = (tensor[i : i + slab].reshape(-1, n) @ turned).reshape(-1, n, len(states))
            np.einsum("ija,ja->ia", rows, turned, out=result[i : i + slab])
        return 3.0 * result.T

    def by_lanes(slab):
        result = np.empty_like(states)
        for i in range(0, n, slab):
            rows = (states @ tensor[i : i + slab].reshape(-1, n).T).reshape(len(states), -1, n)
            np.matmul(rows, states[:, :, None], out=result[:, i : i + slab, None])
        return 3.0 * result

    def by_pairs(slab):
        result = np.zeros_like(turned)
        for j in range(0, n, slab):
            pairs = (turned[j : j + slab, None] * turned).reshape(-1, len(states))
            result += tensor[j : j + slab].reshape(-1, n).T @ pairs
        return 3.0 * result.T

    ways = {"rows": by_rows, "lanes": by_lanes, "pairs": by_pairs}
    return {f"NumPy by {k}, slabs of {m}": lambda w=w, m=m: w(m) for k, w in ways.items() for m in SLABS}


def torch_ways(tensor: np.ndarray, states: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """The same with PyTorch; nothing where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch
        except ImportError:
            return {}
    torch.set_num_threads(THREADS)
    n = len(tensor)
    dense, lanes = torch.from_numpy(tensor), torch.from_numpy(states)
    if len(states) == 1:
        s = lanes[0]
        return {
            "PyTorch by rows": lambda: 3.0 * ((dense.view(n * n, n) @ s).view(n, n) @ s).numpy()[None],
            "PyTorch by pairs": lambda: 3.0 * (dense.view(n, n * n) @ torch.outer(s, s).view(-1)).numpy()[None],
        }
    turned = lanes.T.contiguous()

    def by_rows(slab):
        parts = [
            ((dense[i : i + slab].reshape(-1, n) @ turned).view(-1, n, len(lanes)) * turned).sum(1)
            for i in range(0, n, slab)
        ]
        return 3.0 * torch.cat(parts).T.numpy()

    def by_pairs(slab):
        result = torch.zeros_like(turned)
        for j in range(0, n, slab):
            pairs = (turned[j : j + slab, None] * turned).view(-1, len(lanes))
            result.addmm_(dense[j : j + slab].reshape(-1, n).T, pairs)
        return 3.0 * result.T.numpy()

    ways = {"rows": by_rows, "pairs": by_pairs}
    return {f"PyTorch by {k}, slabs of {m}": lambda w=w, m=m: w(m) for k, w in ways.items() for m in SLABS}


def dense_tensor(glass) -> np.ndarray:
    """The symmetric tensor T with H = Σ_ijk T_ijk σ_i σ_j σ_k over all i, j, k: float32, N³ entries."""
    n = glass.n
    sorted_only = np.zeros((n, n, n), dtype=np.float32)
    (term,) = glass.terms
    for (i, j, k), block in term.blocks():
        sorted_only[i, j, k] = block
    # Mean over the six orders of the indices, three and two at a time.
    tensor = sorted_only + sorted_only.transpose(0, 2, 1)
    del sorted_only
    return (tensor + tensor.transpose(1, 0, 2) + tensor.transpose(2, 1, 0)) / np.float32(6.0)


def best_seconds(functions: list[Callable[[], Any]], rounds: int, calls: int = 3) -> list[float]:
    """Shortest time of each: ``calls`` in a row, in alternating rounds after one that is not counted."""
    best = [float("inf")] * len(functions)
    for number in range(rounds + 1):
        for i, function in enumerate(functions):
            for _ in range(calls if number else 1):
                began = time.perf_counter()
                function()
                if number:
                    best[i] = min(best[i], time.perf_counter() - began)
    return best


if __name__ == "__main__":
    print(json.dumps(measure("--quick" in sys.argv[1:])))
