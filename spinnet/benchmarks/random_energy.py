"""Random energies: states streamed and steps walked per second of one core.

The references are the targets of the package, and for walks the rates that were measured for a public C++ code on a
2-core machine (2.0 million Metropolis steps per second at N = 20, 0.9 at N = 64, 0.22 million rejection-free events at
N = 20; it redraws energies that it has dropped). Processor time is counted, so that other work on the machine is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from spinnet.benchmarks.rows import row

N_STREAM = 24
N_STREAM_QUICK = 20
STEPS = 2_000_000


def describe() -> str:
    """What is measured."""
    return (
        f"random energy models, one core, processor time: all 2^{N_STREAM} levels streamed at 1 and at 16 "
        "temperatures; Metropolis in one chain and in 64, and rejection-free events, against the rates of a public "
        "C++ code"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of a few rounds."""
    rounds = 2 if quick else 4
    steps = STEPS // 10 if quick else STEPS
    rows = []
    n = N_STREAM_QUICK if quick else N_STREAM
    for betas, reference in (([1.0], 150.0), (list(np.linspace(0.2, 3.2, 16)), 40.0)):
        for model in ("independent", "branching random walk"):
            name = f"{model}, levels streamed, N = {n}, {len(betas)} temperature{'s'[: len(betas) > 1]}"
            rows.append(row(name, stream(n, betas, rounds, model), reference, 1.0, "M states/s"))
    for n, public in ((20, 2.0), (64, 0.9)):
        rows.append(row(f"Metropolis, one chain, N = {n}", walk_one(n, steps, rounds), public, 10.0, "M steps/s"))
        rows.append(row(f"Metropolis, 64 chains, N = {n}", walk_many(n, steps, rounds), public, 40.0, "M steps/s"))
    rows.append(row("rejection-free, N = 20", walk_events(20, steps // 10, rounds), 0.22, 9.0, "M events/s"))
    return rows


def stream(n: int, betas: list[float], rounds: int, name: str = "independent") -> float:
    """Millions of levels per second."""
    from spinnet.landscapes.enumeration import enumerate_levels
    from spinnet.landscapes.generalized_rem import ContinuousREM
    from spinnet.landscapes.random_energy import RandomEnergyModel

    model = RandomEnergyModel(n, seed=1) if name == "independent" else ContinuousREM(n, {1: 1.0}, seed=1)
    return 2**n / 1e6 / least_seconds(lambda: enumerate_levels(model, betas, lowest=10), rounds)


def walk_one(n: int, steps: int, rounds: int, beta: float = 1.0) -> float:
    """Millions of steps per second of one chain."""
    from spinnet.kernels import random_energy_dynamics as dynamics
    from spinnet.landscapes.random_energy import RandomEnergyModel

    model = RandomEnergyModel(n, seed=1)

    def once() -> None:
        index, accepted, sums = np.zeros(1, dtype=np.uint64), np.zeros(1, dtype=np.int64), np.zeros(2)
        energy = model.level(index)
        dynamics.walk_one(*model.tree, n, beta, 0, np.uint64(1), 0, steps, index, energy, accepted, sums)

    return steps / 1e6 / least_seconds(once, rounds)


def walk_many(n: int, steps: int, rounds: int, chains: int = 64, beta: float = 1.0) -> float:
    """Millions of steps per second of all chains together."""
    from spinnet.kernels import random_energy_dynamics as dynamics
    from spinnet.landscapes.random_energy import RandomEnergyModel
    from spinnet.randomness import counter_keys

    model, keys, betas = RandomEnergyModel(n, seed=1), counter_keys(1, chains, "benchmark"), np.full(chains, beta)
    each = steps // chains

    def once() -> None:
        index, accepted = np.arange(chains, dtype=np.uint64), np.zeros(chains, dtype=np.int64)
        energy, sums = model.level(index), np.zeros((2, chains))
        dynamics.walk_many(*model.tree, n, betas, 0, keys, 0, each, index, energy, accepted, sums)

    return each * chains / 1e6 / least_seconds(once, rounds)


def walk_events(n: int, events: int, rounds: int, beta: float = 1.0) -> float:
    """Millions of rejection-free events per second."""
    from spinnet.kernels import random_energy_dynamics as dynamics
    from spinnet.landscapes.random_energy import RandomEnergyModel

    model = RandomEnergyModel(n, seed=1)
    nothing = np.zeros(0), np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.int64)

    def once() -> None:
        index, clock, integrals = np.zeros(1, dtype=np.uint64), np.zeros(1), np.zeros(2)
        energy = model.level(index)
        dynamics.walk_events(
            *model.tree, n, beta, 0, np.uint64(1), 0, events, nothing[0], index, energy, clock, nothing[1], nothing[2],
            integrals,
        )  # fmt: skip

    return events / 1e6 / least_seconds(once, rounds)


def least_seconds(function: Callable[[], Any], rounds: int) -> float:
    """Shortest processor time of a call, after one that is not counted."""
    function()
    best = float("inf")
    for _ in range(rounds):
        began = time.process_time()
        function()
        best = min(best, time.process_time() - began)
    return best
