r"""Exact disorder averages of energies on a tree (GREM, branching random walk) at finite size.

Edges of generation l = 1..L carry independent energies N(0, sigma_l^2), a node of generation l - 1 has b_l children.
With V the value T ln Exp(1) - T ln Z of a subtree (at T = 0: its lowest energy), one generation is

.. math::
    V_{l-1} = \min_{i \le b_l} \left(V_l^{(i)} + \sigma_l z_i\right) \text{ in law}, \qquad
    V_L = T \ln \mathrm{Exp}(1) \;\; (0 \text{ at } T = 0),

because exp(-e^y sum_i Z_i) factorises. The distribution functions F_l are carried as logarithms on grids:
a smoothing by the Gaussian, then F -> 1 - (1 - F)^b. All F_l are log-concave, so each smoothing has one saddle and
keeps full relative precision in the left tail. That matters: the front of a branching random walk is pulled by its
tail, and a cut at F = 10^-16 shifts its velocity by one part in a thousand (Brunet and Derrida 1997).

E ln Z = -gamma_E - E V_0/T, and the probability that two replicas share their first k generations is the integral of
E[sum over nodes of generation k of (e^y Z_node)^2 exp(-e^y Z)], which obeys a linear recursion beside F.

The values b_l need not be whole numbers; for b_l = 2^{N s_l} in between, the formulas interpolate.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr

from spinnet.configurable import real_number
from spinnet.errors import InputError, NotConvergedError
from spinnet.theory.level_averages import log_mean_gaussian
from spinnet.theory.random_energy_finite import log_minimum_of, log_minus_log1p

Array = NDArray[np.float64]

_SATURATED = -46.0
_TAIL = 75.0
_REACH = 9.0
_LARGEST_COST = 5e9
# The trapezoidal rule resolves a Gaussian of 1.45 steps: exp(-2 pi^2 1.45^2) = 1e-18. Narrower ones need a stencil.
_RESOLVED = 1.45
_STENCIL = 14
_SEGMENT = 32


@dataclass(frozen=True)
class _Grid:
    """Logarithms of a positive function at the points step * (first + i)."""

    first: int
    step: float
    log: Array
    is_distribution: bool

    @property
    def last(self) -> int:
        return self.first + self.log.size - 1

    @property
    def x(self) -> Array:
        return self.step * (self.first + np.arange(self.log.size))

    def at(self, indices: Array) -> Array:
        """Values at any indices: linear to the left; one (distributions) or zero (densities) to the right."""
        inside = self.log[np.clip(indices - self.first, 0, self.log.size - 1)]
        slope = self.log[1] - self.log[0] if self.log.size > 1 else 0.0
        values = np.where(indices < self.first, self.log[0] + slope * (indices - self.first), inside)
        return np.where(indices > self.last, 0.0 if self.is_distribution else -1e300, values)


def _smooth_block(grid: _Grid, sigma: float, start: int, stop: int, stride: int) -> Array:
    """Return ln E f(x + sigma z) at range(start, stop, stride), with a tilt that puts the saddle at the centre."""
    h = grid.step
    centre = (start + stop) // 2
    candidates = np.arange(min(grid.first, centre), max(grid.last, centre) + 1)
    height = grid.at(candidates) - 0.5 * ((candidates - centre) * (h / sigma)) ** 2
    saddle = int(candidates[int(np.argmax(height))])
    shift = saddle - centre
    tilt = shift * (h / sigma) ** 2
    half = math.ceil(_REACH * sigma / h) + (stop - start) // 2 + 1
    offsets = np.arange(shift - half, shift + half + 1)
    indices = np.arange(start + offsets[0], stop + offsets[-1])
    top = float(grid.at(np.array([saddle]))[0])
    values = np.exp(np.minimum(grid.at(indices) - top - tilt * (indices - saddle), 700.0))
    # nothing of use is this small, and denormal numbers are slow
    values[values < 1e-120] = 0.0
    kernel = np.exp(-0.5 * ((offsets - shift) * (h / sigma)) ** 2)
    rows = np.arange(start, stop, stride)
    if stride < 8:
        total = np.correlate(values, kernel, "valid")[::stride]
    else:
        total = np.array([values[row - start : row - start + kernel.size] @ kernel for row in rows])
    with np.errstate(divide="ignore"):
        total = np.log(total)
    total += top + tilt * (rows - saddle) + 0.5 * (shift * h / sigma) ** 2
    return total + math.log(h / (sigma * math.sqrt(2.0 * math.pi)))


@lru_cache(maxsize=512)
def _stencil(ratio: float) -> Array:
    """Return weights c_m with sum_m c_m f(m) = E f(ratio z) for polynomials of degree 28: Lagrange, then averaged."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(28)
    weights = weights / weights.sum()
    places = np.arange(-_STENCIL, _STENCIL + 1)
    result = np.empty(places.size)
    for i, place in enumerate(places):
        others = np.delete(places, i)
        basis = np.prod((ratio * nodes[:, None] - others) / (place - others), axis=1)
        result[i] = weights @ basis
    return result


def _weighted(grid: _Grid, weights: Array, start: int, stop: int) -> Array:
    """Return ln sum_m c_m f(k + m) at the indices k = start..stop-1, for few weights c_m, m = -half..half."""
    half = weights.size // 2
    firsts = np.arange(start, stop, _SEGMENT)
    # each segment is scaled by its own largest value: f changes by many orders of magnitude along the grid
    around = grid.at(firsts[:, None] + np.arange(-half, _SEGMENT + half))
    top = around.max(axis=1, keepdims=True)
    scaled = np.exp(around - top)
    total = np.zeros((firsts.size, _SEGMENT))
    for m, weight in enumerate(weights):
        total += weight * scaled[:, m : m + _SEGMENT]
    return (top + np.log(np.maximum(total, 1e-300))).ravel()[: stop - start]


def _smooth(grid: _Grid, sigma: float, start: int, stop: int, stride: int = 1) -> Array:
    """Return ln E f(x + sigma z) at the indices range(start, stop, stride), by the method that suits sigma/step."""
    if sigma == 0.0:
        return grid.at(np.arange(start, stop, stride))
    ratio = sigma / grid.step
    if ratio < _RESOLVED:
        return _weighted(grid, _stencil(ratio), start, stop)[::stride]
    slope = (grid.log[1] - grid.log[0]) / grid.step
    half = math.ceil((_REACH + 4.0) * ratio)
    if half <= 60 and sigma * slope <= 4.0:
        offsets = np.arange(-half, half + 1)
        weights = np.exp(-0.5 * (offsets / ratio) ** 2) / (ratio * math.sqrt(2.0 * math.pi))
        return _weighted(grid, weights, start, stop)[::stride]
    size = _block_size(ratio, stride)
    edges = [*range(start, stop, size), stop]
    parts = [_smooth_block(grid, sigma, a, b, stride) for a, b in itertools.pairwise(edges)]
    return np.concatenate(parts)


def _block_size(ratio: float, stride: int) -> int:
    # 15 sigma from the centre the tilt is off by exp(-15^2/2) = 1e-49: well inside the range of floats. A wide Gaussian
    # pays for the reach of a block, a narrow one for the number of blocks.
    return stride * math.ceil(max(64, (30.0 if ratio < 50.0 else 8.0) * ratio) / stride)


class _Recursion:
    """One pass from the leaves to the root at one fineness of the grids."""

    def __init__(self, scales: Array, log_branches: Array, temperature: float, fineness: float):
        self.scales, self.log_branches, self.temperature = scales, log_branches, temperature
        depth = scales.size
        below = np.concatenate([np.cumsum((scales**2)[::-1])[::-1], [0.0]])
        budget = _TAIL + log_branches.sum()
        # Chernoff bound with a power theta <= 1: below these points F_l cannot contribute
        spread = np.sqrt(below[:depth])
        if temperature > 0:
            theta = np.minimum(1.0, math.sqrt(2.0 * budget) * temperature / np.maximum(spread, 1e-300))
            self.lowest = -(temperature * budget / theta + theta * spread**2 / (2.0 * temperature))
        else:
            self.lowest = -spread * math.sqrt(2.0 * budget)
        widths = scales / np.sqrt(1.0 + 2.0 * log_branches)
        steps = self._grid_steps(0.28 * np.maximum(temperature, widths) * fineness)
        if np.any((scales[:-1] > 0) & (scales[:-1] < _RESOLVED * steps[1:])):
            # stencils interpolate, which needs finer grids than the trapezoidal rule
            steps = self._grid_steps(0.1 * np.maximum(temperature, widths) * fineness)
        self.steps = steps
        points = (np.abs(self.lowest) + 10.0 * spread + 4.0 * temperature) / steps
        strides = np.append(steps[:-1] / steps[1:], 1.0)
        points *= np.where(strides < 8, strides, 1.0)
        taps = np.append(np.maximum(2.0 * _REACH * scales[:-1] / steps[1:], 2.0 * _STENCIL), 400.0)
        self.cost = float((points * taps).sum())

    @staticmethod
    def _grid_steps(target: Array) -> Array:
        """Return a step for each F_l: at most its target, from the leaves to the root only doubling."""
        steps = target.copy()
        for level in range(target.size - 2, -1, -1):
            ratio = target[level] / steps[level + 1]
            steps[level] = steps[level + 1] * (2 ** math.floor(math.log2(ratio)) if ratio >= 2 else 1)
        return steps

    def _distribution(self, level: int, below: _Grid | None) -> tuple[Array, int, int]:
        """Return ln E F_l(x + sigma_l z) from the lowest point until one, its first index, and the stride."""
        sigma, step = self.scales[level], self.steps[level]
        stride = 1 if below is None else round(step / below.step)
        size = 512 if below is None else max(512, _block_size(sigma / below.step, stride) // stride)
        first = position = math.floor(self.lowest[level] / step)
        parts: list[Array] = []
        for _ in range(100_000):
            if below is not None:
                part = _smooth(below, sigma, position * stride, (position + size) * stride, stride)
            else:
                x = step * np.arange(position, position + size)
                if self.temperature > 0:
                    part = log_mean_gaussian(x / self.temperature, sigma / self.temperature)
                else:
                    part = log_ndtr(x / sigma)
            # within rounding of one: else (1 - F) would stop falling at 1e-16
            parts.append(np.where(part > -2e-15, 0.0, part))
            position += size
            # stop once (1 - F)^b is negligible
            if float(-np.exp(self.log_branches[level] + log_minus_log1p(parts[-1][-1:]))[0]) < _SATURATED:
                return np.concatenate(parts), first, stride
        raise NotConvergedError("the distribution of the tree's free energy did not reach one")

    def run(self, depths: tuple[int, ...] = ()) -> tuple[_Grid, dict[int, _Grid]]:
        """Return F_0, and the densities in x whose integrals are P(the first k generations are shared)."""
        depth = self.scales.size
        full = any(k < depth for k in depths)
        below = first = pair = None
        shared: dict[int, _Grid | None] = {depth: None}
        for level in range(depth - 1, -1, -1):
            here = _Generation(self, level, *self._distribution(level, below))
            log_b = self.log_branches[level]
            # both replicas in the same child; from generation k upwards they stay together
            shared = {
                k: here.density(log_b + here.smoothed(density, 2) + here.log_power(1))
                for k, density in shared.items()
                if k in depths
            }
            if full:
                mean_first = here.smoothed(first, 1)
                same = log_b + here.smoothed(pair, 2) + here.log_power(1)
                different = here.log_pairs + 2.0 * mean_first + here.log_power(2)
                pair = here.density(np.logaddexp(same, different))
                first = here.density(log_b + mean_first + here.log_power(1))
                shared[level] = pair
            below = _Grid(here.start, here.step, log_minimum_of(here.log_g, log_b), True)
        return below, {k: density for k, density in shared.items() if k in depths}


class _Generation:
    """One generation on its way up: G_l = E F_l(x + sigma_l z), and averages of densities over the same Gaussian.

    Densities are those of orders in u = x/T: order 1 belongs to e^y Z exp(-e^y Z), order 2 to its square before the
    exponential; at the leaves (None) they are the kernels K_1 and K_2.
    """

    def __init__(self, recursion: _Recursion, level: int, log_g: Array, start: int, stride: int):
        self.scale, self.step = recursion.scales[level], recursion.steps[level]
        self.temperature, self.log_b = recursion.temperature, recursion.log_branches[level]
        self.log_g, self.start, self.stride = log_g, start, stride
        self.hazard = log_minus_log1p(log_g)

    @property
    def log_pairs(self) -> float:
        """ln b(b-1)."""
        distinct = max(-math.expm1(-self.log_b), 0.0)
        return 2.0 * self.log_b + (math.log(distinct) if distinct > 0.0 else -math.inf)

    def log_power(self, missing: int) -> Array:
        """Return ln (1 - G)^(b - missing)."""
        share = 1.0 - missing * math.exp(-self.log_b)
        if share == 0.0:
            return np.zeros_like(self.hazard)
        with np.errstate(over="ignore"):
            return -share * np.exp(np.minimum(self.log_b + self.hazard, 700.0))

    def smoothed(self, density: _Grid | None, order: int) -> Array:
        """Return ln of the Gaussian average of a density, or of the kernel of this order."""
        if density is None:
            x = self.step * (self.start + np.arange(self.log_g.size))
            return log_mean_gaussian(x / self.temperature, self.scale / self.temperature, order)
        stop = (self.start + self.log_g.size) * self.stride
        return _smooth(density, self.scale, self.start * self.stride, stop, self.stride)

    def density(self, log: Array) -> _Grid:
        return _Grid(self.start, self.step, log, False)


def _prepare(scales, log_branches) -> tuple[Array, Array, float]:
    """Return edge widths and log-branchings without trailing generations of zero width, and the ln b they hold."""
    scales = np.asarray(scales, dtype=float)
    log_branches = np.asarray(log_branches, dtype=float)
    if scales.shape != log_branches.shape or scales.ndim != 1 or scales.size == 0:
        raise InputError("a tree needs one width and one branching for each generation")
    if not (np.all(np.isfinite(scales)) and np.all(scales >= 0) and np.all(log_branches >= 0) and np.any(scales > 0)):
        raise InputError(
            "widths of a tree are finite and not negative, with at least one above zero, and branchings at least 1"
        )
    used = int(np.flatnonzero(scales > 0)[-1]) + 1
    return scales[:used], log_branches[:used], float(log_branches[used:].sum())


def _converged(
    scales: Array, log_branches: Array, temperature: float, value: Callable, tolerance: float = 1e-9
) -> Array:
    """Return value(recursion), refining the grids until it stands still.

    Convergence is exponential: a change of 1e-9 at one refinement leaves an error far below.
    """
    previous = None
    for fineness in (1.4, 1.0, 0.7, 0.5, 0.35, 0.25):
        recursion = _Recursion(scales, log_branches, temperature, fineness)
        if recursion.cost > _LARGEST_COST:
            raise InputError(
                f"a tree of {scales.size} generations with widths from {scales.min():g} to {scales.max():g} "
                "costs too much to solve exactly; use a smaller n, or the limit"
            )
        current = np.asarray(value(recursion))
        if previous is not None and np.all(np.abs(current - previous) <= tolerance * (1.0 + np.abs(current))):
            return current
        previous = current
    raise NotConvergedError("the tree recursion still changes on its finest grid")


def _mean(grid: _Grid) -> float:
    """Return the mean of a variable from ln F, by comparison with a Gaussian one of about the same width."""
    low, middle, high = np.interp(np.log([0.16, 0.5, 0.84]), grid.log, grid.x)
    width = 0.5 * (high - low)
    indices = np.arange(
        min(grid.first, math.floor((middle - 9.0 * width) / grid.step)),
        max(grid.last, math.ceil((middle + 9.0 * width) / grid.step)) + 1,
    )
    survival = np.exp(-np.exp(np.minimum(log_minus_log1p(grid.at(indices)), 700.0)))
    reference = ndtr((middle - grid.step * indices) / width)
    return middle + float((survival - reference).sum()) * grid.step


def mean_log_partition(scales, log_branches, beta: float) -> float:
    """Return E ln Z of a tree: the sum over its leaves of exp(-beta E).

    Parameters
    ----------
    scales : sequence of float
        Standard deviations sigma_l of the edge energies, from the root.
    log_branches : sequence of float
        ln b_l, the logarithm of the number of children of a node of generation l - 1.
    beta : float

    Returns
    -------
    float
        Accurate to about 1e-10 relative.

    Raises
    ------
    InputError
        If the tree is malformed, or too deep to be solved.
    """
    beta = real_number("beta", beta, above=0.0)
    scales, log_branches, extra = _prepare(scales, log_branches)

    def value(recursion: _Recursion) -> float:
        return _mean(recursion.run()[0])

    return extra - np.euler_gamma - beta * float(_converged(scales, log_branches, 1.0 / beta, value))


def mean_minimum(scales, log_branches) -> float:
    """Return the mean lowest energy of the leaves of a tree; arguments as in :func:`mean_log_partition`."""
    scales, log_branches, _ = _prepare(scales, log_branches)
    return float(_converged(scales, log_branches, 0.0, lambda recursion: _mean(recursion.run()[0])))


def shared_depth_probabilities(scales, log_branches, beta: float, depths: Sequence[int] | None = None) -> Array:
    """Return P(two replicas share their first k generations) for each k in ``depths``, averaged over the disorder.

    Parameters
    ----------
    depths : sequence of int, optional
        Values of k from 0 (always one) to L (the same leaf: E Y_2); by default all of them.

    Notes
    -----
    With P_k these numbers, E <H> = -beta sum_k sigma_k^2 (1 - P_k) by Gaussian integration by parts.
    """
    return log_partition_and_sharing(scales, log_branches, beta, depths)[1]


def log_partition_and_sharing(
    scales, log_branches, beta: float, depths: Sequence[int] | None = None
) -> tuple[float, Array]:
    """Return :func:`mean_log_partition` and :func:`shared_depth_probabilities` of one recursion."""
    beta = real_number("beta", beta, above=0.0)
    generations = np.size(scales)
    wanted = list(range(generations + 1) if depths is None else depths)
    if any(k != int(k) or not 0 <= k <= generations for k in wanted):
        raise InputError(f"depths = {wanted}: give whole numbers from 0 to {generations}, the number of generations")
    used, branches, extra = _prepare(scales, log_branches)
    inner = tuple(sorted({min(int(k), used.size) for k in wanted}))

    def value(recursion: _Recursion) -> Array:
        root, shared = recursion.run(inner)
        return np.array([_mean(root), *(float(np.exp(shared[k].log).sum()) * shared[k].step * beta for k in inner)])

    mean, *sharing = _converged(used, branches, 1.0 / beta, value)
    found = dict(zip(inner, sharing, strict=True))
    # leaves below the last random edge are equivalent: each further generation divides by its branching
    rest = np.exp(-np.cumsum(np.asarray(log_branches, dtype=float)[used.size :]))
    probabilities = [found[k] if k <= used.size else found[used.size] * rest[k - used.size - 1] for k in wanted]
    return extra - np.euler_gamma - beta * float(mean), np.array(probabilities)
