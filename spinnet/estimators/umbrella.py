r"""Free energy at fixed overlap from histograms under umbrellas.

Window k samples :math:`p(q)\,e^{-(q - q_k)^2/(2w^2)}` up to a constant. The windows of one sample together give p over
the whole range by the self-consistent weighting of histograms, which is their maximum likelihood; the potential is the
mean over samples of -(T/N) ln p (quenched, not the logarithm of a mean).

References: Ferrenberg and Swendsen (1989) Phys. Rev. Lett. 63, 1195; Kumar et al. (1992) J. Comput. Chem. 13, 1011;
convex form: Zhu and Hummer (2012) J. Comput. Chem. 33, 453; mean force: Kaestner and Thiel (2005) J. Chem. Phys. 123,
144104.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.resampling import FEWEST_UNITS, Estimate, jackknife

#: Fewer counts of a sample than this leave the logarithm of its density biased.
FEWEST_COUNTS = 20
_STEPS, _TOLERANCE = 200, 1e-10


@dataclass(frozen=True)
class PotentialEstimate:
    """V(q) - V(zero) in the bins that every sample has reached.

    Attributes
    ----------
    overlap : ndarray, shape (bins,)
        Middles of the bins.
    potential, error : ndarray, shape (bins,)
        Mean over samples and jackknife error, energy per unit.
    spread : ndarray, shape (bins,)
        Standard deviation over samples.
    n_units : int
        Samples.
    """

    overlap: NDArray
    potential: NDArray
    error: NDArray
    spread: NDArray
    n_units: int


def log_density(counts: ArrayLike, edges: ArrayLike, centres: ArrayLike, width: float) -> NDArray:
    """ln p(q) of one sample from the histograms of its windows, normalised; -inf in empty bins.

    Parameters
    ----------
    counts : array_like, shape (window, bins)
    edges : array_like, shape (bins + 1,)
    centres : array_like, shape (window,)
        q_k.
    width : float
        w of the umbrellas.

    Raises
    ------
    InputError
        For shapes that do not fit or a window without counts.
    NotConvergedError
        If the windows do not overlap, so that their heights are not determined.
    """
    counts, edges = np.asarray(counts, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    centres = np.asarray(centres, dtype=np.float64)
    if counts.shape != (len(centres), len(edges) - 1):
        raise InputError(f"counts {counts.shape}, {len(centres)} windows, {len(edges)} edges: give (window, bins)")
    total, each = counts.sum(axis=0), counts.sum(axis=1)
    if (each == 0).any():
        raise InputError(f"window {int(np.argmin(each))} has no counts; leave it out")
    used = total > 0
    pull, slope = _slopes(counts, edges, centres, width)
    log_factor = _log_factors(edges, centres, width, slope)[:, used] + np.log(each)[:, None]
    # -d ln(integral under umbrella k)/dq_k is minus the force of the umbrella: where to begin.
    start = -np.concatenate([[0.0], np.cumsum(0.5 * (pull[1:] + pull[:-1]) * np.diff(centres))])
    heights = _heights(total[used], each, log_factor, start)
    log_p = np.full(len(total), -np.inf)
    log_p[used] = np.log(total[used]) - _log_sum(log_factor + heights[:, None]) - np.log(np.diff(edges)[used])
    return log_p - _log_sum((log_p + np.log(np.diff(edges)))[:, None])


def umbrella_potential(
    counts: ArrayLike,
    edges: ArrayLike,
    centres: ArrayLike,
    width: float,
    temperature: float,
    n: int,
    zero: float = 0.0,
    control: ArrayLike | None = None,
    fewest_units: int = FEWEST_UNITS,
) -> PotentialEstimate:
    r"""V(q) - V(zero) = mean over samples of :math:`-(T/N)\ln[p(q)/p(0)]`, on a sphere of N dimensions.

    Parameters
    ----------
    counts : array_like, shape (sample, window, bins)
    edges, centres, width
        As in :func:`log_density`.
    temperature : float
    n : int
        N.
    zero : float
        Where V is set to zero.
    control : array_like, shape (sample,) or (sample, k), optional
        Numbers of each sample whose means over the disorder are known to be zero: what they explain of the scatter
        between samples (by regression) is taken out. For a planted reference: its energy plus N f(1)/T0.

    Raises
    ------
    InputError
        For shapes that do not fit, too few samples, or a ``zero`` that some sample never visited.
    NotConvergedError
        If the windows of a sample do not overlap.

    Notes
    -----
    The area of the sphere at overlap q is (1 - q^2)^((N-3)/2); the power -3/2 is taken out, so that without any energy
    V is -(T/2) ln(1 - q^2) at every N and not only in the limit.
    """
    counts, edges = np.asarray(counts, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    if counts.ndim != 3:
        raise InputError(f"counts of shape {counts.shape}: give (sample, window, bins)")
    middle = 0.5 * (edges[1:] + edges[:-1])
    reached = (counts.sum(axis=1) >= FEWEST_COUNTS).all(axis=0)
    start = int(np.clip(np.searchsorted(edges, zero, side="right") - 1, 0, len(middle) - 1))
    # zero on the edge of a bin: the two beside it
    origin = [start - 1, start] if start > 0 and math.isclose(edges[start], zero, abs_tol=1e-9) else [start]
    if not reached[origin].all():
        raise InputError(f"some sample has fewer than {FEWEST_COUNTS} counts at q = {zero:g}, where V is set to zero")
    # At the middle of a bin p is less than its mean over the bin.
    each = np.array([
        log_density(one, edges, centres, width)
        - _log_mean_weight(_slopes(one, edges, centres, width)[1], np.diff(edges))
        for one in counts
    ])  # fmt: skip
    values = -(temperature / n) * (each[:, reached] + 1.5 * np.log1p(-(middle[reached] ** 2)))
    values -= values[:, np.isin(np.flatnonzero(reached), origin)].mean(axis=1, keepdims=True)
    found = _over_samples(values, control, fewest_units)
    return PotentialEstimate(
        middle[reached], np.asarray(found.value), np.asarray(found.error), values.std(axis=0, ddof=1), len(values)
    )


def mean_force(
    mean_overlap: ArrayLike, centres: ArrayLike, width: float, temperature: float, n: int,
    control: ArrayLike | None = None, fewest_units: int = FEWEST_UNITS,
) -> tuple[Estimate, Estimate]:
    r"""Where each window sits, and the force dV/dq there: that of the umbrella, and what V leaves to the area.

    .. math:: dV/dq = \frac{T}{N}\left[\frac{q_k - \langle q\rangle}{w^2}
                      + \frac{3 \langle q\rangle}{1 - \langle q\rangle^2}\right].

    The second term is that of the factor :math:`(1 - q^2)^{-3/2}` which :func:`umbrella_potential` takes out.

    Right where V is harmonic over a window; an estimate that shares nothing with the weighting of histograms.

    Parameters
    ----------
    mean_overlap : array_like, shape (sample, window)
        Mean of q in each window.
    control
        As in :func:`umbrella_potential`.

    Returns
    -------
    position, force : Estimate
        Per window, with jackknife errors over samples.
    """
    mean_overlap = np.asarray(mean_overlap, dtype=np.float64)
    pull = (np.asarray(centres, dtype=np.float64) - mean_overlap) / width**2
    pull = (temperature / n) * (pull + 3.0 * mean_overlap / (1.0 - mean_overlap**2))
    return _over_samples(mean_overlap, control, fewest_units), _over_samples(pull, control, fewest_units)


def _log_factors(edges: NDArray, centres: NDArray, width: float, slope: NDArray) -> NDArray:
    """ln of the mean of exp(-(q - q_k)^2/2w^2) over each bin with the weight e^{slope q}, (window, bins)."""
    from scipy.special import log_ndtr

    step = np.diff(edges)
    # The weight moves the centre by slope·w².
    moved = centres[:, None] + slope * width**2
    low, high = (edges[None, :-1] - moved) / width, (edges[None, 1:] - moved) / width
    # The difference of two tails, taken on the side where they are small.
    flip = low + high > 0
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    top, bottom = log_ndtr(high), log_ndtr(low)
    area = top + np.log(-np.expm1(np.minimum(bottom - top, -1e-300))) + 0.5 * math.log(2.0 * math.pi) + math.log(width)
    shift = slope * (centres[:, None] - 0.5 * (edges[1:] + edges[:-1])) + 0.5 * (slope * width) ** 2
    return area + shift - _log_mean_weight(slope, step) - np.log(step)


def _log_mean_weight(slope: NDArray, step: NDArray) -> NDArray:
    """ln of the mean over a bin of e^{slope q} relative to its middle, ln(sinh(h)/h) with h = slope·step/2."""
    half = np.maximum(0.5 * np.abs(slope) * step, 1e-5)
    return half + np.log(-np.expm1(-2.0 * half)) - np.log(2.0 * half)


def _slopes(counts: NDArray, edges: NDArray, centres: NDArray, width: float) -> tuple[NDArray, NDArray]:
    """The mean force of each window, and from it the slope of ln p in each bin: p is not constant in a bin."""
    middle, centres = 0.5 * (edges[1:] + edges[:-1]), np.asarray(centres, dtype=np.float64)
    mean = counts @ middle / counts.sum(axis=1)
    pull = (mean - centres) / width**2
    order = np.argsort(mean)
    return pull, np.interp(middle, mean[order], pull[order])


def _heights(total: NDArray, each: NDArray, log_factor: NDArray, heights: NDArray) -> NDArray:
    """The heights f_k that minimise sum_b n_b ln sum_k e^{f_k + factor} - sum_k N_k f_k: convex, by Newton steps."""

    def objective(f: NDArray) -> float:
        return float(total @ _log_sum(log_factor + f[:, None]) - each @ f)

    value = objective(heights)
    for _ in range(_STEPS):
        share = np.exp(log_factor + heights[:, None] - _log_sum(log_factor + heights[:, None]))
        gradient = share @ total - each
        shared = (share * total) @ share.T
        if np.abs(gradient).max() <= _TOLERANCE * each.sum():
            if _connected(shared):
                return heights
            break
        curvature = np.diag(share @ total) - shared
        # A common shift of all heights changes nothing: the first stays where it is.
        try:
            step = np.concatenate([[0.0], np.linalg.solve(curvature[1:, 1:], -gradient[1:])])
        except np.linalg.LinAlgError:
            break
        length = 1.0
        while length > 1e-6 and not (moved := objective(heights + length * step)) <= value:
            length *= 0.5
        if length <= 1e-6:
            # No way down is left: rounding, if the shares are right to a part in 10⁶.
            if np.abs(gradient).max() <= 1e-6 * each.sum() and _connected(shared):
                return heights
            break
        heights, value = heights + length * step, moved
    raise NotConvergedError(
        "neighbouring windows do not overlap, so that their heights are not determined: take more windows or wider ones"
    )


def _over_samples(values: NDArray, control: ArrayLike | None, fewest_units: int) -> Estimate:
    """Mean over samples with the jackknife error, the controls regressed out."""
    control = np.zeros((len(values), 0)) if control is None else np.asarray(control, dtype=np.float64)
    control = control.reshape(len(control), -1)
    if len(control) != len(values):
        raise InputError(f"controls of {len(control)} samples for {len(values)} samples: give one row for each")
    return jackknife(_controlled_mean, values, control, fewest_units=max(fewest_units, control.shape[1] + 3))


def _controlled_mean(values: NDArray, control: NDArray) -> NDArray:
    """Mean over rows, less the part that the regression on the controls explains of their own means."""
    mean, centre = values.mean(axis=0), control.mean(axis=0)
    slopes = np.linalg.lstsq(control - centre, values - mean, rcond=1e-10)[0]
    return mean - centre @ slopes


def _connected(shared: NDArray) -> bool:
    """Whether every window reaches every other through windows that share a count."""
    reached = np.zeros(len(shared), dtype=bool)
    reached[0] = True
    for _ in range(len(shared)):
        reached |= (shared[reached] >= 1.0).any(axis=0)
    return bool(reached.all())


def _log_sum(values: NDArray) -> NDArray:
    """ln of the sum of exponentials over the first axis."""
    top = values.max(axis=0)
    top = np.where(np.isfinite(top), top, 0.0)
    return top + np.log(np.exp(values - top).sum(axis=0))
