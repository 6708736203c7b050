"""Relaxation and ageing of a spherical glass for N to infinity, at any time, with a stated error.

One call for both solvers of the two-time equations: short times are integrated on uniform grids and extrapolated
(:mod:`spinnet.theory.dynamics_uniform`), long ones on a logarithmic grid (:mod:`spinnet.theory.dynamics_longtime`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_longtime import LongTimeSettings, LongTimeSolution
from spinnet.theory.dynamics_model import TwoTimeModel, read_times, two_time_model
from spinnet.theory.dynamics_uniform import UniformSolution, largest_uniform_time

_FIRST_LEVELS = 3
_UNIFORM_SHARE = 0.45
_MOST_LEVELS = 4
_MOST_FAILURES = 2
# In microscopic times: the clock of ageing multiplies rounding and Newton's tolerance by the time.
LONGEST = 1e8
# Errors oscillate around zero as the grids slide over each other: at each time the largest one within a factor
# e^2 of it counts.
_WINDOW = 2.0
_GRID = 0.25
_OFFSETS = (-2.0, -1.0, 1.0, 2.0)
_SAFETY = 1.5
_FLOOR = 1e-9


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
        Whether ``error_estimate`` is at most ``tolerance`` everywhere, and ``two_time_error`` at most
        :func:`two_time_tolerance` of it.
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
    """Values at the times asked for, or their estimated errors."""

    one_time: np.ndarray  # (4, n): e, C(t, 0), m, mu
    two_time: np.ndarray  # (2, n_w, n): C, chi


def two_time_tolerance(tolerance: float) -> float:
    """Error allowed for C(t_w + t, t_w) and the integrated response: 1e-4 for tolerances from 1e-6 to 1e-5.

    At long times they feel the clock of ageing, which is known less well than the energy.
    """
    return min(100.0 * tolerance, max(1e-4, 10.0 * tolerance))


def long_time_settings(tolerance: float, level: int, final_time: float = 1.0) -> LongTimeSettings:
    """Resolution number ``level`` for a tolerance: every level cuts all errors by about 5.

    ``final_time`` in microscopic times 1/rate: errors of the history are multiplied by it in the clock of ageing.
    """
    late = 2 * max(0, math.ceil(1.5 * (math.log10(max(final_time, 1.0)) - 6.5)))
    coarse = tolerance >= 3e-5
    return LongTimeSettings(
        step_error=3.0 * tolerance / 6.0**level,
        largest_step=0.45 * 0.75**level,
        degree=(8 if coarse else 10) + late + 2 * level,
        panel_width=1.3 if coarse else 1.0,
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
    accept_unconverged: bool = False,
    solver: str = "automatic",
    progress: Callable[[str, float], None] | None = None,
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
    accept_unconverged : bool
        Return values whose estimated error is above the tolerance, with ``converged`` false and a ``message`` that
        says so, instead of raising.
    solver : str
        "automatic" tries uniform grids at short times, "long-time" does not.
    progress : callable, optional
        Told what is being computed, and which share of it is done.

    Returns
    -------
    TwoTimeDynamics

    Raises
    ------
    InputError
        For input that is not allowed, and times beyond 1e8 microscopic times (1e8/sqrt(f''(1)) from a random start).
    NotConvergedError
        Where the estimated error stays above the tolerance, or the long-time solver cannot go on: where something
        sudden happens late, such as the discovery of a weak signal, which no grid in ln t resolves.

    Notes
    -----
    Errors of the long-time solver are differences between two resolutions, the largest one within a factor e^2 in
    time (in the waiting time and the delay for two-time functions), times 1.5; the values are those of the finer one,
    whose errors are about five times smaller than those of the coarser one. A third and a fourth resolution follow
    where the tolerance is not reached.

    Pure 3-spin at T = 0 and tolerance 1e-6, both resolutions together, on two cores: t = 1e3 in 5 s, t = 1e7 in 70 s
    with 0.15 GB of arrays.

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
    if last * model.rate > LONGEST:
        raise InputError(
            f"time {last:.3g} is too long: rounding errors grow with the time, and for this model and start times go "
            f"up to {LONGEST / model.rate:.3g}"
        )
    if solver not in ("automatic", "long-time"):
        raise InputError(f"solver {solver!r} does not exist; choose automatic or long-time")
    if solver == "automatic" and last <= _UNIFORM_SHARE * largest_uniform_time(model, _FIRST_LEVELS):
        result = _by_uniform_grids(model, moments, waits, last, wanted)
        if result.converged:
            return result
    result = _by_long_time_solver(model, moments, waits, last, wanted, threads, progress)
    if not (result.converged or accept_unconverged):
        raise NotConvergedError(result.message)
    return result


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
    model: TwoTimeModel,
    times: np.ndarray,
    waits: np.ndarray,
    last: float,
    tolerance: float,
    threads: int,
    progress: Callable[[str, float], None] | None,
) -> TwoTimeDynamics:
    coarse: _Samples | None = None
    result: TwoTimeDynamics | None = None
    failures = 0
    for level in range(_MOST_LEVELS):
        tell = None if progress is None else functools.partial(progress, f"t = {last:.3g}, resolution {level + 1}")
        solution = LongTimeSolution(model, long_time_settings(tolerance, level, last * model.rate), threads)
        try:
            solution.advance_to(last, tell)
        except NotConvergedError:
            failures += 1
            if result is None and failures == _MOST_FAILURES:
                raise
            continue
        fine = _Samples(solution, times, waits, last)
        if coarse is not None:
            how = f"logarithmic grid, resolutions {level} and {level + 1}, {solution.steps} elements in ln t"
            values, errors = fine.values(), fine.errors(coarse)
            result = _result(times, waits, values, errors, tolerance, "long-time", how, solution.memory_bytes)
            if result.converged:
                break
        coarse = fine
    if result is None:
        raise NotConvergedError(
            f"the two-time equations up to t = {last:.4g} converge at one resolution only, so that no error can be "
            "stated; ask for shorter times or another tolerance"
        )
    return result


class _Samples:
    """A long-time solution at the times asked for, and around them where its error is judged."""

    def __init__(self, solution: LongTimeSolution, times: np.ndarray, waits: np.ndarray, last: float):
        self.count = times.size
        first = min(times.min(), 0.02 * solution.scale)
        grid = np.geomspace(first, last, 2 + int(math.log(last / first) / _GRID))
        self.times = np.append(times, np.minimum(grid, last))
        self.one_time = np.array(
            [
                solution.energy_density(self.times),
                solution.correlation_with_start(self.times),
                solution.overlap_with_signal(self.times),
                solution.lagrange_multiplier(self.times),
            ]
        )
        wait, delay = np.broadcast_arrays(waits[:, None], times[None, :])
        near = [(wait, delay)]
        near += [(wait, np.minimum(delay * math.exp(k), last - wait)) for k in _OFFSETS]
        near += [(np.minimum(wait * math.exp(k), last - delay), delay) for k in _OFFSETS]
        self.two_time = np.zeros((2, len(near), waits.size, times.size))
        for k, (start, lag) in enumerate(near):
            later, earlier = np.minimum(start + lag, last).ravel(), start.ravel()
            self.two_time[0, k] = solution.correlation(later, earlier).reshape(start.shape)
            self.two_time[1, k] = solution.integrated_response(later, earlier).reshape(start.shape)

    def values(self) -> _Values:
        """At the times asked for."""
        return _Values(self.one_time[:, : self.count], self.two_time[:, 0])

    def errors(self, coarse: _Samples) -> _Values:
        """Largest differences from a coarser solution around each time."""
        one_time = np.abs(self.one_time - coarse.one_time)
        logarithm = np.log(self.times)
        near = np.abs(logarithm[: self.count, None] - logarithm) <= _WINDOW
        found = np.array([np.where(near, row, 0.0).max(axis=1) for row in one_time])
        two_time = np.abs(self.two_time - coarse.two_time).max(axis=1)
        return _Values(_SAFETY * found + _FLOOR, _SAFETY * two_time + _FLOOR)


def _result(times, waits, values, errors, tolerance, solver, how, memory) -> TwoTimeDynamics:
    error = errors.one_time[:3].max(axis=0)
    two_time_error = errors.two_time.max(axis=0)
    late = bool(np.any(two_time_error > two_time_tolerance(tolerance)))
    converged = not late and bool(np.all(error <= tolerance))
    message = how
    if not converged:
        message = f"not converged: estimated error {error.max():.1e}, asked {tolerance:.1e}"
        if late:
            message = (
                f"not converged: estimated error {two_time_error.max():.1e} of the two-time functions, allowed "
                f"{two_time_tolerance(tolerance):.1e} at tolerance {tolerance:.1e}"
            )
        message += f" ({how}); ask for a larger tolerance or shorter times"
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
