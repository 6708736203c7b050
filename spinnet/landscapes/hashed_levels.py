"""Levels that are a function of their index: what the random energy models share."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import LocalMoves
from spinnet.landscapes.indexed_levels import LARGEST_ADDRESSED, IndexedLevels
from spinnet.randomness import counter_keys

LARGEST_N = LARGEST_ADDRESSED


def check_size(n: Any) -> int:
    """The number of spins, from 1 to 64."""
    n = whole_number("n", n, minimum=1)
    if n > LARGEST_N:
        raise InputError(
            f"n = {n}: levels are addressed by 64-bit indices, n up to {LARGEST_N}; beyond it sample the lowest levels "
            "in law (spinnet.theory.random_energy_levels.sample_lowest_levels)"
        )
    return n


class HashedLevels(IndexedLevels, LocalMoves):
    """2^N levels on the hypercube, each a sum of hashed values along a path of a tree over the indices.

    Site i is bit i of the index: it is set where σ_i = −1, so that index 0 is the configuration of all +1; flipping
    a site changes that bit. The first generation of the tree belongs to the highest bits. Nothing is stored: any level
    costs a few hashes, and is the same bits whenever, wherever and however it is read.

    Subclasses set ``n``, ``seed``, ``sample`` and call :meth:`_grow`.
    """

    #: 2: the number of spins is part of the keys.
    revision = 2
    kernels = ("spinnet.kernels.random_energy",)

    def _grow(self, purpose: str, bits: np.ndarray, widths: np.ndarray, kind: int = 0) -> None:
        """Set up the tree: bits per generation (sum N) and the width of each (see spinnet.kernels.random_energy)."""
        generations = len(bits)
        # The size is part of the key: otherwise level i would be the same number, rescaled, at every size.
        keys = counter_keys(self.seed, 3 * generations, purpose, self.n, self.sample)
        self._keys = keys.reshape(generations, 3)
        self._shifts = (self.n - np.cumsum(bits)).astype(np.uint64)
        self._widths = np.ascontiguousarray(widths, dtype=np.float64)
        self._kind = int(kind)

    @property
    def tree(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """The first four arguments of the kernels: keys, shifts, widths and kind."""
        return self._keys, self._shifts, self._widths, self._kind

    def level(self, index: np.ndarray) -> np.ndarray:
        """Energy of each index, shape as given (a number gives a shape of ``()``)."""
        from spinnet.kernels.random_energy import read_levels

        shape = np.shape(index)
        flat = self._check_index(index).reshape(-1)
        energy = np.empty(flat.shape)
        read_levels(*self.tree, flat, energy)
        return energy.reshape(shape)

    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """E(x with ``site`` flipped) − E(x), shape ``(replicas,)``."""
        index = self.index_of(x)
        site = self._check_site(site, len(index))
        return self.level(index ^ (np.uint64(1) << site.astype(np.uint64))) - self.level(index)
