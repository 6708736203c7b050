"""Every level of a landscape with a native state, counted by its energy and its overlap with that state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape, Levels, Signal
from spinnet.landscapes.indexed_levels import LARGEST_LISTED
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables

_CHUNK = 1 << 16


class NativeLevelsProbe(EndpointProbe):
    """g(E, d): the number of the 2^N configurations with the energy E that differ from the native state in d sites.

    All of them are visited, N ≤ 28. Energies are whole numbers from 0 to the number of units (training errors of a
    perceptron). Beside g, for the configurations of the lowest energy: their number, their mean overlap with the native
    state, and the mean overlap Σ_i ⟨σ_i⟩²/N of two of them, drawn independently. The overlap is 1 − 2d/N.
    """

    requires = (Levels, Signal)

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """All levels are visited."""
        _refuse_large(table["n"])

    def measure(self, landscape: Landscape, x: np.ndarray, rng: np.random.Generator) -> Variables:
        n, levels = landscape.n, landscape.units.n_units + 1
        _refuse_large(n)
        native = landscape.index_of(landscape.signal[None])[0]
        counts = np.zeros(levels * (n + 1), dtype=np.int64)
        lowest, members, sums = levels, 0, np.zeros(n, dtype=np.int64)
        sites = np.arange(n, dtype=np.uint64)
        for first in range(0, landscape.n_levels, _CHUNK):
            index = np.arange(first, min(first + _CHUNK, landscape.n_levels), dtype=np.uint64)
            found = landscape.level(index)
            energy = found.astype(np.int64)
            if (energy != found).any() or energy.min() < 0 or energy.max() >= levels:
                raise InputError(
                    f"native_levels counts whole energies from 0 to {levels - 1}; {type(landscape).__name__} has others"
                )
            away = np.bitwise_count(index ^ native).astype(np.int64)
            counts += np.bincount(energy * (n + 1) + away, minlength=counts.size)
            if energy.min() < lowest:
                lowest, members, sums = int(energy.min()), 0, np.zeros(n, dtype=np.int64)
            ground = index[energy == lowest]
            members += len(ground)
            sums += (1 - 2 * ((ground[:, None] >> sites) & np.uint64(1)).astype(np.int64)).sum(axis=0)
        mean = sums / members

        def tile(value):
            return np.repeat(np.asarray(value)[None], len(x), axis=0)

        number, overlap = ("replica", "level", "distance"), "1"
        return {
            "native/counts": Variable(
                tile(counts.reshape(levels, n + 1)), number, "1", "configurations of each energy and distance"
            ),
            "native/lowest_energy": Variable(tile(float(lowest)), number[:1], "energy", "lowest energy"),
            "native/lowest_count": Variable(tile(members), number[:1], "1", "configurations of the lowest energy"),
            "native/lowest_overlap": Variable(
                tile(mean @ landscape.signal / n), number[:1], overlap, "their mean overlap with the native state"
            ),
            "native/lowest_mutual_overlap": Variable(
                tile(mean @ mean / n), number[:1], overlap, "mean overlap of two of them"
            ),
        }


def _refuse_large(n: int) -> None:
    if n > LARGEST_LISTED:
        raise InputError(f"native_levels visits all 2^{n} configurations: take n up to {LARGEST_LISTED}")
