r"""Cugliandolo-Kurchan equations on a uniform grid, extrapolated to zero step: the reference integrator.

For t > t', with C(t,t) = 1, R(t,t^-) = 1, b_0 = 1/T_0 and an optional signal term -N s(m):

.. math::
    \partial_t C(t,t') &= -\mu C + \int_0^t f''(C(t,s)) R(t,s) C(s,t') ds + \int_0^{t'} f'(C(t,s)) R(t',s) ds
        + b_0 f'(C(t,0)) C(t',0) + s'(m(t)) m(t') \\
    \partial_t R(t,t') &= -\mu R + \int_{t'}^t f''(C(t,s)) R(t,s) R(s,t') ds \\
    \partial_t m &= -\mu m + s'(m) + \int_0^t f''(C(t,s)) R(t,s) m(s) ds \\
    \mu(t) &= T + \int_0^t [f'(C) + f''(C) C] R ds + b_0 f'(C(t,0)) C(t,0) + s'(m) m \\
    e(t) &= -\int_0^t f'(C(t,s)) R(t,s) ds - b_0 f(C(t,0)) - s(m)

The time unit is that of d sigma = -(grad H + mu sigma) dt + sqrt(2T) dW.

The implicit trapezoidal rule, solved to convergence in every row, has an error with even powers of the step only;
Romberg's table over steps h, h/2, h/4, ... removes them one by one; its last differences are the stated error.

References: Crisanti, Horner, Sommers, Z. Phys. B 92, 257 (1993); Cugliandolo, Kurchan, Phys. Rev. Lett. 71, 173
(1993); Ben Arous, Dembo, Guionnet, Probab. Theory Relat. Fields 136, 619 (2006); finite T_0: Folena, Franz,
Ricci-Tersenghi, Phys. Rev. X 10, 031045 (2020).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from spinnet.errors import InputError
from spinnet.theory.covariance import Covariance
from spinnet.theory.dynamics_model import TwoTimeModel, read_times, two_time_model

_STENCIL = 10  # points of the local interpolation, per direction
_COARSEST = 0.18  # first step in units of the microscopic time
_MAX_POINTS = 3300  # two matrices of 87 MB each, about half a minute


@dataclass(frozen=True)
class Relaxation:
    """One-time functions of a relaxation, at the times asked for.

    Attributes
    ----------
    time : ndarray, shape (n,)
    energy_density : ndarray, shape (n,)
        e(t), energy per degree of freedom.
    correlation_with_start : ndarray, shape (n,)
        C(t, 0).
    lagrange_multiplier : ndarray, shape (n,)
        mu(t); T - p e for a pure model of degree p.
    error_estimate : ndarray, shape (n,)
        Estimated absolute error of e, C(t, 0) and m: the largest of the three. (That of mu is larger by its scale,
        up to about 2 f'(1).)
    overlap_with_signal : ndarray, shape (n,)
        m(t); zero without a signal.
    tolerance : float
        The error asked for.
    converged : bool
        Whether every entry of ``error_estimate`` is at most ``tolerance``.
    """

    time: np.ndarray
    energy_density: np.ndarray
    correlation_with_start: np.ndarray
    lagrange_multiplier: np.ndarray
    error_estimate: np.ndarray
    overlap_with_signal: np.ndarray
    tolerance: float
    converged: bool


@dataclass(frozen=True)
class _Level:
    step: float
    correlation: np.ndarray
    response: np.ndarray
    multiplier: np.ndarray
    energy: np.ndarray
    overlap: np.ndarray


def _lagrange_weights(position: float, size: int, first: int | None = None) -> tuple[int, np.ndarray]:
    """First grid index and the weights of local polynomial interpolation at ``position`` (in steps)."""
    if first is None:
        first = min(max(math.ceil(position) - _STENCIL // 2, 0), size - _STENCIL)
    nodes = np.arange(_STENCIL)
    weights = np.ones(_STENCIL)
    for k in nodes:
        others = nodes[nodes != k]
        weights[k] = np.prod((position - first - others) / (k - others))
    return first, weights


def _romberg(values: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Extrapolate values at steps h, h/2, h/4, ... in h^2; return the limit and its estimated error."""
    row: list[np.ndarray] = []
    for value in values:
        new = [np.asarray(value, dtype=np.float64)]
        for k, coarser in enumerate(row):
            new.append(new[k] + (new[k] - coarser) / (4.0 ** (k + 1) - 1.0))
        previous, row = (row or new)[-1], new
    if len(row) == 1:
        return row[0], np.full(row[0].shape, np.inf)
    # One more level gains at least a factor 16; the first difference alone can be small by accident.
    return row[-1], np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - previous) / 16)


def _triangle_stencil(earlier: float, lag: float, level: _Level) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and weights of the interpolation of a two-time function at (t' + lag, t').

    In the coordinates (t', t - t') both stencils stay on one side of the diagonal.
    """
    n = level.energy.size
    x, y = earlier / level.step, lag / level.step
    column, column_weights = _lagrange_weights(x, n - _STENCIL)
    first_lag, lag_weights = _lagrange_weights(y, n - _STENCIL + 1)
    overshoot = max(0, column + first_lag + 2 * (_STENCIL - 1) - (n - 1))
    if overshoot:
        # At the far corner both stencils are shifted back, the lag first.
        shift = min(first_lag, overshoot)
        first_lag, lag_weights = _lagrange_weights(y, n, first_lag - shift)
        column, column_weights = _lagrange_weights(x, n, column - (overshoot - shift))
    columns = column + np.arange(_STENCIL)[:, None]
    rows = columns + first_lag + np.arange(_STENCIL)[None, :]
    return rows, np.broadcast_to(columns, rows.shape), column_weights[:, None] * lag_weights


class UniformSolution:
    """Solution of the two-time equations up to a final time, on several uniform grids.

    Made by :func:`solve_uniform`. Every method returns ``(value, error_estimate)``.
    """

    def __init__(self, model: TwoTimeModel, final_time: float):
        self.model = model
        self.final_time = final_time
        self.levels: list[_Level] = []

    def refine(self) -> bool:
        """Add a level with half the step; False where the grid would exceed the largest size."""
        from spinnet.kernels.two_time import integrate_uniform

        model = self.model
        coarsest = min(_COARSEST / model.rate, self.final_time / 8)
        halvings = len(self.levels)
        step = coarsest / 2**halvings
        # A few steps more than needed keep every stencil inside the grid.
        n = (math.ceil(self.final_time / coarsest - 1e-9) + _STENCIL) * 2**halvings + 1
        if n > _MAX_POINTS:
            return False
        correlation, response = np.zeros((n, n)), np.zeros((n, n))
        multiplier, energy, overlap = np.zeros(n), np.zeros(n), np.zeros(n)
        iterations = integrate_uniform(
            model.f, model.df, model.ddf, model.signal, model.temperature, model.inverse_initial,
            model.initial_overlap, step, 1e-11, 80, correlation, response, multiplier, energy, overlap,
        )  # fmt: skip
        if iterations < 0:
            raise InputError(
                f"the uniform grid did not settle at step {step:.3g} for covariance {model.amplitudes}; "
                "rescale the energies so that the amplitudes are of order one"
            )
        self.levels.append(_Level(step, correlation, response, multiplier, energy, overlap))
        return True

    def _extrapolate(self, coarse: np.ndarray, fine: float, nodes: list[np.ndarray]) -> tuple[float, float]:
        """Interpolate the finest grid, and add what the extrapolation changes at the nodes of the coarsest one.

        ``nodes`` are the values at those nodes on every level, ``coarse`` the interpolation weights there. The
        change is small, so that the long steps of the coarsest grid do no harm.
        """
        limit, error = _romberg(nodes)
        return fine + float(np.sum(coarse * (limit - nodes[-1]))), float(np.sum(np.abs(coarse) * error))

    def _one_time(self, times: Iterable[float], pick: Callable[[_Level], np.ndarray]):
        moments = self._within(times)
        values, errors = np.empty(moments.size), np.empty(moments.size)
        columns = [pick(level) for level in self.levels]
        for k, t in enumerate(moments):
            first, coarse = _lagrange_weights(t / self.levels[0].step, columns[0].size)
            points = first + np.arange(_STENCIL)
            nodes = [column[points * 2**halvings] for halvings, column in enumerate(columns)]
            first, weights = _lagrange_weights(t / self.levels[-1].step, columns[-1].size)
            fine = float(weights @ columns[-1][first : first + _STENCIL])
            values[k], errors[k] = self._extrapolate(coarse, fine, nodes)
        return values, errors

    def _within(self, times: Iterable[float]) -> np.ndarray:
        moments = read_times(times, allow_zero=True)
        if np.any(moments > self.final_time * (1 + 1e-12)):
            raise InputError(f"time {moments.max():g} is beyond the final time {self.final_time:g} of this solution")
        return moments

    def energy_density(self, times: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """e(t)."""
        return self._one_time(times, lambda level: level.energy)

    def lagrange_multiplier(self, times: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """mu(t)."""
        return self._one_time(times, lambda level: level.multiplier)

    def correlation_with_start(self, times: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """C(t, 0)."""
        return self._one_time(times, lambda level: level.correlation[:, 0])

    def overlap_with_signal(self, times: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """m(t)."""
        return self._one_time(times, lambda level: level.overlap)

    def _two_time(self, later, earlier, pick: Callable[[_Level, np.ndarray, np.ndarray], np.ndarray]):
        t, tw = np.broadcast_arrays(self._within(later), self._within(earlier))
        if np.any(t < tw):
            raise InputError("the later time must not be smaller than the waiting time")

        values, errors = np.empty(t.size), np.empty(t.size)
        for index in range(t.size):
            earlier, lag = tw[index], t[index] - tw[index]
            rows, columns, coarse = _triangle_stencil(earlier, lag, self.levels[0])
            nodes = [pick(level, rows * 2**k, columns * 2**k) for k, level in enumerate(self.levels)]
            rows, columns, weights = _triangle_stencil(earlier, lag, self.levels[-1])
            fine = float(np.sum(weights * pick(self.levels[-1], rows, columns)))
            values[index], errors[index] = self._extrapolate(coarse, fine, nodes)
        return values, errors

    def correlation(self, later: Iterable[float], earlier: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """C(t, t') for t >= t'."""
        return self._two_time(later, earlier, lambda level, i, j: level.correlation[i, j])

    def response(self, later: Iterable[float], earlier: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """R(t, t') for t >= t' (R(t, t) stands for the limit from t > t')."""
        return self._two_time(later, earlier, lambda level, i, j: level.response[i, j])

    def integrated_response(self, later: Iterable[float], earlier: Iterable[float]) -> tuple[np.ndarray, np.ndarray]:
        """chi(t, t') = integral of R(t, s) over s from t' to t."""

        def pick(level: _Level, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
            trapezoid = [
                level.step * np.trapezoid(level.response[i, j : i + 1])
                for i, j in zip(rows.ravel(), columns.ravel(), strict=True)
            ]
            return np.reshape(trapezoid, rows.shape)

        return self._two_time(later, earlier, pick)


def largest_uniform_time(model: TwoTimeModel, levels: int = 3) -> float:
    """Longest time that the largest grid reaches with the given number of levels."""
    return ((_MAX_POINTS - 1) / 2 ** (levels - 1) - _STENCIL - 1) * _COARSEST / model.rate


def solve_uniform(
    covariance: Covariance | Mapping[int, float],
    temperature: float,
    final_time: float,
    initial_temperature: float = math.inf,
    levels: int = 3,
    planted: Mapping[int, float] | None = None,
    initial_overlap: float = 0.0,
) -> UniformSolution:
    """Integrate the two-time equations up to ``final_time`` on ``levels`` uniform grids.

    Parameters
    ----------
    covariance, temperature, initial_temperature, planted, initial_overlap
        As in :func:`spinnet.theory.dynamics_model.two_time_model`.
    final_time : float
        Largest time, > 0.
    levels : int
        Number of grids, each with half the step of the one before; at least 2 for an error estimate.

    Raises
    ------
    InputError
        For input that is not allowed, or a final time that needs more than 3300 points.

    Notes
    -----
    With n points on the finest grid, time O(n^3) (n = 800: 0.2 s) and memory 16 n^2 bytes, plus a third of each for
    the coarser grids.
    """
    model = two_time_model(covariance, temperature, initial_temperature, planted, initial_overlap)
    last = float(read_times(final_time, "final_time")[0])
    if levels < 2:
        raise InputError(f"levels = {levels} is not allowed; an error estimate needs at least 2 grids")
    solution = UniformSolution(model, last)
    for _ in range(levels):
        if not solution.refine():
            raise InputError(
                f"time {last:g} needs more than {_MAX_POINTS} grid points with {levels} levels: for this model and "
                f"accuracy times go up to {largest_uniform_time(model, levels):.3g}"
            )
    return solution


def relaxation(
    covariance: Covariance | Mapping[int, float],
    temperature: float,
    times: Iterable[float],
    initial_temperature: float = math.inf,
    tolerance: float = 1e-6,
    planted: Mapping[int, float] | None = None,
    initial_overlap: float = 0.0,
) -> Relaxation:
    """Energy, correlation with the start and Lagrange multiplier of a relaxation in the limit N to infinity.

    Parameters
    ----------
    covariance, temperature, initial_temperature, planted, initial_overlap
        As in :func:`spinnet.theory.dynamics_model.two_time_model`.
    times : iterable of float
        Times > 0, in any order, up to :func:`largest_uniform_time` (p = 3, T = 0: 85; 3 + 4: 49).
    tolerance : float
        Grids are refined until ``error_estimate`` is at most this, or the largest grid is reached;
        ``converged`` tells which.

    Returns
    -------
    Relaxation

    Raises
    ------
    InputError
        For input that is not allowed, or times that no grid can reach.

    Examples
    --------
    >>> relaxation({3: 1.0}, 0.0, [1.0]).energy_density.round(6)
    array([-0.782508])
    """
    moments = read_times(times)
    wanted = float(tolerance)
    if not wanted > 0:
        raise InputError(f"tolerance = {tolerance!r} is not allowed; it must be a number > 0")
    solution = solve_uniform(
        covariance, temperature, float(moments.max()), initial_temperature, 3, planted, initial_overlap
    )
    while True:
        energy, energy_error = solution.energy_density(moments)
        start, start_error = solution.correlation_with_start(moments)
        overlap, overlap_error = solution.overlap_with_signal(moments)
        error = np.maximum(np.maximum(energy_error, start_error), overlap_error)
        converged = bool(np.all(error <= wanted))
        if converged or not solution.refine():
            break
    multiplier, _ = solution.lagrange_multiplier(moments)
    return Relaxation(moments, energy, start, multiplier, error, overlap, wanted, converged)
