r"""The covariance of a network's energy as a function of overlap, from sums over patterns.

Pairs of weight configurations (w, w') are drawn at fixed overlaps q. For every pair the patterns are divided into
blocks, and of each block five sums are kept: of l, l', l l', l^2 and l'^2, with l = l(w, x) the loss on a pattern. Two
covariances follow, each normalised to f(1) = 1/2,

.. math::
    f_{data}(q) = \frac12 \frac{\langle Cov_x[l, l'] \rangle_q}{\langle Var_x[l] \rangle}, \qquad
    f_{weights}(q) = \frac12 \frac{Cov_w[E(w), E(w')]_q}{Var_w[E]},

over resamplings of the data at fixed weights (patterns are independent: the covariance of E = sum_x l is P times that
of l), and over weights on the data as they are. What the second does not have is the part that all weights share
(degree 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.configurable import one_of, whole_number
from spinnet.errors import InputError

#: The sums that are kept of each block of patterns.
MOMENTS = ("l", "l'", "l l'", "l^2", "l'^2")
KINDS = ("data", "weights")
REPLICATES = 200
_LARGEST_DEGREE = 24


@dataclass(frozen=True)
class OverlapCovariance:
    """f(q) with errors.

    Attributes
    ----------
    kind : {"data", "weights"}
    overlap, value : ndarray
        q and f(q), shape (overlaps,); f(1) = 1/2.
    error_data, error_weights : ndarray
        Standard errors from resampling the data (blocks of patterns) and from resampling the weight configurations.
    variance_per_pattern, variance_error : float
        What 2 f is multiplied with: Var_x[l], or Var_w[E]/P; the same units, so that the two kinds can be compared.
    spread, spread_noise : ndarray
        Standard deviation over pairs of the covariance of one pair, in units of f, and the part of it that the finite
        number of patterns explains; NaN for "weights", where one pair has no covariance.
    replicates : ndarray
        f of resampled data, then of resampled weights: shape (2, replicates, overlaps).
    variance_replicates : ndarray
        ``variance_per_pattern`` of the same, shape (2, replicates).
    """

    kind: str
    overlap: NDArray
    value: NDArray
    error_data: NDArray
    error_weights: NDArray
    variance_per_pattern: float
    variance_error: float
    spread: NDArray
    spread_noise: NDArray
    replicates: NDArray
    variance_replicates: NDArray

    @property
    def error(self) -> NDArray:
        """Standard error from data and weights together, to first order."""
        return np.hypot(self.error_data, self.error_weights)


@dataclass(frozen=True)
class CovarianceFit:
    """f(q) = 1/2 sum_p a_p^2 q^p with a_p^2 >= 0, least squares.

    Attributes
    ----------
    degrees, squares, errors : ndarray
        p, a_p^2 and its standard error, shape (degrees,); the squares sum to one.
    lower, upper : ndarray
        16 and 84 per cent points of a_p^2 over resampled data and weights: where a_p^2 touches zero the error alone
        misleads.
    residual : ndarray
        (f - fit)/error at each overlap below 1 (errors of neighbouring overlaps are correlated).
    replicates : ndarray
        a_p^2 of resampled data, then of resampled weights, in the order of the replicates of f: shape
        (2, replicates, degrees).
    """

    degrees: NDArray
    squares: NDArray
    errors: NDArray
    lower: NDArray
    upper: NDArray
    residual: NDArray
    replicates: NDArray

    def __call__(self, q: ArrayLike) -> NDArray:
        """f(q), same shape."""
        q = np.asarray(q, dtype=np.float64)
        total = np.zeros_like(q)
        for degree, square in zip(self.degrees, self.squares, strict=True):
            total += 0.5 * square * q**degree
        return total

    def amplitudes(self, lowest: int = 2, highest: int = 6) -> dict[int, float]:
        """a_p of the degrees in between that are not zero: what a glass can be built from."""
        return {
            int(p): float(np.sqrt(square))
            for p, square in zip(self.degrees, self.squares, strict=True)
            if lowest <= p <= highest and square > 1e-12
        }

    def left_out(self, lowest: int = 2, highest: int = 6) -> dict[int, float]:
        """The shares a_p^2 of the degrees outside."""
        return {
            int(p): float(square)
            for p, square in zip(self.degrees, self.squares, strict=True)
            if not lowest <= p <= highest and square > 1e-12
        }


def overlap_covariance(
    overlap: ArrayLike, sums: ArrayLike, counts: ArrayLike, kind: str = "data", seed: int = 0
) -> OverlapCovariance:
    """Return f(q) of one kind from the sums over blocks of patterns.

    Parameters
    ----------
    overlap : array_like, shape (overlaps,)
    sums : array_like, shape (pairs, overlaps, blocks, 5)
        :data:`MOMENTS` of each block; row b of all overlaps has the same first configuration.
    counts : array_like, shape (blocks,)
        Patterns in each block.
    kind : {"data", "weights"}
    seed : int
        Of the resampling: with one seed, as many pairs and as many blocks, replicate r of two measurements repeats the
        same pairs and the same blocks, so that :func:`paired_error` knows what they have in common.

    Raises
    ------
    InputError
        For shapes that do not agree, fewer than 5 pairs or 5 blocks.
    """
    overlap, sums, counts = _checked(overlap, sums, counts)
    kind = one_of("kind", kind, KINDS)
    pairs, _, blocks, _ = sums.shape
    rng = np.random.default_rng(seed)
    ones_b, ones_g = np.ones(pairs), np.ones(blocks)
    of_data, of_weights = [], []
    for _ in range(REPLICATES):
        of_data.append(_normalised(sums, counts, ones_b, rng.multinomial(blocks, ones_g / blocks), kind))
        of_weights.append(_normalised(sums, counts, rng.multinomial(pairs, ones_b / pairs), ones_g, kind))
    value, variance = _normalised(sums, counts, ones_b, ones_g, kind)
    replicates = np.array([[f for f, _ in of_data], [f for f, _ in of_weights]])
    variances = np.array([[v for _, v in of_data], [v for _, v in of_weights]])
    errors = replicates.std(axis=1, ddof=1)
    spread = noise = np.full(len(overlap), np.nan)
    if kind == "data":
        spread, noise = _spread(sums, counts, variance)
    return OverlapCovariance(
        kind, overlap, value, errors[0], errors[1], float(variance), float(paired_error(variances)),
        spread, noise, replicates, variances,
    )  # fmt: skip


def paired_error(replicates: ArrayLike) -> NDArray:
    """Standard error of a statistic, (2, replicates, …), of resampled data, then of resampled weights: shape (…).

    Of a difference or a ratio of two measurements, taken replicate by replicate, it holds whether they share data and
    weights or not: what they do not share does not covary over the replicates.
    """
    return np.hypot(*np.std(np.asarray(replicates, dtype=np.float64), axis=1, ddof=1))


def fit_degrees(measured: OverlapCovariance, degrees: int | Sequence[int] = 8) -> CovarianceFit:
    """Fit f(q) by powers of q with amplitudes that are not negative; f(1) = 1/2 is kept.

    Parameters
    ----------
    measured : OverlapCovariance
    degrees : int or sequence of int
        Highest degree, or the degrees; 0 and 1 included unless left out.

    Notes
    -----
    Non-negative least squares with weights 1/error (overlaps without any error count as the best known), the condition
    at q = 1 with a thousand times that weight. Each resampled f is fitted again for errors and percentiles.
    """
    from scipy.optimize import nnls

    wanted = range(whole_number("degrees", degrees) + 1) if np.ndim(degrees) == 0 else degrees
    powers = np.array(sorted({whole_number("degree", p) for p in wanted}))
    if len(powers) == 0 or powers.max() > _LARGEST_DEGREE:
        raise InputError(f"degrees = {degrees}: give whole numbers from 0 to {_LARGEST_DEGREE}")
    error = measured.error
    inside = measured.overlap < 1.0
    if inside.sum() < 2:
        raise InputError("a fit needs at least two overlaps below 1")
    known = error[inside & (error > 0)]
    weight = 1.0 / np.maximum(error[inside], known.min() if len(known) else 1.0)
    basis = 0.5 * measured.overlap[inside, None] ** powers
    rows = np.vstack([basis * weight[:, None], np.full((1, len(powers)), 500.0 * weight.max())])

    def solve(values: NDArray) -> NDArray:
        found, _ = nnls(rows, np.append(values[inside] * weight, 500.0 * weight.max()))
        return found / found.sum() if found.sum() > 0 else found

    squares = solve(measured.value)
    again = np.array([[solve(values) for values in part] for part in measured.replicates])
    # data and weights each move f about the same value: their shifts add
    shifted = squares + (again[0] - again[0].mean(axis=0)) + (again[1] - again[1].mean(axis=0))
    lower, upper = np.percentile(np.maximum(shifted, 0.0), [16, 84], axis=0)
    residual = (measured.value[inside] - basis @ squares) * weight
    return CovarianceFit(powers, squares, paired_error(again), lower, upper, residual, again)


def participation(energy: ArrayLike, beta: ArrayLike, order: int = 2) -> NDArray:
    """Return Y_k = sum w^k, w the Boltzmann weights of levels along the last axis: shape (…, betas)."""
    energy, beta = np.asarray(energy, dtype=np.float64), np.atleast_1d(np.asarray(beta, dtype=np.float64))
    exponent = -beta[:, None] * (energy - energy.min(axis=-1, keepdims=True))[..., None, :]
    weight = np.exp(exponent)
    return (weight**order).sum(axis=-1) / weight.sum(axis=-1) ** order


def gaussian_levels(covariance: ArrayLike, draws: int, rng: np.random.Generator) -> NDArray:
    """Return Gaussian levels of mean zero with a covariance matrix (levels, levels): shape (draws, levels).

    Negative eigenvalues, which a fitted f may have by its noise, are set to zero.
    """
    size, modes = np.linalg.eigh(np.asarray(covariance, dtype=np.float64))
    return rng.standard_normal((draws, len(size))) @ (modes * np.sqrt(np.maximum(size, 0.0))).T


def _checked(overlap: ArrayLike, sums: ArrayLike, counts: ArrayLike) -> tuple[NDArray, NDArray, NDArray]:
    overlap, sums = np.asarray(overlap, dtype=np.float64), np.asarray(sums, dtype=np.float64)
    counts = np.asarray(counts, dtype=np.float64)
    wanted = (*sums.shape[:1], *overlap.shape, *counts.shape, len(MOMENTS))
    if sums.ndim != 4 or overlap.ndim != 1 or counts.ndim != 1 or sums.shape != wanted:
        raise InputError(
            f"sums of shape {sums.shape}: expected (pairs, {overlap.size} overlaps, {counts.size} blocks, "
            f"{len(MOMENTS)})"
        )
    if sums.shape[0] < 5 or sums.shape[2] < 5:
        raise InputError(f"{sums.shape[0]} pairs and {sums.shape[2]} blocks: errors need at least 5 of each")
    return overlap, sums, counts


def _normalised(
    sums: NDArray, counts: NDArray, of_pairs: NDArray, of_blocks: NDArray, kind: str
) -> tuple[NDArray, float]:
    """f(q) and the raw variance per pattern, with so many copies of each pair and of each block."""
    patterns = counts @ of_blocks
    first, second, both, square, other = np.moveaxis(np.einsum("bkgm,g->bkm", sums, of_blocks), 2, 0)
    if kind == "data":
        covariance = of_pairs @ ((both - first * second / patterns) / (patterns - 1.0))
        variance = of_pairs @ ((square - first**2 / patterns + other - second**2 / patterns) / (patterns - 1.0))
        covariance, variance = covariance / of_pairs.sum(), 0.5 * variance / of_pairs.sum()
    else:
        number = of_pairs.sum()
        first, second = (e - of_pairs @ e / number for e in (first, second))
        covariance = of_pairs @ (first * second) / (number - 1.0) / patterns
        variance = 0.5 * (of_pairs @ (first**2 + second**2)) / (number - 1.0) / patterns
    return 0.5 * covariance / variance, float(variance.mean())


def _spread(sums: NDArray, counts: NDArray, variance: float) -> tuple[NDArray, NDArray]:
    """Standard deviation over pairs of one pair's covariance, and what the jackknife over blocks explains of it."""
    whole = sums.sum(axis=2, keepdims=True)
    parts = np.concatenate([whole, whole - sums], axis=2)
    patterns = np.append(counts.sum(), counts.sum() - counts)
    value = 0.5 * (parts[..., 2] - parts[..., 0] * parts[..., 1] / patterns) / (patterns - 1.0) / variance
    blocks = len(counts)
    left = value[:, :, 1:]
    noise = (blocks - 1) / blocks * ((left - left.mean(axis=2, keepdims=True)) ** 2).sum(axis=2)
    # fluctuations that all pairs share do not spread them
    shared = left.mean(axis=0)
    common = (blocks - 1) / blocks * ((shared - shared.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    return value[:, :, 0].std(axis=0, ddof=1), np.sqrt(np.maximum(noise.mean(axis=0) - common, 0.0))
