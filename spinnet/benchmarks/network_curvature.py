"""The curvature of a network 64-30-10 on the digits: dense Hessians, products with directions, spectra.

The dense Hessian stands beside ``vmap(jvp(grad))`` of PyTorch over the unit vectors, products with 16 directions at one
configuration beside curvlinops (where it is not installed: beside the same ``vmap(jvp(grad))``), both sides on one
thread in float64 and equal to 1e-10. The spectra of many replicas as the ``hessian_spectrum`` probe makes them, with
Hessian, checks and spacing ratios, stand beside bare ``eigvalsh`` calls on the whole matrix on the same two cores: one
call per core at a time or one call on both, whichever is faster. The probe gives LAPACK 2,170 of the 2,260 dimensions:
three pixels of the digits never change, and weights that meet no input have eigenvalue zero.

BLAS takes its number of threads from the environment when it is loaded, so that the measurements run in processes of
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
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from spinnet.benchmarks.glass_gradient import best_seconds
from spinnet.benchmarks.rows import row

CORES = 2
REPLICAS = 64
DIRECTIONS = 16
HIDDEN = (30,)
CHUNKS = (16, 64, 256)
#: Replicas whose spectra are made in a quick run and in a full one.
REPLICAS_OF = {True: 4, False: REPLICAS}


def describe() -> str:
    """What is measured."""
    return (
        "curvature of a network 64-30-10 (tanh, cross-entropy, float64) on the digits: dense Hessian against PyTorch's "
        f"vmap(jvp(grad)), products with {DIRECTIONS} directions against curvlinops, one thread; spectra of {REPLICAS} "
        f"replicas against bare eigvalsh, {CORES} cores (for these the ratio is of seconds: smaller is better)"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of alternating rounds."""
    rows = _in_process(1, "--quick" if quick else "--full")
    # Spectra: the reference is the faster of the two ways of using the cores.
    spectra = rows[-1]
    both = REPLICAS_OF[quick] * _in_process(CORES, "--eigvalsh")
    if both < spectra["reference"]:
        spectra["reference"], spectra["ratio"] = both, spectra["value"] / both
        spectra["name"] += ", BLAS on both cores"
    return rows


def _in_process(blas_threads: int, what: str) -> Any:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
    environment = {**os.environ, **{name: str(blas_threads) for name in names}}
    command = [sys.executable, "-m", "spinnet.benchmarks.network_curvature", what]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure(quick: bool) -> list[dict[str, Any]]:
    """The measurements themselves, in this process."""
    network = _network()
    x = network.start(1, np.random.default_rng(1))[0]
    rows = [dense_hessian(network, x, rounds=1 if quick else 3)]
    rows.append(products(network, x, rounds=5 if quick else 20))
    rows.append(spectra(network, REPLICAS_OF[quick]))
    return rows


def dense_hessian(network, x: np.ndarray, rounds: int) -> dict[str, Any]:
    """Hessians per second against PyTorch's, in the best of several chunk sizes."""
    multiply = _torch_products(network, x)
    if multiply is None:
        seconds = best_seconds([lambda: network.hessian(x)], rounds)[0]
        return row("dense Hessian (PyTorch is not installed: no reference)", 1 / seconds, None, ">= 10", "1/s")
    unit = np.eye(network.space.n)
    _agree("PyTorch's Hessian", multiply(unit, CHUNKS[-1]), network.hessian(x))
    ways = {chunk: best_seconds([lambda chunk=chunk: multiply(unit[:512], chunk)], 1, 1)[0] for chunk in CHUNKS}
    best = min(ways, key=ways.get)
    mine, theirs = best_seconds([lambda: network.hessian(x), lambda: multiply(unit, best)], rounds, calls=1)
    name = f"dense Hessian, n = {network.space.n}, against vmap(jvp(grad)) in chunks of {best}"
    return row(name, 1 / mine, 1 / theirs, ">= 10", "1/s")


def products(network, x: np.ndarray, rounds: int) -> dict[str, Any]:
    """Hessian–vector products per second at one configuration."""
    v = np.random.default_rng(2).standard_normal((DIRECTIONS, network.space.n))
    peer, multiply = "curvlinops", _curvlinops_products(network, x, v)
    if multiply is None:
        own = _torch_products(network, x)
        peer, multiply = "vmap(jvp(grad)); curvlinops is not installed", own and (lambda: own(v, DIRECTIONS))
    if multiply is None:
        seconds = best_seconds([lambda: network.hvp_block(x, v)], rounds)[0]
        name = f"{DIRECTIONS} products (neither curvlinops nor PyTorch is installed: no reference)"
        return row(name, DIRECTIONS / seconds, None, ">= 3", "products/s")
    _agree(peer, multiply(), network.hvp_block(x, v))
    mine, theirs = best_seconds([lambda: network.hvp_block(x, v), multiply], rounds)
    name = f"{DIRECTIONS} products at one configuration, against {peer}"
    return row(name, DIRECTIONS / mine, DIRECTIONS / theirs, ">= 3", "products/s")


def spectra(network, replicas: int) -> dict[str, Any]:
    """Seconds of the probe for all replicas against those of as many bare eigvalsh calls, two at a time."""
    from spinnet.probes.hessian_spectrum import HessianSpectrumProbe

    x = network.start(replicas, np.random.default_rng(3))
    matrices = [network.hessian(row) for row in x[:CORES]]
    found = HessianSpectrumProbe(threads=CORES).measure(network, x[:CORES], np.random.default_rng(0))
    _agree("eigvalsh", np.linalg.eigvalsh(matrices[0]), found["spectrum/eigenvalue"].data[0])

    def bare(a: int) -> np.ndarray:
        return np.linalg.eigvalsh(matrices[a % CORES])

    # In alternating parts, so that what else the machine does falls on both sides.
    mine = theirs = 0.0
    with ThreadPoolExecutor(CORES) as pool:
        for part in np.array_split(np.arange(replicas), max(1, replicas // (4 * CORES))):
            began = time.perf_counter()
            HessianSpectrumProbe(threads=CORES).measure(network, x[part], np.random.default_rng(0))
            between = time.perf_counter()
            list(pool.map(bare, part))
            mine, theirs = mine + between - began, theirs + time.perf_counter() - between
    return row(f"spectra of {replicas} replicas against bare eigvalsh", mine, theirs, "<= 1.2", "s")


def eigvalsh_seconds() -> float:
    """Best time of one call on the Hessian of the network, with the threads BLAS has in this process."""
    network = _network()
    matrix = network.hessian(network.start(1, np.random.default_rng(3))[0])
    return best_seconds([lambda: np.linalg.eigvalsh(matrix)], 2, 1)[0]


def _network():
    from spinnet.landscapes import DenseNetwork

    return DenseNetwork(data="digits", hidden=HIDDEN)


def _torch_products(network, x: np.ndarray) -> Callable[[np.ndarray, int], np.ndarray] | None:
    """Products with rows of directions by forward over reverse differentiation; None without PyTorch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch
            from torch.func import grad, jvp, vmap
        except ImportError:
            return None
    torch.set_num_threads(1)
    inputs, labels, weights = torch.tensor(network.data.inputs), torch.tensor(network.data.labels), torch.tensor(x)

    def energy(flat):
        value = inputs
        for number, (w, b) in enumerate(network.unpack(np.arange(network.space.n))):
            if number:
                value = torch.tanh(value)
            value = torch.nn.functional.linear(
                value, flat[w[0, 0] : w[-1, -1] + 1].view(w.shape), flat[b[0] : b[-1] + 1]
            )
        return torch.nn.functional.cross_entropy(value, labels, reduction="sum")

    def product(direction):
        return jvp(grad(energy), (weights,), (direction,))[1]

    def multiply(v: np.ndarray, chunk: int) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return vmap(product, chunk_size=chunk)(torch.tensor(v)).numpy()

    return multiply


def _curvlinops_products(network, x: np.ndarray, v: np.ndarray) -> Callable[[], np.ndarray] | None:
    """The Hessian operator of curvlinops times the columns vᵀ; None where it is not installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch
            from curvlinops import HessianLinearOperator
        except ImportError:
            return None
    torch.set_num_threads(1)
    widths = network.widths
    model = torch.nn.Sequential(
        torch.nn.Linear(widths[0], widths[1]), torch.nn.Tanh(), torch.nn.Linear(widths[1], widths[2])
    ).double()
    parts = [part for layer in network.unpack(x) for part in layer]
    with torch.no_grad():
        for parameter, part in zip(model.parameters(), parts, strict=True):
            parameter.copy_(torch.tensor(part))
    data = [(torch.tensor(network.data.inputs), torch.tensor(network.data.labels))]
    columns = torch.tensor(np.ascontiguousarray(v.T))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        operator = HessianLinearOperator(
            model, torch.nn.CrossEntropyLoss(reduction="sum"), list(model.parameters()), data
        )
    return lambda: (operator @ columns).detach().numpy().T


def _agree(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(found - expected).max() / np.abs(expected).max()
    if not difference < 1e-10:
        raise ArithmeticError(f"{name} differs by {difference:.1e} of the largest entry: nothing was compared")


if __name__ == "__main__":
    print(json.dumps(eigvalsh_seconds() if "--eigvalsh" in sys.argv else measure("--quick" in sys.argv)))
