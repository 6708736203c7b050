"""Training of 64 networks 64-30-10 together by SGD, beside a ``torch.func.vmap`` training loop.

Both sides hold the digits in memory as float64, use two threads, see the same minibatches from the same weights, and
must arrive at the same weights to rounding. The peer is what PyTorch's own tutorial on model ensembling leads to:
stacked parameters, ``vmap(grad(loss))`` over ``functional_call``, an update in place.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

REPLICAS = 64
RATE = 0.1
THREADS = 2
TARGETS = {10: 5.0, 50: 3.0}


def describe() -> str:
    """What is measured."""
    return (
        f"steps per second of SGD, {REPLICAS} networks 64-30-10 (tanh, cross-entropy, float64) trained together on the "
        f"digits, {THREADS} threads; reference: the same steps by torch.func.vmap"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """One row per batch size; the ratio is spinnet's steps per second over PyTorch's, best of alternating rounds."""
    from spinnet.landscapes import DenseNetwork

    network = DenseNetwork(data="digits", hidden=(30,), threads=THREADS)
    start = network.start(REPLICAS, np.random.default_rng(1))
    rows = []
    for batch, target in TARGETS.items():
        steps = (40 if quick else 200) * 10 // batch + 10
        terms = np.random.default_rng(batch).integers(0, network.n_terms, (steps, REPLICAS, batch))
        row = {"name": f"SGD, batch {batch}", "target": f">= {target:g}", "unit": "steps/s"}
        peer = _torch_training(network, start, terms)
        if peer is None:
            network.minibatch_steps(start, np.zeros_like(start), terms[:1], RATE, 0.0)
            seconds = min(_seconds(_own_training(network, start, terms)) for _ in range(3))
            row |= {"value": steps / seconds, "reference": None, "ratio": None}
            row["name"] += " (PyTorch is not installed: no reference)"
        else:
            row |= _compare(_own_training(network, start, terms), peer, steps, rounds=3 if quick else 5)
        rows.append(row)
    return rows


def _own_training(network, start: np.ndarray, terms: np.ndarray) -> Callable[[], np.ndarray]:
    still = np.zeros_like(start)
    return lambda: network.minibatch_steps(start, still, terms, RATE, 0.0)[0]


def _torch_training(network, start: np.ndarray, terms: np.ndarray) -> Callable[[], np.ndarray] | None:
    """The peer's loop from ``start`` over ``terms``; it returns the weights in the flat order. None without PyTorch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import torch
            from torch.func import functional_call, grad, vmap
        except ImportError:
            return None
    inputs, labels = torch.tensor(network.data.inputs), torch.tensor(network.data.labels)
    batches = torch.from_numpy(terms)
    model = torch.nn.Sequential(torch.nn.Linear(64, 30), torch.nn.Tanh(), torch.nn.Linear(30, 10)).double()
    names = [name for name, _ in model.named_parameters()]

    def loss(parameters, x, y):
        return torch.nn.functional.cross_entropy(functional_call(model, parameters, (x,)), y)

    gradients = vmap(grad(loss))

    def train() -> np.ndarray:
        layers = [part for layer in network.unpack(start) for part in layer]
        parameters = {name: torch.tensor(part) for name, part in zip(names, layers, strict=True)}
        for chosen in batches:
            slopes = gradients(parameters, inputs[chosen], labels[chosen])
            with torch.no_grad():
                for name, parameter in parameters.items():
                    parameter.sub_(slopes[name], alpha=RATE)
        return np.concatenate([parameters[name].reshape(len(start), -1).numpy() for name in names], axis=1)

    def train_on_two_threads() -> np.ndarray:
        before = torch.get_num_threads()
        torch.set_num_threads(THREADS)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return train()
        finally:
            torch.set_num_threads(before)

    return train_on_two_threads


def _compare(
    own: Callable[[], np.ndarray], peer: Callable[[], np.ndarray], steps: int, rounds: int
) -> dict[str, float]:
    """Steps per second of both. The first call of each compiles, and its result is compared."""
    difference = np.abs(own() - peer()).max()
    if not difference < 1e-9:
        raise ArithmeticError(f"the two trainings differ by {difference:.1e} in a weight: nothing was compared")
    seconds = [(_seconds(own), _seconds(peer)) for _ in range(rounds)]
    mine, theirs = (steps / min(side) for side in zip(*seconds, strict=True))
    return {"value": mine, "reference": theirs, "ratio": mine / theirs}


def _seconds(function: Callable[[], np.ndarray]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began
