"""Levels that are a function of their index: what the random energy models share."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Levels, LocalMoves, Units
from spinnet.randomness import counter_keys
from spinnet.spaces import Hypercube

LARGEST_N = 64


def check_size(n: Any) -> int:
    """The number of spins, from 1 to 64."""
    n = whole_number("n", n, minimum=1)
    if n > LARGEST_N:
        raise InputError(
            f"n = {n}: levels are addressed by 64-bit indices, n up to {LARGEST_N}; beyond it sample the lowest levels "
            "in law (spinnet.theory.random_energy_levels.sample_lowest_levels)"
        )
    return n


class HashedLevels(Levels, LocalMoves):
    """2^N levels on the hypercube, each a sum of hashed values along a path of a tree over the indices.

    Site i is bit i of the index: it is set where σ_i = −1, so that index 0 is the configuration of all +1; flipping
    a site changes that bit. The first generation of the tree belongs to the highest bits. Nothing is stored: any level
    costs a few hashes, and is the same bits whenever, wherever and however it is read.

    Subclasses set ``n``, ``seed``, ``sample`` and call :meth:`_grow`.
    """

    independent_unit = "sample"
    kernels = ("spinnet.kernels.random_energy",)
    n: int
    seed: int
    sample: int

    def _grow(self, purpose: str, bits: np.ndarray, widths: np.ndarray, kind: int = 0) -> None:
        """Set up the tree: bits per generation (sum N) and the width of each (see spinnet.kernels.random_energy)."""
        generations = len(bits)
        self._keys = counter_keys(self.seed, 3 * generations, purpose, self.sample).reshape(generations, 3)
        self._shifts = (self.n - np.cumsum(bits)).astype(np.uint64)
        self._widths = np.ascontiguousarray(widths, dtype=np.float64)
        self._kind = int(kind)
        self._space = Hypercube(self.n)

    @property
    def tree(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
        """The first four arguments of the kernels: keys, shifts, widths and kind."""
        return self._keys, self._shifts, self._widths, self._kind

    @property
    def space(self) -> Hypercube:
        return self._space

    @property
    def units(self) -> Units:
        return Units(self.n, "spin")

    @property
    def n_levels(self) -> int:
        """2^N."""
        return 1 << self.n

    def check(self, x: np.ndarray) -> np.ndarray:
        """Return ``x`` as a C-ordered block of ±1, int8, or refuse it."""
        x = np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.n:
            raise InputError(
                f"configurations of shape {x.shape} given to {type(self).__name__}: expected (replicas, {self.n})"
            )
        if not np.all((x == 1) | (x == -1)):
            raise InputError(f"configurations given to {type(self).__name__} have entries other than +1 and -1")
        return np.ascontiguousarray(x, dtype=np.int8)

    def index_of(self, x: np.ndarray) -> np.ndarray:
        """Indices of configurations ``(replicas, n)``: uint64, shape ``(replicas,)``."""
        bits = (self.check(x) < 0).astype(np.uint64)
        return (bits << np.arange(self.n, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)

    def configuration(self, index: np.ndarray) -> np.ndarray:
        """Configurations of indices of shape ``(replicas,)``: int8, shape ``(replicas, n)``."""
        index = self._check_index(index).reshape(-1, 1)
        bits = (index >> np.arange(self.n, dtype=np.uint64)) & np.uint64(1)
        return (1 - 2 * bits.astype(np.int8)).astype(np.int8)

    def _check_index(self, index: np.ndarray) -> np.ndarray:
        given = np.asarray(index)
        good = given.dtype.kind in "iu" or (given.dtype == object and all(isinstance(i, int) for i in given.flat))
        if not good or (given.size and (given.min() < 0 or given.max() >= self.n_levels)):
            raise InputError(f"index given to {type(self).__name__}: whole numbers from 0 to 2^{self.n} - 1 are levels")
        return np.ascontiguousarray(given, dtype=np.uint64)

    def level(self, index: np.ndarray) -> np.ndarray:
        """Energy of each index, shape as given (a number gives a shape of ``()``)."""
        from spinnet.kernels.random_energy import read_levels

        shape = np.shape(index)
        flat = self._check_index(index).reshape(-1)
        energy = np.empty(flat.shape)
        read_levels(*self.tree, flat, energy)
        return energy.reshape(shape)

    def energy(self, x: np.ndarray) -> np.ndarray:
        """Extensive energy of each row of ±1, shape ``(replicas,)``."""
        return self.level(self.index_of(x))

    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """E(x with ``site`` flipped) − E(x), shape ``(replicas,)``."""
        index = self.index_of(x)
        site = np.broadcast_to(np.asarray(site), index.shape)
        if site.dtype.kind not in "iu" or (site.size and (site.min() < 0 or site.max() >= self.n)):
            raise InputError(f"site = {site}: give whole numbers from 0 to {self.n - 1}")
        return self.level(index ^ (np.uint64(1) << site.astype(np.uint64))) - self.level(index)
