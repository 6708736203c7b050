"""What couplings made when they are needed have in common: a buffer for a unit, and sums in units of a scale."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from spinnet.kernels import spherical_glass as kernels
from spinnet.landscapes.couplings import PackedCouplings, aligned_empty, count_units, layout, multisets

#: Units are cut so that the couplings of one, expanded to float32, would take about this much.
UNIT_BYTES = 1 << 22

NO_KEYS = np.empty(0, dtype=np.uint64)
NO_WORDS = np.empty(0, dtype=np.uint16)


class ExpandedCouplings(PackedCouplings):
    """Couplings that a kernel makes unit by unit from ``keys`` or, where these are empty, from the bits of ``words``.

    Each thread has a buffer of 1 MiB, more beyond N = 8192 (twice that for float64), made anew in every call.
    """

    kernels: tuple[str, ...] = ("spinnet.kernels.expanded_couplings",)
    hvp_kernels: tuple[str, ...] = ("spinnet.kernels.expanded_couplings_tangent", "spinnet.kernels.spherical_glass")

    keys: np.ndarray = NO_KEYS
    words: np.ndarray = NO_WORDS

    def __init__(self, n: int, degree: int, amplitude: float, dtype: str, strict: bool):
        # The cut does not depend on dtype: neither do the couplings.
        super().__init__(n, degree, UNIT_BYTES, 4)
        self.strict = strict
        self._dtype = np.dtype(dtype)
        # H has the minus sign: sums are of what the kernels make, times this.
        self.scale = -amplitude * math.sqrt(0.5 * math.factorial(degree) * float(n) ** (1 - degree))

    @staticmethod
    def table_bytes(n: int, degree: int) -> int:
        """Bytes of the tables of prefixes and of units; nothing is allocated."""
        groups, _ = layout(n, degree)
        return 4 * (degree - 2) * multisets(n, degree - 2) + 32 * count_units(groups, 4, UNIT_BYTES)

    def _operands(self) -> tuple:
        from spinnet.kernels.expanded_couplings import buffer_tiles

        size = 16 * buffer_tiles(self._units, -(-self.n // 4))
        return self.keys, self.words, self.strict, aligned_empty(size, self._dtype)

    def gradient(self, x: np.ndarray, threads: int = 1) -> np.ndarray:
        """∇H_p for a block of replicas ``(replicas, n)``, float64."""
        from spinnet.kernels.binary_tables import TABLE_ROWS
        from spinnet.kernels.expanded_couplings import contract_expanded

        total = self._contract(contract_expanded, self._operands, (x,), self._dtype, threads, TABLE_ROWS)
        total *= self.scale
        return total

    def hvp(self, x: np.ndarray, v: np.ndarray, threads: int = 1) -> np.ndarray:
        """∇²H_p(x) v for a block of replicas, float64."""
        from spinnet.kernels.expanded_couplings_tangent import contract_expanded_tangent

        total = self._contract(contract_expanded_tangent, self._operands, (x, v), self._dtype, threads)
        total *= self.scale
        return total

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """∇²H_p at one configuration ``(n,)``: ``(n, n)``."""
        work, half = kernels.hessian_workspace(self.n, self._dtype)
        here = np.zeros((1, 4), dtype=np.int64)
        for unit, values in self.units():
            here[0, :3] = unit[:3]
            kernels.contract_hessian(values, self._prefixes, here, x, work, half)
        return self.scale * kernels.whole_hessian(half, self.n)

    def units(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each unit (block, first group, last group, first tile) with its couplings, in units of the scale."""
        from spinnet.kernels.expanded_couplings import expand_unit

        tiles = (-(-self.n // 4) - self._units[:, 0]) * (self._units[:, 2] - self._units[:, 1])
        buffer = aligned_empty(16 * int(tiles.max() + 1), self._dtype)
        for unit in self._units:
            expand_unit(self.keys, self.words, self.strict, buffer, self._prefixes, *unit, self.n)
            yield unit, buffer
