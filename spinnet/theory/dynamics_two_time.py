"""Relaxation and ageing of a spherical glass for N to infinity, at any time, with a stated error.

One call for both solvers of the two-time equations: short times are integrated on uniform grids and extrapolated
(:mod:`spinnet.theory.dynamics_uniform`), long ones on a logarithmic grid (:mod:`spinnet.theory.dynamics_longtime`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_longtime import LongTimeSettings, LongTimeSolution
from spinnet.theory.dynamics_model import TwoTimeModel, read_times, two_time_model
from spinnet.theory.dynamics_uniform import UniformSolution, largest_uniform_time

# Two-time functions at long times feel the clock of ageing, which is known less well than the energy.
_TWO_TIME_FACTOR = 100.0
_FIRST_LEVELS = 3
_UNIFORM_SHARE = 0.45
_MOST_LEVELS = 4


@dataclass(frozen=True)
class TwoTimeDynamics:
    """Relaxation from the start and ageing after the waiting times.

    Attributes
    ----------
    time : ndarray, shape (n,)
        Times t as asked.
    energy_density, correlation_with_start, lagrange_multiplier, overlap_with_signal : ndarray, shape (n,)
        e(t), C(t, 0), mu(t), m(t).
    error_estimate : ndarray, shape (n,)
        Estimated absolute error of e(t), C(t, 0) and m(t): the largest of the three.
    energy_error : ndarray, shape (n,)
        Estimated absolute error of e(t) alone.
    waiting_time : ndarray, shape (n_w,)
        Waiting times t_w as asked.
    correlation, integrated_response : ndarray, shape (n_w, n)
        C(t_w + t, t_w) and the integral of R(t_w + t, s) over s from t_w to t_w + t.
    two_time_error : ndarray, shape (n_w, n)
        Estimated absolute error of these two: the larger one.
    tolerance : float
        The error asked for.
    converged : bool
        Whether ``error_estimate`` is at most ``tolerance`` and ``two_time_error`` at most 100 times that, everywhere.
    solver : str
        "uniform" or "long-time".
    message : str
        One line: how the result was obtained, or what is not converged.
    memory_bytes : int
        Bytes of the largest arrays of the solver.
    """

    time: np.ndarray
    energy_density: np.ndarray
    correlation_with_start: np.ndarray
    lagrange_multiplier: np.ndarray
    overlap_with_signal: np.ndarray
    error_estimate: np.ndarray
    energy_error: np.ndarray
    waiting_time: np.ndarray
    correlation: np.ndarray
    integrated_response: np.ndarray
    two_time_error: np.ndarray
    tolerance: float
    converged: bool
    solver: str
    message: str
    memory_bytes: int


@dataclass(frozen=True)
class _Values:
    """What a solver gives at one resolution; errors are filled by comparison with another one."""

    one_time: np.ndarray  # (4, n): e, C(t, 0), m, mu
    two_time: np.ndarray  # (2, n_w, n): C, chi


def long_time_settings(tolerance: float, level: int) -> LongTimeSettings:
    """Resolution number ``level`` for a tolerance: every level cuts all errors by about 5."""
    return LongTimeSettings(
        step_error=4.0 * tolerance / 6.0**level, largest_step=0.45 * 0.75**level, degree=10 + 2 * level
    )


def dynamics(
    covariance: Covariance | Mapping[int, float],
    temperature: float,
    times: Iterable[float],
    waiting_times: Iterable[float] = (),
    initial_temperature: float = math.inf,
    tolerance: float = 1e-6,
    planted: Mapping[int, float] | None = None,
    initial_overlap: float = 0.0,
    threads: int = 2,
) -> TwoTimeDynamics:
    """Solve the Cugliandolo-Kurchan equations up to the largest time asked for.

    Parameters
    ----------
    covariance, temperature, initial_temperature, planted, initial_overlap
        As in :func:`spinnet.theory.dynamics_model.two_time_model`.
    times : iterable of float
        Times t > 0: since the start for the one-time functions, since t_w for the two-time functions.
    waiting_times : iterable of float
        Waiting times t_w >= 0; none by default.
    tolerance : float
        Error asked for, at least 1e-9.
    threads : int
        Threads of the long-time solver.

    Returns
    -------
    TwoTimeDynamics
        With ``converged`` false, and a ``message`` that says so, where the tolerance was not reached.

    Raises
    ------
    InputError
        For input that is not allowed.
    NotConvergedError
        Where the long-time solver cannot go on.

    Notes
    -----
    Pure 3-spin at T = 0 and tolerance 1e-6 on two cores: t = 20 in about a second, t = 1e3 in 10 s, t = 1e7 in two
    minutes with 0.1 GB of arrays. Errors are differences between two resolutions, the coarser of which has errors
    about five times larger; the values are those of the finer one.

    Examples
    --------
    >>> dynamics({3: 1.0}, 0.0, [1.0, 5.0]).energy_density.round(6)
    array([-0.782508, -1.035656])
    """
    model = two_time_model(covariance, temperature, initial_temperature, planted, initial_overlap)
    moments = read_times(times)
    waits = read_times(list(np.atleast_1d(waiting_times)), "waiting_times", allow_zero=True)
    wanted = float(tolerance)
    if not wanted >= 1e-9:
        raise InputError(f"tolerance = {tolerance!r} is not allowed; it must be a number >= 1e-9")
    last = float(moments.max() + (waits.max() if waits.size else 0.0))
    if last <= _UNIFORM_SHARE * largest_uniform_time(model, _FIRST_LEVELS):
        result = _by_uniform_grids(model, moments, waits, last, wanted)
        if result.converged:
            return result
    return _by_long_time_solver(model, moments, waits, last, wanted, threads)


def _by_uniform_grids(
    model: TwoTimeModel, times: np.ndarray, waits: np.ndarray, last: float, tolerance: float
) -> TwoTimeDynamics:
    solution = UniformSolution(model, last)
    for _ in range(_FIRST_LEVELS):
        solution.refine()
    one_time = [
        solution.energy_density(times),
        solution.correlation_with_start(times),
        solution.overlap_with_signal(times),
        solution.lagrange_multiplier(times),
    ]
    two_time = np.zeros((2, 2, waits.size, times.size))
    for k, wait in enumerate(waits):
        two_time[0, :, k] = solution.correlation(wait + times, np.full(times.size, wait))
        two_time[1, :, k] = solution.integrated_response(wait + times, np.full(times.size, wait))
    values = _Values(np.array([value for value, _ in one_time]), two_time[:, 0])
    errors = _Values(np.array([error for _, error in one_time]), two_time[:, 1])
    memory = sum(level.correlation.nbytes + level.response.nbytes for level in solution.levels)
    how = f"uniform grids, {len(solution.levels)} levels, smallest step {solution.levels[-1].step:.3g}"
    return _result(times, waits, values, errors, tolerance, "uniform", how, memory)


def _by_long_time_solver(
    model: TwoTimeModel, times: np.ndarray, waits: np.ndarray, last: float, tolerance: float, threads: int
) -> TwoTimeDynamics:
    coarse, _ = _long_time_values(model, times, waits, last, long_time_settings(tolerance, 0), threads)
    for level in range(1, _MOST_LEVELS):
        fine, solution = _long_time_values(model, times, waits, last, long_time_settings(tolerance, level), threads)
        errors = _Values(np.abs(fine.one_time - coarse.one_time), np.abs(fine.two_time - coarse.two_time))
        how = f"logarithmic grid, resolutions {level} and {level + 1}, {solution.steps} elements in ln t"
        result = _result(times, waits, fine, errors, tolerance, "long-time", how, solution.memory_bytes)
        if result.converged:
            break
        coarse = fine
    return result


def _long_time_values(model, times, waits, last, settings, threads) -> tuple[_Values, LongTimeSolution]:
    solution = LongTimeSolution(model, settings, threads)
    solution.advance_to(last)
    one_time = np.array(
        [
            solution.energy_density(times),
            solution.correlation_with_start(times),
            solution.overlap_with_signal(times),
            solution.lagrange_multiplier(times),
        ]
    )
    two_time = np.zeros((2, waits.size, times.size))
    for k, wait in enumerate(waits):
        two_time[0, k] = solution.correlation(wait + times, np.full(times.size, wait))
        two_time[1, k] = solution.integrated_response(wait + times, np.full(times.size, wait))
    return _Values(one_time, two_time), solution


def _result(times, waits, values, errors, tolerance, solver, how, memory) -> TwoTimeDynamics:
    error = errors.one_time[:3].max(axis=0)
    two_time_error = errors.two_time.max(axis=0)
    late = bool(np.any(two_time_error > _TWO_TIME_FACTOR * tolerance))
    converged = not late and bool(np.all(error <= tolerance))
    message = how
    if not converged:
        worst = f"{two_time_error.max():.1e} in the two-time functions" if late else f"{error.max():.1e}"
        message = f"not converged: estimated error {worst}, asked {tolerance:.1e} ({how})"
    return TwoTimeDynamics(
        time=times,
        energy_density=values.one_time[0],
        correlation_with_start=values.one_time[1],
        lagrange_multiplier=values.one_time[3],
        overlap_with_signal=values.one_time[2],
        error_estimate=error,
        energy_error=errors.one_time[0],
        waiting_time=waits,
        correlation=values.two_time[0],
        integrated_response=values.two_time[1],
        two_time_error=two_time_error,
        tolerance=tolerance,
        converged=converged,
        solver=solver,
        message=message,
        memory_bytes=int(memory),
    )
