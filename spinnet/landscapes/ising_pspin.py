"""The p-spin glass with Ising spins, with the exact covariance N q^p/2 at every size."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import LocalMoves
from spinnet.landscapes.indexed_levels import IndexedLevels, check_disorder
from spinnet.memory import available_memory
from spinnet.randomness import counter_keys

LARGEST_N = 4096
LARGEST_DEGREE = 64


class PSpinIsing(IndexedLevels, LocalMoves):
    """Ising p-spin glass, H(σ) = −2^{−1/2} N^{−(p−1)/2} Σ_{i₁ … i_p} G_{i₁…i_p} σ_{i₁} … σ_{i_p}, σ ∈ {±1}^N.

    All N^p tuples enter, G independent standard Gaussians, so that exactly, at every N,

        E[H(σ) H(σ′)] = (N/2) q^p,   q = σ·σ′/N.

    Sites that occur twice in a tuple drop out: H = −Σ_S K_S Π_{i∈S} σ_i over the sets S of p, p − 2, … sites, with
    independent K_S of variance N^{1−p} T/2, T the number of tuples in which just the sites of S occur an odd number of
    times: this is what is stored. (The sum over i₁ < … < i_p alone has the covariance up to O(1/N) only.) As p → ∞ the
    levels become those of the random energy model; at even p, σ and −σ have the same energy.

    Parameters
    ----------
    n : int
        Number N of spins, up to 4096. Levels have numbers for N ≤ 64 and are listed for N ≤ 28.
    p : int
        Degree, from 1 to 64.
    seed, sample : int
        The disorder: each (seed, sample) is an independent set of couplings.

    Raises
    ------
    InputError
        For values that are not allowed, and for couplings that do not fit in the available memory.

    Notes
    -----
    Energies cost one multiply-add per coupling and replica, C(N, p) + C(N, p−2) + …, the couplings read once for eight
    replicas; the change at a flip C(N−1, p−1) + …; all 2^N levels N additions each, by a Walsh–Hadamard transform
    (their last bits differ from those of single levels).

    References
    ----------
    Derrida, Phys. Rev. Lett. 45, 79 (1980); Gross and Mézard, Nucl. Phys. B 240, 431 (1984); Gardner, Nucl. Phys. B
    257, 747 (1985). Transitions: :mod:`spinnet.theory.ising_pspin`.
    """

    kernels = ("spinnet.kernels.ising_pspin", "spinnet.kernels.counter_noise")

    def __init__(self, n: int, p: int = 3, seed: int = 0, sample: int = 0):
        from spinnet.kernels.counter_noise import fill_normal

        checked = self.validate(n=n, p=p, seed=seed, sample=sample)
        self.n: int = checked["n"]
        self.p: int = checked["p"]
        self.seed: int = checked["seed"]
        self.sample: int = checked["sample"]
        needed, available = self.memory_bytes(self.n, self.p), available_memory()
        if needed > available:
            raise InputError(
                f"n = {self.n}, p = {self.p}: couplings take {needed / 2**30:.3g} GiB of {available / 2**30:.3g} "
                "available: take a smaller n or p"
            )
        self._binomials = np.array(
            [[min(math.comb(c, k), 2**62) for k in range(self.p + 1)] for c in range(self.n)], dtype=np.int64
        )
        self._constant, self._couplings = 0.0, {}
        for size in range(self.p % 2, min(self.p, self.n) + 1, 2):
            deviation = math.sqrt(0.5 * tuples_with_odd_set(self.n, self.p, size) / self.n ** (self.p - 1))
            values = np.empty((1, math.comb(self.n, size)))
            fill_normal(counter_keys(self.seed, 1, "Ising couplings", self.p, size, self.sample), 0, values)
            if size == 0:
                self._constant = -deviation * float(values[0, 0])
            else:
                self._couplings[size] = deviation * values[0]

    @classmethod
    def validate(cls, **parameters: Any) -> dict[str, Any]:
        """Check values without allocating; see :class:`spinnet.configurable.Configurable`."""
        n, p = whole_number("n", parameters["n"], minimum=1), whole_number("p", parameters.get("p", 3), minimum=1)
        if n > LARGEST_N:
            raise InputError(f"n = {n}: all couplings are stored, for up to {LARGEST_N} spins")
        if p > LARGEST_DEGREE:
            raise InputError(f"p = {p}: degrees up to {LARGEST_DEGREE} are simulated; beyond them take the REM")
        return {"n": n, "p": p, **check_disorder(parameters)}

    @classmethod
    def memory_bytes(cls, n: int, p: int) -> int:
        """Bytes of the couplings, for planning; nothing is allocated."""
        return 8 * sum(math.comb(n, size) for size in range(p % 2, min(p, n) + 1, 2))

    @classmethod
    def task_memory_bytes(cls, table, replicas: int) -> int:
        """Couplings, their making, and the list of levels where it is short."""
        return 2 * cls.memory_bytes(table["n"], table["p"]) + (16 << table["n"] if table["n"] <= 24 else 0)

    @property
    def n_couplings(self) -> int:
        """Number of independent couplings, the constant of even p included."""
        return self.memory_bytes(self.n, self.p) // 8

    def energy(self, x: np.ndarray) -> np.ndarray:
        """H of each row of ±1, shape ``(replicas,)``; a row is the same bits alone and in a block."""
        from spinnet.kernels.ising_pspin import TILE, add_energies

        x = self.check(x)
        tiles = -(-len(x) // TILE)
        rows = np.zeros((tiles * TILE, self.n))
        rows[: len(x)] = x
        blocks = np.ascontiguousarray(rows.reshape(tiles, TILE, self.n).transpose(0, 2, 1))
        energy = np.full((tiles, TILE), self._constant)
        for size, couplings in self._couplings.items():
            add_energies(couplings, size, self.n, blocks, energy)
        return energy.reshape(-1)[: len(x)].copy()

    def delta_energy(self, x: np.ndarray, site: np.ndarray) -> np.ndarray:
        """H(x with ``site`` flipped) − H(x), shape ``(replicas,)``."""
        from spinnet.kernels.ising_pspin import add_flip_energies

        x = self.check(x)
        site = np.array(self._check_site(site, len(x)), dtype=np.int64)
        spins, change = x.astype(np.float64), np.zeros(len(x))
        for size, couplings in self._couplings.items():
            add_flip_energies(couplings, size, self.n, self._binomials, spins, site, change)
        return change

    def level(self, index: np.ndarray) -> np.ndarray:
        """Energy of each number, N ≤ 64, shape as given."""
        return self.energy(self.configuration(np.asarray(index))).reshape(np.shape(index))

    def all_levels(self) -> np.ndarray:
        """Energies of the levels 0 … 2^N − 1, N ≤ 28: 8·2^N bytes, N 2^N additions."""
        from spinnet.kernels.ising_pspin import place_couplings, transform_signs

        self._listed()
        values = np.zeros(self.n_levels)
        values[0] = self._constant
        for size, couplings in self._couplings.items():
            place_couplings(couplings, size, self.n, values)
        transform_signs(values)
        return values


def tuples_with_odd_set(n: int, p: int, size: int) -> int:
    """Number of p-tuples of n sites in which just the sites of one given set of ``size`` occur an odd number of times.

    p! times the coefficient of x^p in sinh^s(x) cosh^{n−s}(x) = 2^{−n} Σ_j C … e^{(n − 2j) x}, by exact integers.
    """
    total = 0
    for odd in range(size + 1):
        for even in range(n - size + 1):
            sign = -1 if odd & 1 else 1
            total += sign * math.comb(size, odd) * math.comb(n - size, even) * (n - 2 * (odd + even)) ** p
    return total >> n


