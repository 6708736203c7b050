"""The funnel around a native state: energy, roughness and the way home against the overlap with it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Differentiable, Signal
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables
from spinnet.spaces import Blocks, SphereProduct

#: What is native: where the run ended, or the signal of the landscape.
REFERENCES = ("end", "signal")

_OVERLAPS = (1.0, 0.99, 0.98, 0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, 0.0)
_ROWS = 64  # of a block that is looked at together


class FunnelProfileProbe(EndpointProbe):
    """Energy, its spread, and the direction of the force against the overlap q with a native state.

    From the native configuration x* every block of coordinates (a layer's weights, a layer's biases, all spins) is
    turned by the same angle in a random direction, at fixed length: x_b(q) = q x*_b + √(1 − q²)|x*_b| v̂_b. The same
    directions serve all q. Of each direction and q:

    * the energy density e; its mean over directions is the funnel, its standard deviation the roughness at q;
    * the cosine between −∇H and the direction home, dx/dq, in coordinates in which all blocks have |x_b|² = D_b, and
      within the tangent space of these spheres: 1 where the force points at the native state, of the order n^{−1/2}
      where it knows nothing of it. It and q do not change when the layers of a network are rescaled;
    * the slope de/dq: where it is positive the way home is downhill there.

    Parameters
    ----------
    overlaps
        q, decreasing, from 1 to −1.
    directions
        Random directions, at least two.
    reference
        What is native: "end", the configuration that the run has reached, or "signal", that of the landscape.
    blocks
        "layers", or "whole": all coordinates turn together, and only their common length is kept. Small layers of a
        network then lose their size to large ones as q falls: the energy of random directions is another one, and so
        is the profile. For comparison with what has been published in that way; not on products of spheres.

    Notes
    -----
    Cost: a gradient per overlap and direction. ``roughness`` over directions is that of one landscape; what it is
    divided by in a frustration index is the report's choice.
    """

    requires = (Differentiable,)

    def __init__(
        self, overlaps: tuple[float, ...] = _OVERLAPS, directions: int = 64, reference: str = "end",
        blocks: str = "layers",
    ):  # fmt: skip
        given = self.validate(overlaps, directions, reference, blocks)
        self.overlaps, self.directions = tuple(given["overlaps"]), given["directions"]
        self.reference, self.blocks = given["reference"], given["blocks"]
        if self.reference == "signal":
            self.requires = (Differentiable, Signal)

    @classmethod
    def validate(cls, overlaps, directions, reference, blocks):
        return {
            "blocks": one_of("blocks", blocks, ("layers", "whole")),
            "overlaps": check_overlaps("overlaps", overlaps),
            "directions": whole_number("directions", directions, 2),
            "reference": one_of("reference", reference, REFERENCES),
        }

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        if self.blocks == "whole" and isinstance(landscape.space, SphereProduct):
            raise CapabilityError(
                f"blocks = 'whole': {type(landscape).__name__} keeps the size of each layer; use blocks = 'layers'"
            )
        blocks = Blocks(landscape.blocks if self.blocks == "layers" else (landscape.space.n,))
        shape = (len(x), len(self.overlaps))
        names = ("energy_density", "roughness", "alignment", "alignment_spread", "slope")
        found = {name: np.full(shape, np.nan) for name in names}
        for a, native in enumerate(native_rows(landscape, x, self.reference)):
            v = rng.standard_normal((self.directions, landscape.space.n))
            if not np.isfinite(native).all():
                continue
            for k, q in enumerate(self.overlaps):
                energy, cosine, slope = _look(landscape, blocks, native, v, q)
                found["energy_density"][a, k] = energy.mean()
                found["roughness"][a, k] = energy.std(ddof=1)
                found["alignment"][a, k], found["alignment_spread"][a, k] = cosine.mean(), cosine.std(ddof=1)
                found["slope"][a, k] = slope.mean()
        unit = landscape.units.unit
        told = {
            "energy_density": ("energy", f"energy per {unit}, mean over directions"),
            "roughness": ("energy", f"standard deviation over directions of the energy per {unit}"),
            "alignment": ("1", "cosine between minus gradient and the direction home, mean over directions"),
            "alignment_spread": ("1", "its standard deviation over directions"),
            "slope": ("energy", f"derivative of the energy per {unit} by the overlap, mean over directions"),
        }
        dims = ("replica", "overlap")
        return {
            "funnel_profile/overlap": Variable(
                np.array(self.overlaps), ("overlap",), "1", "overlap with the native state"
            ),
            "funnel_profile/block": Variable(
                np.array(blocks.sizes), ("block",), "1", "coordinates of each block"
            ),
            **{f"funnel_profile/{name}": Variable(found[name], dims, *told[name], {"directions": self.directions})
               for name in names},
        }  # fmt: skip


def check_overlaps(name: str, values: Any) -> list[float]:
    """Decreasing numbers from 1 to −1, or an :class:`InputError`."""
    good = isinstance(values, list | tuple | np.ndarray) and len(values) > 0
    numbers = [real_number(name, v) for v in values] if good else []
    if not numbers or any(b >= a for a, b in pairwise(numbers)):
        raise InputError(f"{name} = {values!r}: give decreasing numbers, such as [1.0, 0.9, 0.5, 0.0]")
    if numbers[0] > 1.0 or numbers[-1] < -1.0:
        raise InputError(f"{name} = {numbers}: overlaps lie between -1 and 1")
    return numbers


def native_rows(landscape: Differentiable, x: np.ndarray, reference: str) -> np.ndarray:
    """The native configuration of each row of ``x``: the row itself, or the landscape's signal."""
    if reference == "end":
        return x
    if not isinstance(landscape, Signal):
        raise CapabilityError(
            f"reference = 'signal': {type(landscape).__name__} has no signal; use reference = 'end', where the run ends"
        )
    return np.tile(landscape.signal, (len(x), 1))


def turned(landscape: Differentiable, native: np.ndarray, v: np.ndarray, overlap: np.ndarray | float) -> np.ndarray:
    """Configurations at an overlap with ``native`` (n,), one for each direction of ``v`` (rows, n)."""
    return Blocks(landscape.blocks).rotate(np.tile(native, (len(v), 1)), v, overlap)


def block_overlap(landscape: Differentiable, x: np.ndarray, native: np.ndarray) -> np.ndarray:
    """Overlap of rows of ``x`` with ``native`` (n,): the cosines of all blocks, weighted with their sizes."""
    blocks = Blocks(landscape.blocks)
    cosines = blocks.overlaps(x, np.tile(native, (len(x), 1)))
    weights = np.where(np.isfinite(cosines), np.array(blocks.sizes), 0)
    return (np.nan_to_num(cosines) * weights).sum(axis=1) / weights.sum(axis=1)


def _look(
    landscape: Differentiable, blocks: Blocks, native: np.ndarray, v: np.ndarray, q: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy density, cosine with the direction home, and slope by q, of every direction."""
    lengths = blocks.lengths(native[None])
    turns = blocks.spread((lengths > 0) & (np.array(blocks.sizes) > 1))
    scale = blocks.spread(np.where(lengths > 0, lengths, 1.0) / np.sqrt(blocks.sizes))
    parts = []
    for first in range(0, len(v), _ROWS):
        aside = v[first : first + _ROWS]
        x = blocks.rotate(np.tile(native, (len(aside), 1)), aside, q)
        # Towards home along the great circle: x* less its part along x, of length √(1 − q²)|x*_b|.
        home = blocks.tangent(x, np.tile(native, (len(x), 1))) / scale
        energy, gradient = landscape.energy_and_gradient(x)
        force = np.where(turns, -blocks.tangent(x, gradient) * scale, 0.0)
        along = np.einsum("ri,ri->r", force, home)
        length = np.linalg.norm(force, axis=1) * np.linalg.norm(home, axis=1)
        away = np.sqrt(max(1.0 - q * q, 0.0))
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = np.where((length > 0) & (away > 1e-9), along / length, np.nan)
            slope = np.where(away > 1e-9, -along / away**2, np.nan)
        parts.append((energy / landscape.units.n_units, cosine, slope / landscape.units.n_units))
    return tuple(np.concatenate(part) for part in zip(*parts, strict=True))
