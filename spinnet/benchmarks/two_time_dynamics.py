"""The two-time equations at long times, beside the uniform grid that other codes integrate them on.

Pure 3-spin at T = 0 with the default threads. Up to a short time both methods are run and must give the same energies
within the errors that they state; beyond it the uniform grid is extrapolated from that run by its operation count, the
cube of the time, and its two matrices by the square. Each measurement runs in a process of its own, so that its peak
memory is its own (the interpreter and the compiled kernels included); kernels are compiled before the clock starts.

    python -m spinnet.benchmarks.two_time_dynamics             up to t = 1000
    python -m spinnet.benchmarks.two_time_dynamics --longest   up to t = 10⁷ as well (minutes)
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from spinnet.benchmarks.rows import row_of_cost

TOLERANCE = 1e-5
LEVELS = 3
#: Time that both methods reach, and the last one of the long-time solver.
TIMES, TIMES_QUICK, LONGEST = (60.0, 1e3), (20.0, 100.0), 1e7
#: Wall-clock limits in seconds on two cores.
LIMITS = {1e3: 30.0, 1e7: 900.0}


def describe() -> str:
    """What is measured."""
    return (
        f"two-time equations of the pure 3-spin at T = 0, tolerance {TOLERANCE:g}: wall clock, processor seconds and "
        f"memory against uniform grids ({LEVELS} levels) where both reach, and extrapolated from there by t³ "
        "(memory of the matrices by t²); ratio = reference / value"
    )


def run(quick: bool = False, longest: bool = False) -> list[dict[str, Any]]:
    """Rows of name, value, reference, ratio, target and unit."""
    shared, *later = TIMES_QUICK if quick else TIMES
    if longest:
        later.append(LONGEST)
    grid, mine = _measured("uniform", shared), _measured("long-time", shared)
    check(grid, mine)
    rows = _rows(shared, mine, grid, 1.0)
    for reached in later:
        rows += _rows(reached, _measured("long-time", reached), grid, reached / shared)
    return rows


def check(grid: dict[str, Any], mine: dict[str, Any]) -> None:
    """Refuse to compare energies that differ by more than the two stated errors."""
    difference = max(abs(a - b) for a, b in zip(grid["energies"], mine["energies"], strict=True))
    if not difference <= grid["error"] + mine["error"]:
        raise ArithmeticError(f"energies differ by {difference:.1e}, beyond the stated errors: nothing was compared")


def measure(solver: str, last: float) -> dict[str, Any]:
    """One solver up to ``last`` in this process: seconds, bytes, energies and their largest stated error."""
    import numpy as np

    from spinnet.kernels._jit import compile_modules

    compile_modules("spinnet.kernels.two_time", "spinnet.kernels.two_time_log")
    times = np.geomspace(last / 1000, last, 12)
    began, worked = time.perf_counter(), time.process_time()
    if solver == "uniform":
        from spinnet.theory.dynamics_uniform import solve_uniform

        solution = solve_uniform({3: 1.0}, 0.0, last, levels=LEVELS)
        energies, errors = solution.energy_density(times)
        arrays = sum(level.correlation.nbytes + level.response.nbytes for level in solution.levels)
    else:
        from spinnet.theory.dynamics_two_time import dynamics

        found = dynamics({3: 1.0}, 0.0, times, tolerance=TOLERANCE, solver="long-time")
        energies, errors, arrays = found.energy_density, found.energy_error, found.memory_bytes
    return {
        "seconds": time.perf_counter() - began,
        "processor": time.process_time() - worked,
        "arrays": arrays,
        "peak": _peak_bytes(),
        "error": float(errors.max()),
        "energies": energies.tolist(),
    }


def _peak_bytes() -> int:
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _measured(solver: str, last: float) -> dict[str, Any]:
    command = [sys.executable, "-m", "spinnet.benchmarks.two_time_dynamics", "--measure", solver, repr(last)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _rows(reached: float, mine: dict[str, Any], grid: dict[str, Any], factor: float) -> list[dict[str, Any]]:
    peer = "uniform grid" if factor == 1.0 else "uniform grid extrapolated"
    limit = f"<= {LIMITS[reached]:g} s" if reached in LIMITS else ""
    at = f"t = {reached:g}:"
    return [
        row_of_cost(f"{at} wall clock, {peer}", mine["seconds"], grid["seconds"] * factor**3, limit, "s"),
        row_of_cost(f"{at} processor, {peer}", mine["processor"], grid["processor"] * factor**3, "", "s"),
        row_of_cost(f"{at} arrays, {peer}", mine["arrays"] / 1e6, grid["arrays"] * factor**2 / 1e6, "", "MB"),
        row_of_cost(f"{at} peak of the process", mine["peak"] / 1e6, None, "", "MB"),
        row_of_cost(f"{at} largest stated error of e", mine["error"], None, f"<= {TOLERANCE:g}", ""),
    ]


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--measure"]:
        print(json.dumps(measure(arguments[1], float(arguments[2]))))
    else:
        print(describe())
        for line in run(quick="--quick" in arguments, longest="--longest" in arguments):
            print(line)
