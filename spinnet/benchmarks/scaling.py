"""How the time of a gradient and of a step of the dynamics grows: with N, with replicas, and from one thread to two.

The dense spherical 3-spin glass in float32. Its laws are those of a program that reads each of its C(N + 2, 3)
couplings once: time grows as their number; a state alone takes as long as reading them; more replicas share the reading
until arithmetic takes longer; a second thread halves arithmetic, and what it does to reading is measured as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from spinnet.benchmarks.glass_gradient import best_seconds
from spinnet.benchmarks.rows import row

SIZES = (64, 128, 256, 512, 1024)
SIZES_QUICK = (64, 128, 256)
N_REPLICAS, N_REPLICAS_QUICK = 512, 128
REPLICAS = (1, 2, 4, 8, 16, 32, 64, 128)
BLOCK = 64
THREADS = (1, 2)
READ_BYTES, READ_BYTES_QUICK = 1 << 30, 1 << 28
BYTES_PER_COUPLING = 4
STEP = 0.01

#: What draws the tables.
FIGURE = "spinnet.plotting.scaling:draw"


def describe() -> str:
    """What is measured."""
    return (
        f"gradient and Langevin step of the dense p = 3 glass, float32: time against N for one state and {BLOCK} "
        "replicas (reference: the number of couplings), against replicas (reference: each alone), threads 1 to 2 "
        "(reference: one thread), one state against reading its couplings"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of alternating rounds."""
    return rows_of(tables(quick))


def tables(quick: bool = False) -> dict[str, Any]:
    """Everything measured: seconds by size, by number of replicas and by number of threads.

    Returns
    -------
    dict
        ``threads`` (2,), ``read_rate`` bytes per second by threads; ``n`` with ``couplings``, and by (size, threads)
        seconds of ``one_gradient``, ``one_step``, ``block_gradient``, ``block_step``; ``block``, the replicas of a
        block; ``replicas`` and ``replicas_gradient`` by (replicas, threads) at ``replicas_n``.
    """
    sizes = SIZES_QUICK if quick else SIZES
    reads, read_bytes = read_ways(READ_BYTES_QUICK if quick else READ_BYTES)
    by_size: dict[str, list[list[float]]] = {}
    for n in sizes:
        for name, seconds in at_size(n, reads, rounds=2 if quick else 4).items():
            by_size.setdefault(name, []).append(seconds)
    # The best read of the whole run: reading is a yardstick, other work on the machine only lowers it.
    rates = [read_bytes / seconds for seconds in np.min(by_size.pop("read"), axis=0)]
    del reads
    n = N_REPLICAS_QUICK if quick else N_REPLICAS
    return {
        "threads": list(THREADS), "read_rate": rates, "bytes_per_coupling": BYTES_PER_COUPLING, "block": BLOCK,
        "n": list(sizes), "couplings": [math.comb(n + 2, 3) for n in sizes], **by_size,
        "replicas_n": n, "replicas_couplings": math.comb(n + 2, 3), "replicas": list(REPLICAS),
        "replicas_gradient": by_replicas(n, rounds=2 if quick else 4),
    }  # fmt: skip


def read_ways(size: int) -> tuple[list[list[Callable[[], Any]]], int]:
    """Ways of reading an array of ``size`` bytes, by number of threads; and its bytes."""
    from spinnet.kernels import read_bandwidth
    from spinnet.kernels._threads import run_chunks

    numbers = np.ones(size // 4, dtype=np.float32)
    ways: list[list[Callable[[], Any]]] = []
    for threads in THREADS:
        parts = np.array_split(numbers, threads)
        ways.append([
            lambda kernel=kernel, parts=parts: run_chunks(
                lambda: lambda first, last: kernel(parts[first]), len(parts), len(parts)
            )
            for kernel in (read_bandwidth.sum_numbers, read_bandwidth.sum_quarters)
        ])  # fmt: skip
    return ways, numbers.nbytes


def at_size(n: int, reads: list[list[Callable[[], Any]]], rounds: int) -> dict[str, list[float]]:
    """Seconds of a gradient and of a step, for one state and for a block, and of a read; by number of threads."""
    from spinnet.dynamics.langevin import Langevin
    from spinnet.landscapes import SphericalGlass
    from spinnet.randomness import counter_keys

    glass = SphericalGlass(n, {3: 1.0}, seed=1)
    dynamics = Langevin(temperature=0.5, step=STEP)
    names, functions = [], []
    for what, replicas in (("one", 1), ("block", BLOCK)):
        x = glass.space.sample(replicas, np.random.default_rng(1))
        state = dynamics.init(glass, x, counter_keys(1, replicas, "scaling"))
        for threads in THREADS:
            names += [f"{what}_gradient", f"{what}_step"]
            functions.append(_with_threads(glass, threads, lambda x=x: glass.gradient(x)))
            functions.append(_with_threads(glass, threads, lambda state=state: dynamics.advance(glass, state, 1)))
    count = len(functions)
    seconds = best_seconds([*functions, *(way for ways in reads for way in ways)], rounds)
    found: dict[str, list[float]] = {}
    for name, value in zip(names, seconds[:count], strict=True):
        found.setdefault(name, []).append(value)
    rest = iter(seconds[count:])
    return {**found, "read": [min(next(rest) for _ in ways) for ways in reads]}


def by_replicas(n: int, rounds: int) -> list[list[float]]:
    """Seconds of a gradient by number of replicas and of threads."""
    from spinnet.landscapes import SphericalGlass

    glass = SphericalGlass(n, {3: 1.0}, seed=1)
    functions = []
    for replicas in REPLICAS:
        x = glass.space.sample(replicas, np.random.default_rng(1))
        functions += [_with_threads(glass, threads, lambda x=x: glass.gradient(x)) for threads in THREADS]
    seconds = best_seconds(functions, rounds)
    return [seconds[k : k + len(THREADS)] for k in range(0, len(seconds), len(THREADS))]


def _with_threads(glass, threads: int, function: Callable[[], Any]) -> Callable[[], Any]:
    """Results do not depend on the number of threads; the landscape is told before each call."""

    def call():
        glass.threads = threads
        return function()

    return call


def rows_of(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of the table: rates beside what the law gives from another rate of the same run."""
    sizes, couplings, block = measured["n"], measured["couplings"], measured["block"]
    n, many = sizes[-1], THREADS[-1]
    rows = []
    for name, words in (("one", "one state"), ("block", f"{block} replicas")):
        first, last = (measured[f"{name}_gradient"][k][-1] for k in (-2, -1))
        law = couplings[-2] / couplings[-1] / first
        rows.append(law_row(f"{words}, N = {n}, against N = {sizes[-2]} and the number of couplings", 1 / last, law))
    one = measured["one_gradient"][-1][-1]
    read = measured["read_rate"][-1] / (couplings[-1] * measured["bytes_per_coupling"])
    rows.append(law_row(f"one state, N = {n}, {many} threads, against reading the couplings", 1 / one, read))
    by_count = measured["replicas_gradient"]
    for count, seconds in ((measured["replicas"][k], by_count[k][-1]) for k in (-2, -1)):
        rows.append(law_row(f"{count} replicas together, N = {measured['replicas_n']}, against each alone",
                        count / seconds, 1 / by_count[0][-1]))  # fmt: skip
    rows.append(law_row("reading, threads 1 to 2", *reversed(measured["read_rate"]), unit="bytes/s"))
    for name, words in (("one", "one state"), ("block", f"{block} replicas")):
        single, double = measured[f"{name}_gradient"][-1]
        rows.append(law_row(f"{words}, N = {n}, threads 1 to 2", 1 / double, 1 / single))
    for name, words in (("one", "one state"), ("block", f"{block} replicas")):
        rows.append(law_row(f"{words}, N = {n}, {many} threads, Langevin steps against gradients",
                        1 / measured[f"{name}_step"][-1][-1], 1 / measured[f"{name}_gradient"][-1][-1]))  # fmt: skip
    return rows


def law_row(name: str, value: float, reference: float, unit: str = "calls/s") -> dict[str, Any]:
    """One line of the table; no number is wanted of a law."""
    return row(name, value, reference, "", unit)
