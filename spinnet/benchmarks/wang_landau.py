"""Wang–Landau sampling: flips per second of one core, beside the same rules written plainly.

The reference is the textbook loop in numba, one walker on listed levels with numba's own random numbers (a state that
cannot be split or resumed), and for landscapes without a list the loop over NumPy arrays. Processor time is counted.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spinnet.benchmarks.random_energy import least_seconds
from spinnet.benchmarks.rows import row

WALKERS = 8
STEPS = 500_000
TARGET = 10.0


def describe() -> str:
    """What is measured."""
    return (
        "Wang–Landau sampling, one core, processor time: millions of flips per second; the reference of listed levels "
        "is a plain numba loop with numba's random numbers (target: 10 M flips/s), elsewhere the package's own NumPy "
        "route"
    )


def run(quick: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit; best of a few rounds."""
    rounds, steps = (2, STEPS // 10) if quick else (4, STEPS)
    rows = []
    for name, landscape, settings in cases():
        value = flips(landscape, settings, steps, rounds)
        reference = plain(landscape, settings, steps, rounds) if landscape.n <= 22 else slow(landscape, settings)
        rows.append(row(name, value, reference, f"value >= {TARGET:g}", "M flips/s"))
    return rows


def cases():
    """Landscapes that are listed and that are not."""
    from spinnet.landscapes import FoldingREM, PSpinIsing, RandomEnergyModel, TeacherStudentPerceptron

    perceptron = TeacherStudentPerceptron(31, alpha=3, seed=1)
    return [
        ("Ising p = 3 glass, listed, N = 16", PSpinIsing(16, 3, seed=1), {"width": 1.0}),
        ("folding REM, listed, N = 16", FoldingREM(16, 1.6, seed=1), {"width": 1.0}),
        ("folding REM, listed, N = 20", FoldingREM(20, 1.6, seed=1), {"width": 1.0}),
        ("folding REM, hashed, N = 40", FoldingREM(40, 1.6, seed=1), {"width": 2.0, "low": -56.0, "high": 24.0}),
        ("perceptron, 93 examples, N = 31", perceptron, {"width": 1.0, "low": 0.0, "high": 93.0}),
        ("REM, hashed, N = 64", RandomEnergyModel(64, seed=1), {"width": 4.0, "low": -40.0, "high": 40.0}),
    ]


def flips(landscape, settings: dict[str, float], steps: int, rounds: int) -> float:
    """Millions of flips per second, all walkers together."""
    from spinnet.dynamics.wang_landau import WangLandau
    from spinnet.randomness import counter_keys

    dynamics = WangLandau(**settings)
    start = landscape.start(WALKERS, np.random.default_rng(0))
    state = dynamics.init(landscape, start, counter_keys(1, WALKERS, "benchmark"))
    state = dynamics.advance(landscape, state, 1000)
    return WALKERS * steps / 1e6 / least_seconds(lambda: dynamics.advance(landscape, state, steps), rounds)


def plain(landscape, settings: dict[str, float], steps: int, rounds: int) -> float:
    """Millions of flips per second of a plain loop over listed levels."""
    import numba

    @numba.njit
    def walk(levels, low, width, bins, n, steps, log_density, visits):
        np.random.seed(1)  # noqa: NPY002
        here = 0
        place = int((levels[0] - low) / width + 0.5)
        for _ in range(steps):
            there = here ^ (1 << np.random.randint(n))  # noqa: NPY002
            other = int((levels[there] - low) / width + 0.5)
            u = np.random.random()  # noqa: NPY002
            if u < math.exp(min(log_density[place] - log_density[other], 0.0)):
                here, place = there, other
            log_density[place] += 1e-3
            visits[place] += 1

    levels, width = landscape.all_levels(), settings["width"]
    bins = int((levels.max() - levels.min()) / width + 0.5) + 1
    seconds = least_seconds(
        lambda: walk(levels, levels.min(), width, bins, landscape.n, steps, np.zeros(bins), np.zeros(bins, np.int64)),
        rounds,
    )
    return steps / 1e6 / seconds


def slow(landscape, settings: dict[str, float], steps: int = 500) -> float:
    """Millions of flips per second of the route through energy changes in NumPy."""
    from spinnet.dynamics.wang_landau import WangLandau
    from spinnet.randomness import counter_keys

    dynamics = WangLandau(**settings)
    start = landscape.start(WALKERS, np.random.default_rng(0))
    state = dynamics.init(landscape, start, counter_keys(1, WALKERS, "benchmark"))
    parts = type(state)(*(np.array(part) for part in state))
    check = dynamics.check * landscape.n
    first = (0, steps, check, dynamics.flatness, 0.0, 0, settings["low"], 1.0 / settings["width"])
    return WALKERS * steps / 1e6 / least_seconds(lambda: dynamics._walk(landscape, parts, *first), 2)
