r"""Long-time solver of the Cugliandolo-Kurchan equations: cost grows as a power of log t.

The equations are those of :mod:`spinnet.theory.dynamics_uniform`, the grid that of
:mod:`spinnet.theory.dynamics_log_grid`. The right-hand sides of a row are integrals over the history, whose values
between the nodes are polynomials in (s, xi); the derivative at fixed t' is

.. math::
    \partial_t = \frac{1}{a + t} \partial_s + \frac{1}{s} \left[ \frac{1}{a + t - t'} - \frac{\xi}{a + t} \right]
    \partial_\xi .

Both parts and all integrals are implicit: the rows of one element of s are solved together by Newton's method with
the full Jacobian, so that the step is limited by accuracy alone and grows in proportion to t. The length of an
element is set by the last Legendre coefficient of C in it. Errors are stated by refinement (see
:func:`spinnet.theory.dynamics_two_time.dynamics`): at long times the equations determine the clock of ageing only
through terms of relative size 1/t, so that a local error is no measure of the global one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.dynamics_log_grid import (
    HistoryNodes,
    PolynomialNodes,
    geometric_quadrature,
    interpolation_matrix,
)
from spinnet.theory.dynamics_model import TwoTimeModel, read_times

_NEWTON_TOLERANCE = 2e-10
_SHORTEST_STEP = 1e-4
# At late times the solution is smooth in ln t: steps below this mean that errors of the history, which the clock of
# ageing multiplies by t, have become visible.
_LATE = 6.0
_SHORTEST_LATE_STEP = 4e-3
# In units of the largest step: two resolutions must differ from the first element on, or their difference says nothing.
_FIRST_STEP = 1 / 9


@dataclass(frozen=True)
class LongTimeSettings:
    """Resolution; the first three entries are refined together to estimate an error.

    Attributes
    ----------
    step_error : float
        Largest last Legendre coefficient of C in an element of s.
    largest_step : float
        Longest element of s.
    degree : int
        Polynomial degree in a panel of the history.
    panel_width : float
        Width of a panel in the logarithm of t - t' or t'.
    stages : int
        Polynomial degree in an element of s.
    """

    step_error: float = 1e-6
    largest_step: float = 0.4
    degree: int = 12
    panel_width: float = 1.0
    stages: int = 4


class LongTimeSolution:
    """C, R and the one-time functions from 0 to the time reached so far; see :meth:`advance_to`.

    Parameters
    ----------
    model : TwoTimeModel
        From :func:`spinnet.theory.dynamics_model.two_time_model`.
    settings : LongTimeSettings
    threads : int
        Threads that assemble rows; the result does not depend on it.
    """

    def __init__(self, model: TwoTimeModel, settings: LongTimeSettings | None = None, threads: int = 2):
        self.model = model
        self.settings = settings or LongTimeSettings()
        self.scale = 1.0 / model.rate
        self.threads = max(1, int(threads))
        self.iterations = 0
        self.rejected = 0
        self._time = PolynomialNodes(self.settings.stages)
        self._along = PolynomialNodes(self.settings.degree)
        self._gauss = np.polynomial.legendre.leggauss(self.settings.degree)
        self._nodes = HistoryNodes(self._along, 3)
        self._edges = np.zeros(1)
        self._c = np.ones((1, self._nodes.xi.size))
        self._r = np.ones((1, self._nodes.xi.size))
        self._m = np.full(1, model.initial_overlap)
        self._one_time_rows = [self._one_time(0.0, 0)]
        self._jacobian = np.zeros((0, 0))

    @property
    def time_reached(self) -> float:
        """Last time of the solution."""
        return self.scale * math.expm1(self._edges[-1])

    @property
    def memory_bytes(self) -> int:
        """Bytes of the Newton matrix and of the history: the largest arrays."""
        return self._jacobian.nbytes + self._c.nbytes + self._r.nbytes

    @property
    def steps(self) -> int:
        """Number of elements in s."""
        return self._edges.size - 1

    def advance_to(self, final_time: float, progress: Callable[[float], None] | None = None) -> None:
        """Integrate until ``final_time`` is reached; after each element ``progress`` is told the share of work done.

        Raises
        ------
        NotConvergedError
            Where the step has become too short to go on.
        """
        final = math.log1p(final_time / self.scale)
        largest = self.settings.largest_step
        step = _FIRST_STEP * largest if self.steps == 0 else self._edges[-1] - self._edges[-2]
        limit = self.settings.step_error
        with ThreadPoolExecutor(self.threads) as pool:
            while self._edges[-1] < final:
                shortest = _SHORTEST_STEP if self._edges[-1] < _LATE else _SHORTEST_LATE_STEP
                if step < shortest:
                    raise NotConvergedError(
                        f"the long-time solver did not get beyond t = {self.time_reached:.4g} of {final_time:.4g} with "
                        f"polynomials of degree {self.settings.degree}; ask for shorter times or a smaller tolerance"
                    )
                solved = self._solve_element(step, pool)
                error = self._last_coefficient() if solved else math.inf
                factor = (limit / max(error, 1e-300)) ** (1.0 / self.settings.stages)
                if error > 4.0 * limit:
                    self._drop_element()
                    self.rejected += 1
                    step *= max(0.3, min(0.5, 0.8 * factor))
                    continue
                stages = self.settings.stages
                for k in range(stages):
                    row = self._m.size - stages + k
                    self._one_time_rows.append(self._one_time(self._row_times(self.steps)[k], row))
                step = min(largest, step * min(2.0, max(0.4, 0.85 * factor)))
                if progress is not None:
                    # The matrix grows in proportion to s, and most of the time goes into its factors.
                    progress(min(1.0, self._edges[-1] / final) ** 4)
        self._one_time_columns = np.array(self._one_time_rows)

    def _row_times(self, element: int) -> np.ndarray:
        left, right = self._edges[element - 1], self._edges[element]
        return left + 0.5 * (self._time.nodes[1:] + 1.0) * (right - left)

    def _last_coefficient(self) -> float:
        last = self._time.to_legendre[-1] @ self._c[-self.settings.stages - 1 :]
        return float(np.abs(last).max())

    def _drop_element(self) -> None:
        stages = self.settings.stages
        self._edges = self._edges[:-1]
        self._c, self._r, self._m = self._c[:-stages], self._r[:-stages], self._m[:-stages]

    def _one_time(self, s: float, row: int) -> tuple[float, float]:
        """mu and e of a row."""
        model = self.model
        polyval = np.polynomial.polynomial.polyval
        _, _, weights = self._nodes.places(s, self.scale)
        c, r, m = self._c[row], self._r[row], self._m[row]
        noise = polyval(c, model.df)
        memory = polyval(c, model.ddf) * r
        pull = model.inverse_initial * noise[-1]
        signal = polyval(m, model.signal)
        signal_pull = polyval(m, _derivative(model.signal))
        mu = model.temperature + weights @ (noise * r + memory * c) + pull * c[-1] + signal_pull * m
        energy = -weights @ (noise * r) - model.inverse_initial * polyval(c[-1], model.f) - signal
        return float(mu), float(energy)

    def _refine_nodes(self, s: float) -> None:
        """More panels where the row of logarithmic time s needs them: the whole history moves to the new nodes."""
        needed = math.ceil(2.0 * s / self.settings.panel_width)
        if needed <= self._nodes.panels:
            return
        panels = max(needed, math.ceil(1.12 * self._nodes.panels))
        new = HistoryNodes(self._along, panels)
        transfer = self._nodes.transfer(new.xi)
        self._c, self._r = self._c @ transfer.T, self._r @ transfer.T
        self._c[:, 0] = self._r[:, 0] = 1.0
        self._nodes = new

    def _solve_element(self, step: float, pool: ThreadPoolExecutor) -> bool:
        """Append the rows of one element of length ``step``; False where Newton's method fails."""
        stages = self.settings.stages
        self._refine_nodes(self._edges[-1] + step)
        self._edges = np.append(self._edges, self._edges[-1] + step)
        times = self._row_times(self.steps)
        base = self._m.size - 1
        if self.steps > 1:
            left, right = self._edges[-3], self._edges[-2]
            guess = interpolation_matrix(2.0 * (times - left) / (right - left) - 1.0, self._time.nodes)
        else:
            guess = np.ones((stages, 1))
        rows = slice(base + 1 - guess.shape[1], base + 1)
        self._c = np.vstack([self._c, guess @ self._c[rows]])
        self._r = np.vstack([self._r, guess @ self._r[rows]])
        self._m = np.append(self._m, guess @ self._m[rows])
        # C = R = 1 on the diagonal is no unknown: extrapolation would amplify its rounding error step by step.
        self._c[base + 1 :, 0] = self._r[base + 1 :, 0] = 1.0
        size = self._nodes.xi.size - 1
        block = 2 * size + 1
        if self._jacobian.shape[0] != stages * block:
            self._jacobian = np.empty((0, 0))  # frees the old one first
            self._jacobian = np.zeros((stages * block, stages * block))
        residual = np.zeros(stages * block)
        factors = None
        previous = math.inf
        for iteration in range(25):
            self._assemble(times, base, factors is None, residual, pool)
            if not np.all(np.isfinite(residual)):
                return False
            if factors is None:
                # The transpose is Fortran-ordered: factored in place, and solved with the transposed factors.
                factors = lu_factor(self._jacobian.T, overwrite_a=True, check_finite=False)
            change = lu_solve(factors, -residual, trans=1, check_finite=False).reshape(stages, block)
            if not np.all(np.isfinite(change)):
                return False
            self._c[base + 1 :, 1:] += change[:, :size]
            self._r[base + 1 :, 1:] += change[:, size : 2 * size]
            self._m[base + 1 :] += change[:, -1]
            self.iterations += 1
            largest = float(np.abs(change).max())
            if largest < _NEWTON_TOLERANCE:
                return True
            if largest > 1e3:
                return False
            if largest > 0.3 * previous or (iteration == 0 and largest > 0.05):
                factors = None
            previous = largest
        return False

    def _assemble(self, times, base: int, with_jacobian: bool, residual: np.ndarray, pool: ThreadPoolExecutor) -> None:
        from spinnet.kernels.two_time_log import assemble_rows

        model, nodes, along, moments = self.model, self._nodes, self._along, self._time
        polyval = np.polynomial.polynomial.polyval
        size = nodes.xi.size - 1
        force, curvature = _derivative(model.signal), _derivative(_derivative(model.signal))
        cuts = np.linspace(1, size + 1, 4 * self.threads + 1).astype(int)
        jobs = []
        for stage in range(1, self.settings.stages + 1):
            s, row = float(times[stage - 1]), base + stage
            _, earlier, weights = nodes.places(s, self.scale)
            c, r, m = self._c[row], self._r[row], self._m[row]
            first, second, third = polyval(c, model.df), polyval(c, model.ddf), polyval(c, _derivative(model.ddf))
            mu, _ = self._one_time(s, row)
            mu_c = weights * (2.0 * second + third * c) * r
            mu_c[-1] += model.inverse_initial * (first[-1] + second[-1] * c[-1])
            mu_r = weights * (first + second * c)
            functions = np.array([second * r, first, second, third * r, mu_c, mu_r])
            pull, pull_m = polyval(m, force), polyval(m, curvature)
            mu_m = pull_m * m + pull
            start = model.inverse_initial
            scalars = np.array([[mu, mu_m, start * first[-1], start * second[-1], pull, pull_m]])
            for begin, end in pairwise(cuts):
                jobs.append(
                    pool.submit(
                        assemble_rows, int(begin), int(end), stage, self.steps, with_jacobian, self.scale, self._edges,
                        moments.nodes, moments.barycentric, moments.derivative[stage], self._c, self._r, self._m,
                        nodes.panels, along.degree, along.nodes, along.barycentric, along.derivative, nodes.xi,
                        nodes.weights, self._gauss[0], self._gauss[1], self.settings.panel_width, functions, scalars,
                        self._jacobian, residual,
                    )
                )  # fmt: skip
            self._assemble_overlap(stage, s, base, earlier, weights, functions, scalars[0], with_jacobian, residual)
        for job in jobs:
            job.result()

    def _assemble_overlap(self, stage, s, base, earlier, weights, functions, scalars, with_jacobian, residual) -> None:
        """Residual and Jacobian of the equation for m in one row."""
        stages, size = self.settings.stages, earlier.size - 1
        block = 2 * size + 1
        line = stage * block - 1
        if self.model.initial_overlap == 0.0:
            # m = 0 solves its equation for every signal without a linear term.
            residual[line] = self._m[base + stage]
            if with_jacobian:
                self._jacobian[line] = 0.0
                self._jacobian[line, line] = 1.0
            return
        memory, _, second, third, mu_c, mu_r = functions
        mu, mu_m, _, _, pull, pull_m = scalars
        width = self._edges[-1] - self._edges[-2]
        slope = 2.0 / (width * self.scale * math.exp(s)) * self._time.derivative[stage]
        s_earlier = np.log1p(earlier / self.scale)
        element, weight = self._time_weights(s_earlier)
        values = np.sum(weight * self._m[element[:, None] * stages + np.arange(stages + 1)], axis=1)
        m = self._m[base + stage]
        residual[line] = slope @ self._m[base : base + stages + 1] + mu * m - pull - weights @ (memory * values)
        if with_jacobian:
            row = self._jacobian[line]
            row[:] = 0.0
            front = np.where((element == self.steps - 1)[:, None], weight, 0.0)
            row[block - 1 :: block] = slope[1:] - (weights * memory) @ front[:, 1:]
            row[line] += mu + m * mu_m - pull_m
            at = (stage - 1) * block
            row[at : at + size] += (m * mu_c - weights * third * values)[1:]
            row[at + size : at + 2 * size] += (m * mu_r - weights * second * values)[1:]

    def _time_weights(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Element of each logarithmic time and the interpolation weights in it."""
        element = np.clip(np.searchsorted(self._edges, s, side="right") - 1, 0, self.steps - 1)
        left, right = self._edges[element], self._edges[element + 1]
        return element, interpolation_matrix(2.0 * (s - left) / (right - left) - 1.0, self._time.nodes)

    def _interpolate_rows(self, times: Iterable[float], column: np.ndarray) -> np.ndarray:
        moments = read_times(times, allow_zero=True)
        if np.any(moments > self.time_reached * (1 + 1e-12)):
            raise InputError(f"time {moments.max():g} is beyond the time {self.time_reached:.6g} of this solution")
        element, weights = self._time_weights(np.log1p(moments / self.scale))
        stages = self.settings.stages
        return np.sum(weights * column[element[:, None] * stages + np.arange(stages + 1)], axis=1)

    def lagrange_multiplier(self, times: Iterable[float]) -> np.ndarray:
        """mu(t)."""
        return self._interpolate_rows(times, self._one_time_columns[:, 0])

    def energy_density(self, times: Iterable[float]) -> np.ndarray:
        """e(t)."""
        return self._interpolate_rows(times, self._one_time_columns[:, 1])

    def correlation_with_start(self, times: Iterable[float]) -> np.ndarray:
        """C(t, 0)."""
        return self._interpolate_rows(times, self._c[:, -1])

    def overlap_with_signal(self, times: Iterable[float]) -> np.ndarray:
        """m(t)."""
        return self._interpolate_rows(times, self._m)

    def _pairs(self, lags: np.ndarray, earlier: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        from spinnet.kernels.two_time_log import evaluate_pairs

        correlation, response = np.empty(lags.size), np.empty(lags.size)
        moments, along = self._time, self._along
        evaluate_pairs(
            np.ascontiguousarray(lags), np.ascontiguousarray(earlier), self.scale, self._edges, moments.nodes,
            moments.barycentric, self._c, self._r, self._nodes.panels, along.degree, along.nodes, along.barycentric,
            correlation, response,
        )  # fmt: skip
        return correlation, response

    def _lags(self, later, earlier) -> tuple[np.ndarray, np.ndarray]:
        t, tw = np.broadcast_arrays(
            read_times(later, "later", allow_zero=True), read_times(earlier, "earlier", allow_zero=True)
        )
        if np.any(t < tw):
            raise InputError("the later time must not be smaller than the waiting time")
        if np.any(t > self.time_reached * (1 + 1e-12)):
            raise InputError(f"time {t.max():g} is beyond the time {self.time_reached:.6g} of this solution")
        return t - tw, np.array(tw)

    def correlation(self, later: Iterable[float], earlier: Iterable[float]) -> np.ndarray:
        """C(t, t') for t >= t'. Shape (n,)."""
        return self._pairs(*self._lags(later, earlier))[0]

    def response(self, later: Iterable[float], earlier: Iterable[float]) -> np.ndarray:
        """R(t, t') for t >= t' (R(t, t) stands for the limit from t > t'). Shape (n,)."""
        return self._pairs(*self._lags(later, earlier))[1]

    def integrated_response(self, later: Iterable[float], earlier: Iterable[float]) -> np.ndarray:
        """chi(t, t') = integral of R(t, s) over s from t' to t. Shape (n,)."""
        lags, starts = self._lags(later, earlier)
        values = np.zeros(lags.size)
        for k in range(lags.size):
            back, weights = geometric_quadrature(
                float(lags[k]), self.scale, self.settings.panel_width, self.settings.degree
            )
            values[k] = weights @ self._pairs(back, starts[k] + (lags[k] - back))[1]
        return values


def _derivative(coefficients: np.ndarray) -> np.ndarray:
    return coefficients[1:] * np.arange(1, coefficients.size) if coefficients.size > 1 else np.zeros(1)
