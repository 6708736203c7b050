"""Levels with a number each, 0 … 2^N − 1: what the landscapes of discrete levels share."""

from __future__ import annotations

from typing import Any

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Energy, Levels, Units
from spinnet.spaces import Hypercube

#: Levels are addressed by 64-bit numbers.
LARGEST_ADDRESSED = 64
#: All levels at once as an array: 2 GiB.
LARGEST_LISTED = 28


class IndexedLevels(Levels, Energy):
    """2^N levels whose numbers are the configurations of N bits.

    Site i is bit i of the number: it is set where σ_i = −1, so that number 0 is the configuration of all +1; flipping a
    site changes that bit. Subclasses set ``n`` and serve :meth:`level`.
    """

    independent_unit = "sample"
    n: int
    seed: int
    sample: int

    @property
    def space(self) -> Hypercube:
        """The corners {±1}^N."""
        return Hypercube(self.n)

    @property
    def units(self) -> Units:
        """Energies are per spin."""
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
        """Numbers of configurations ``(replicas, n)``: uint64, shape ``(replicas,)``."""
        x = self.check(x)
        self._addressed()
        return ((x < 0).astype(np.uint64) << np.arange(self.n, dtype=np.uint64)).sum(axis=1, dtype=np.uint64)

    def configuration(self, index: np.ndarray) -> np.ndarray:
        """Configurations of numbers of shape ``(replicas,)``: int8, shape ``(replicas, n)``."""
        index = self._check_index(index).reshape(-1, 1)
        bits = (index >> np.arange(self.n, dtype=np.uint64)) & np.uint64(1)
        return (1 - 2 * bits.astype(np.int8)).astype(np.int8)

    def energy(self, x: np.ndarray) -> np.ndarray:
        """Extensive energy of each row of ±1, shape ``(replicas,)``."""
        return self.level(self.index_of(x))

    def all_levels(self) -> np.ndarray:
        """Energies of the levels 0 … 2^N − 1 as one array of 2^N doubles, N up to 28."""
        self._listed()
        return self.level(np.arange(self.n_levels, dtype=np.uint64))

    def _addressed(self) -> None:
        if self.n > LARGEST_ADDRESSED:
            raise InputError(f"n = {self.n}: configurations of up to {LARGEST_ADDRESSED} spins have numbers")

    def _listed(self) -> None:
        refuse_long_list(self.n)

    def _check_index(self, index: np.ndarray) -> np.ndarray:
        self._addressed()
        given = np.asarray(index)
        good = given.dtype.kind in "iu" or (given.dtype == object and all(isinstance(i, int) for i in given.flat))
        if not good or (given.size and (given.min() < 0 or given.max() >= self.n_levels)):
            raise InputError(f"index given to {type(self).__name__}: whole numbers from 0 to 2^{self.n} - 1 are levels")
        return np.ascontiguousarray(given, dtype=np.uint64)

    def _check_site(self, site: Any, replicas: int) -> np.ndarray:
        site = np.broadcast_to(np.asarray(site), (replicas,))
        if site.dtype.kind not in "iu" or (site.size and (site.min() < 0 or site.max() >= self.n)):
            raise InputError(f"site = {site}: give whole numbers from 0 to {self.n - 1}")
        return site


def refuse_long_list(n: int) -> None:
    """Refuse a number of spins whose levels do not fit an array."""
    if n > LARGEST_LISTED:
        raise InputError(
            f"n = {n}: up to 2^{LARGEST_LISTED} levels are listed; hashed levels are streamed by enumerate_levels"
        )


def check_disorder(parameters: dict[str, Any]) -> dict[str, Any]:
    """The whole numbers ``seed`` and ``sample`` that name the disorder."""
    return {name: whole_number(name, parameters.get(name, 0)) for name in ("seed", "sample")}
