r"""The distribution of overlaps P(q) of a glass, from histograms of each disorder sample.

P(q) is the mean over couplings of :math:`P_J(q)`, the distribution of the overlap of two independent configurations on
the same couplings. Overlaps of one sample are not independent, samples are: errors are jackknife errors over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, Estimate, jackknife


@dataclass(frozen=True)
class OverlapDistribution:
    """P(q) with its error, and how much samples differ.

    Attributes
    ----------
    edges : ndarray, shape (bins + 1,)
    density, error : ndarray, shape (bins,)
        Mean of :math:`P_J(q)` over samples and its jackknife error; the density integrates to 1.
    spread : ndarray, shape (bins,)
        Standard deviation of :math:`P_J(q)` over samples: P(q) of a broken phase does not self-average.
    n_units : int
        Samples.
    """

    edges: NDArray
    density: NDArray
    error: NDArray
    spread: NDArray
    n_units: int

    @property
    def centres(self) -> NDArray:
        """Middles of the bins."""
        return 0.5 * (self.edges[1:] + self.edges[:-1])


def overlap_distribution(
    counts: ArrayLike, edges: ArrayLike, fewest_units: int = FEWEST_UNITS
) -> OverlapDistribution:
    """P(q) from counts.

    Parameters
    ----------
    counts : array_like, shape (sample, ..., bins)
        How often the overlap of a sample fell into each bin; axes between are added up.
    edges : array_like, shape (bins + 1,)

    Raises
    ------
    InputError
        For shapes that do not fit, a sample without counts, or too few samples.
    """
    shares, edges = _shares(counts, edges)
    densities = shares / np.diff(edges)
    found = jackknife(lambda rows: rows.mean(axis=0), densities, fewest_units=fewest_units)
    return OverlapDistribution(
        edges, np.asarray(found.value), np.asarray(found.error), densities.std(axis=0, ddof=1), len(densities)
    )


def overlap_weight(
    counts: ArrayLike, edges: ArrayLike, above: float, fewest_units: int = FEWEST_UNITS
) -> Estimate:
    """Share of overlaps above a value, with the jackknife error over samples; a bin that it cuts counts in part.

    For one-step breaking the weight above the middle of (0, q₁) tends to 1 − x.
    """
    shares, edges = _shares(counts, edges)
    part = np.clip((edges[1:] - above) / np.diff(edges), 0.0, 1.0)
    return jackknife(lambda rows: float(rows.mean(axis=0).sum()), shares * part, fewest_units=fewest_units)


def covariance_mean(overlap_moments: ArrayLike, powers: ArrayLike, amplitudes: Mapping[int, float]) -> NDArray:
    r""":math:`\langle f(q)\rangle = \tfrac12 \sum_p a_p^2 \langle q^p\rangle` from the means of the powers of q.

    Parameters
    ----------
    overlap_moments : array_like, shape (..., power)
    powers : array_like, shape (power,)
    amplitudes : mapping
        {p: a_p}.

    Raises
    ------
    InputError
        For a degree whose moment was not measured.
    """
    moments, powers = np.asarray(overlap_moments, dtype=np.float64), [int(p) for p in np.asarray(powers)]
    missing = [p for p in amplitudes if p not in powers]
    if missing:
        raise InputError(f"moments of the overlap of degree {missing[0]} were not measured; there are {powers}")
    return sum(0.5 * a**2 * moments[..., powers.index(p)] for p, a in amplitudes.items())


def _shares(counts: ArrayLike, edges: ArrayLike) -> tuple[NDArray, NDArray]:
    """Share of each bin in each sample."""
    counts, edges = np.asarray(counts, dtype=np.float64), np.asarray(edges, dtype=np.float64)
    if counts.ndim < 2 or edges.shape != (counts.shape[-1] + 1,):
        raise InputError(f"counts {counts.shape} and edges {edges.shape}: give (sample, ..., bins) and (bins + 1,)")
    counts = counts.reshape(len(counts), -1, counts.shape[-1]).sum(axis=1)
    total = counts.sum(axis=1, keepdims=True)
    if (total == 0).any():
        raise InputError(f"{int((total == 0).sum())} of {len(counts)} samples have no overlaps: leave them out by name")
    return counts / total, edges
