"""The covariance that data give to a network's energies, as a function of the overlap of its weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.overlap_covariance import (
    MOMENTS,
    CovarianceFit,
    OverlapCovariance,
    fit_degrees,
    overlap_covariance,
)
from spinnet.landscapes.network_layers import BackPropagating
from spinnet.landscapes.spherical_glass import SphericalGlass
from spinnet.landscapes.weight_spheres import WeightSpheres
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables

OVERLAPS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_BLOCK = 32


@dataclass(frozen=True)
class OverlapMoments:
    """Sums over blocks of patterns for pairs of weight configurations; see spinnet.estimators.overlap_covariance.

    ``overlap`` (overlaps,), ``sums`` (pairs, overlaps, blocks, 5), ``counts`` (blocks,).
    """

    overlap: np.ndarray
    sums: np.ndarray
    counts: np.ndarray

    def covariance(self, kind: str = "data", seed: int = 0) -> OverlapCovariance:
        """f(q) over resamplings of the data ("data"), or over weights ("weights"), with errors."""
        return overlap_covariance(self.overlap, self.sums, self.counts, kind, seed)

    def fit(self, kind: str = "data", degrees: int | Sequence[int] = 8) -> CovarianceFit:
        """f(q) = ½ Σ_p a_p² q^p with a_p² ≥ 0."""
        return fit_degrees(self.covariance(kind), degrees)

    def glass(self, n: int, kind: str = "data", degrees: int | Sequence[int] = 8, **options: Any) -> MeasuredGlass:
        """A spherical p-spin glass of ``n`` spins with the measured covariance; see :func:`build_glass`."""
        return build_glass(self.fit(kind, degrees), n, **options)


@dataclass(frozen=True)
class MeasuredGlass:
    """A glass with a measured covariance.

    ``left_out`` holds the shares a_p² of degrees that the glass does not have, ``statement`` says so in words.
    """

    landscape: SphericalGlass
    amplitudes: dict[int, float]
    left_out: dict[int, float]
    statement: str


def measure_covariance(
    network: BackPropagating,
    overlaps: Sequence[float] = OVERLAPS,
    pairs: int = 64,
    blocks: int = 20,
    layer: int | None = None,
    rng: np.random.Generator | None = None,
) -> OverlapMoments:
    """Draw pairs of random weights at each overlap and sum their losses over blocks of patterns.

    Parameters
    ----------
    network : BackPropagating
    overlaps : sequence of float
        From −1 to 1, rising; all layers have this overlap.
    pairs : int
        Pairs at each overlap. The first configuration of pair b is the same at all overlaps.
    blocks : int
        Blocks of patterns, the units of data resampling; pattern μ belongs to block μ mod ``blocks``.
    layer : int, optional
        Move this layer only, from 0; the others have overlap 1. What differs between layers is anisotropy.
    rng : numpy.random.Generator, optional
        Default: a fixed one.

    Notes
    -----
    Costs pairs × overlaps passes over all patterns.
    """
    overlaps = check_overlaps(overlaps)
    pairs, blocks = whole_number("pairs", pairs, 5), whole_number("blocks", blocks, 5)
    if blocks > network.n_terms:
        raise InputError(f"blocks = {blocks}: there are only {network.n_terms} patterns to divide")
    rng = np.random.default_rng(0) if rng is None else rng
    spheres = WeightSpheres(network)
    base = spheres.sample(pairs, rng)
    sums = np.empty((pairs, len(overlaps), blocks, len(MOMENTS)))
    starts = np.arange(network.n_terms) % blocks
    order = np.argsort(starts, kind="stable")
    counts = np.bincount(starts)
    edges = np.concatenate([[0], np.cumsum(counts)[:-1]])

    def by_block(values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, edges, axis=1)

    for first in range(0, pairs, _BLOCK):
        rows = slice(first, first + _BLOCK)
        loss = network.energy_terms(base[rows])[:, order]
        for k, q in enumerate(overlaps):
            # at overlap 1 the same numbers to the last bit: f(1) is ½ exactly
            partner = base[rows] if q == 1.0 else spheres.partner(base[rows], q, rng, layer)
            other = network.energy_terms(partner)[:, order]
            for m, values in enumerate((loss, other, loss * other, loss**2, other**2)):
                sums[rows, k, :, m] = by_block(values)
    return OverlapMoments(np.array(overlaps), sums, counts)


def build_glass(fit: CovarianceFit, n: int, *, renormalise: bool = False, **options: Any) -> MeasuredGlass:
    """A spherical glass with the degrees 2 to 6 of a fitted covariance.

    Parameters
    ----------
    fit : CovarianceFit
    n : int
        Spins.
    renormalise : bool
        Scale the amplitudes so that the glass has f(1) = ½ without the degrees left out.
    options
        ``seed``, ``sample`` and others of :class:`~spinnet.landscapes.spherical_glass.SphericalGlass`.

    Raises
    ------
    InputError
        If nothing of the covariance lies in these degrees.
    """
    amplitudes, left = fit.amplitudes(2, 6), fit.left_out(2, 6)
    kept = sum(a * a for a in amplitudes.values())
    if not amplitudes:
        raise InputError("the measured covariance has no part of degree 2 to 6: there is no glass in it")
    if renormalise:
        amplitudes = {p: float(a / np.sqrt(kept)) for p, a in amplitudes.items()}
    words = {0: "a constant", 1: "a random field"}
    outside = [f"degree {p} ({words.get(p, 'above 6')}): {share:.3g}" for p, share in left.items()]
    statement = f"degrees 2 to 6 hold {kept:.3g} of f(1)" + (", scaled to 1" if renormalise else "")
    glass = SphericalGlass(n=n, covariance=amplitudes, **options)
    return MeasuredGlass(glass, amplitudes, left, f"{statement}; left out: {', '.join(outside) or 'nothing'}")


def check_overlaps(overlaps: Any) -> list[float]:
    """Rising overlaps between −1 and 1, at least three."""
    try:
        values = [real_number("overlap", q) for q in overlaps]
    except TypeError:
        values = []
    if len(values) < 3 or np.any(np.diff(values) <= 0) or min(values) < -1 or max(values) > 1:
        raise InputError(f"overlaps = {overlaps!r}: give at least three rising numbers from -1 to 1")
    return values


class DataCovarianceProbe(EndpointProbe):
    """Sums for the covariance of the energy against overlap, and energies of random weight configurations.

    What is measured belongs to the network and its data, not to the configuration that the dynamics has reached: give
    one replica. See :func:`measure_covariance`; ratios and errors are made from the sums by
    :mod:`spinnet.estimators.overlap_covariance`.

    Parameters
    ----------
    overlaps, pairs, blocks, layer
        As of :func:`measure_covariance`.
    levels
        So many random weight configurations have their energies and mutual overlaps recorded; 0 for none.
    """

    requires = (BackPropagating,)

    def __init__(
        self,
        overlaps: Sequence[float] = OVERLAPS,
        pairs: int = 64,
        blocks: int = 20,
        layer: int | None = None,
        levels: int = 256,
    ):
        given = self.validate(overlaps=overlaps, pairs=pairs, blocks=blocks, layer=layer, levels=levels)
        self.overlaps, self.pairs, self.blocks = given["overlaps"], given["pairs"], given["blocks"]
        self.layer, self.levels = given["layer"], given["levels"]

    @classmethod
    def validate(cls, overlaps, pairs, blocks, layer, levels):
        return {
            "overlaps": check_overlaps(overlaps),
            "pairs": whole_number("pairs", pairs, 5),
            "blocks": whole_number("blocks", blocks, 5),
            "layer": None if layer is None else whole_number("layer", layer),
            "levels": whole_number("levels", levels),
        }

    def measure(self, landscape: BackPropagating, x: np.ndarray, rng: np.random.Generator) -> Variables:
        sums, energies, overlaps = [], [], []
        spheres = WeightSpheres(landscape)
        for _ in range(len(x)):
            found = measure_covariance(landscape, self.overlaps, self.pairs, self.blocks, self.layer, rng)
            sums.append(found.sums)
            weights = spheres.sample(max(self.levels, 1), rng)[: self.levels]
            energies.append(landscape.energy(weights))
            overlaps.append(spheres.overlaps(weights, weights))
        replica = ("replica",)
        variables = {
            "covariance/sums": Variable(
                np.array(sums), ("replica", "pair", "overlap", "block", "moment"), "1",
                "sums over blocks of patterns of the losses of pairs of weights: " + ", ".join(MOMENTS),
            ),
            "covariance/counts": Variable(
                np.repeat(found.counts[None], len(x), axis=0), ("replica", "block"), "1", "patterns in each block"
            ),
            "covariance/overlaps": Variable(
                np.repeat(found.overlap[None], len(x), axis=0), ("replica", "overlap"), "1", "overlaps of the pairs"
            ),
        }  # fmt: skip
        if self.levels:
            variables |= {
                "levels/energy": Variable(
                    np.array(energies), ("replica", "level"), "energy", "energies of random weights on their spheres"
                ),
                "levels/overlap": Variable(
                    np.array(overlaps), ("replica", "level", "other_level"), "1", "their mutual overlaps"
                ),
                "levels/layers": Variable(np.full(len(x), spheres.n_layers), replica, "1", "layers of the network"),
            }
        return variables
