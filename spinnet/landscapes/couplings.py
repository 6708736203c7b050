"""The couplings of one degree p of a spherical glass, and how they are stored.

Every kind offers the same sums over its couplings, for H_p(σ) = −Σ J σ…σ: ``gradient(x)``, ``hvp(x, v)`` and
``hessian(x)``, and says beforehand what it takes: ``n_bytes`` and ``count``. The energy follows from Euler's relation,
H_p = σ·∇H_p/p. Kinds in other files: :mod:`~spinnet.landscapes.hashed_couplings` and
:mod:`~spinnet.landscapes.binary_couplings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import accumulate

import numpy as np

from spinnet.errors import InputError
from spinnet.kernels import spherical_glass as kernels
from spinnet.kernels import spherical_glass_tangent as tangent_kernels
from spinnet.kernels._threads import run_chunks
from spinnet.randomness import stream

#: Units of work are cut at about this many bytes of couplings, so that a second pass finds them in the cache.
_UNIT_BYTES = 1 << 22
_UNIT_GROUPS = 512
#: Couplings below this size are one chunk; above, there are enough chunks to share among threads.
_CHUNK_BYTES = 1 << 20
_MAX_CHUNKS = 16
_NORMALS_AT_ONCE = 1 << 20


def multisets(symbols: int, length: int) -> int:
    return math.comb(symbols + length - 1, length) if length else 1


def _prefix_table(n: int, length: int) -> np.ndarray:
    """All multisets i₁ ≤ … ≤ i_length from n symbols, sorted by the last, then the one before: int32 rows."""
    table = np.zeros((1, 0), dtype=np.int32)
    for width in range(1, length + 1):
        # Before the last index m come all shorter multisets up to m: the first ones of the shorter table.
        counts = np.array([multisets(m + 1, width - 1) for m in range(n)])
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        before = np.arange(counts.sum()) - starts
        last = np.repeat(np.arange(n, dtype=np.int32), counts)
        table = np.column_stack([table[before], last])
    return np.ascontiguousarray(table, dtype=np.int32)


def layout(n: int, degree: int) -> tuple[np.ndarray, np.ndarray]:
    """Groups per block, and tiles before each block (one more entry: all tiles)."""
    blocks = -(-n // 4)
    groups = [multisets(min(4 * b + 4, n), degree - 2) for b in range(blocks)]
    tiles = list(accumulate((count * (blocks - b) for b, count in enumerate(groups)), initial=0))
    # Sizes beyond 64 bits are asked for before they are refused.
    kind = np.int64 if tiles[-1] < 2**62 else object
    return np.array(groups, dtype=kind), np.array(tiles, dtype=kind)


def aligned_empty(size: int, dtype: np.dtype) -> np.ndarray:
    """An uninitialised flat array that starts on a cache line."""
    raw = np.empty(size * dtype.itemsize + 64, dtype=np.uint8)
    skip = -raw.ctypes.data % 64
    return raw[skip : skip + size * dtype.itemsize].view(dtype)


class PackedCouplings:
    """Couplings of all i₁ ≤ … ≤ i_p in the order of :mod:`spinnet.kernels.spherical_glass`: the tables of that order.

    ``strict`` leaves out the monomials in which an index is repeated.
    """

    degrees: tuple[int, ...] = (2, 3, 4, 5, 6)

    def __init__(self, n: int, degree: int, unit_bytes: int, itemsize: int):
        self.n = n
        self.degree = degree
        groups, tiles = layout(n, degree)
        self._block_tiles = tiles
        self._prefixes = _prefix_table(n, degree - 2)
        self._units = _units(groups, tiles, itemsize, unit_bytes)
        self._bounds = _chunk_bounds(self._units, int(tiles[-1]), 16 * itemsize)
        self._most_groups = int((self._units[:, 2] - self._units[:, 1]).max())

    @staticmethod
    def count(n: int, degree: int, strict: bool = False) -> int:
        """Number of independent couplings: C(n + p − 1, p), or C(n, p) for the strict sum."""
        return math.comb(n, degree) if strict else multisets(n, degree)

    def _contract(
        self, entry, operands: Callable[[], tuple], vectors, dtype, threads: int, more_rows: int = 0
    ) -> np.ndarray:
        """Run a kernel over all chunks; ``operands()`` are a thread's first arguments."""
        replicas = len(vectors[0])
        chunks = len(self._bounds) - 1
        partials = np.empty((chunks, replicas, self.n))

        def start():
            space = kernels.workspace(self.n, replicas, self._most_groups, len(vectors), dtype, more_rows)
            fixed = *operands(), self._prefixes, self._units, self._bounds
            return lambda first, last: entry(*fixed, first, last, *vectors, *space, partials)

        run_chunks(start, chunks, threads)
        total = partials[0]
        for part in partials[1:]:
            total += part
        return total


class DenseCouplings(PackedCouplings):
    """All unique couplings i₁ ≤ … ≤ i_p, packed, with variances that make the covariance exactly N f(q).

    The full sum over ordered tuples of independent N(0, 1) numbers G,

        H = −(a/√2) N^{−(p−1)/2} Σ G_{i₁…i_p} σ_{i₁} … σ_{i_p},

    collects p!/Π m! equal monomials (m: multiplicities of the indices) into one, whose coupling therefore has the
    variance a² p!/(2 N^{p−1} Π m!). The numbers are drawn in an order that knows nothing of the storage, in double
    precision; ``dtype`` only rounds them.

    Parameters
    ----------
    n, degree, amplitude : N, p and a
    seed, sample : the disorder
    dtype : "float32" or "float64"
    strict : only i₁ < … < i_p, the same numbers without the others. For p = 3 the covariance is then

        E[H(σ) H(σ′)] = (a²/2N²) (P₁³ − 3 P₁ P₂ + 2 P₃),   P_k = Σ_i (σ_i σ′_i)^k,

        which falls short of N f(q) by O(1/N) and depends on more than the overlap: the model is not rotation
        invariant at finite N. Over the sphere the mean of Var H is (a²N/2)(1 − 1/N)(1 − 2/N)·N²/((N + 2)(N + 4)):
        3.4 % less than a²N/2 at N = 256 (on σ_i = ±1 it is (a²N/2)(1 − 1/N)(1 − 2/N), 1.2 % less).

    Notes
    -----
    About N^p/p! numbers are stored, of which zeros that fill up tiles are a fraction 9/N for p = 3. One gradient of
    R replicas reads each once and does 2 R multiply-adds with it.
    """

    kernels: tuple[str, ...] = ("spinnet.kernels.spherical_glass",)
    hvp_kernels: tuple[str, ...] = ("spinnet.kernels.spherical_glass_tangent",)

    def __init__(
        self, n: int, degree: int, amplitude: float, seed: int, sample: int, dtype: str, strict: bool = False
    ):
        kind = np.dtype(dtype)
        super().__init__(n, degree, _UNIT_BYTES, kind.itemsize)
        self.values = aligned_empty(16 * int(self._block_tiles[-1]), kind)
        # The size is part of the key: neighbouring sizes would otherwise share most of their couplings.
        self._draw(amplitude, stream(seed, "couplings", n, degree, sample), strict)

    def _draw(self, amplitude: float, rng: np.random.Generator, strict: bool = False) -> None:
        n = self.n
        # H has the minus sign, so that kernels sum what is stored.
        scale = -amplitude * math.sqrt(0.5 * float(n) ** (1 - self.degree))
        lows = self._prefixes[:, -1] if self.degree > 2 else np.zeros(1, dtype=np.int32)
        ends = np.cumsum((n - lows.astype(np.int64)) * (n - lows + 1) // 2)
        first, done = 0, 0
        while first < len(lows):
            last = max(first + 1, int(np.searchsorted(ends, done + _NORMALS_AT_ONCE, side="right")))
            normals = rng.standard_normal(int(ends[last - 1]) - done)
            kernels.pack_couplings(
                normals, first, last, self._prefixes, n, scale, strict, self._block_tiles, self.values
            )
            first, done = last, int(ends[last - 1])

    @staticmethod
    def n_bytes(n: int, degree: int, dtype: str, strict: bool = False) -> int:
        """Memory of the couplings and of their tables, computed without allocating anything.

        The strict sum stores zeros for what it leaves out, a fraction of about p²/2N.
        """
        _, tiles = layout(n, degree)
        tables = 4 * (degree - 2) * multisets(n, degree - 2)
        return 16 * int(tiles[-1]) * np.dtype(dtype).itemsize + tables

    def blocks(self) -> Iterator[tuple[tuple[slice, ...], np.ndarray]]:
        """For p = 3: where H has which coefficients, as slices of i ≤ j ≤ k and blocks of numbers (zero elsewhere)."""
        if self.degree != 3:
            raise InputError(f"degree {self.degree}: blocks of a tensor are given for degree 3")
        groups, tiles = layout(self.n, 3)
        for b, count in enumerate(groups):
            block = self.values[16 * tiles[b] : 16 * tiles[b + 1]].reshape(count, -1, 4, 4)
            j, k = slice(4 * b, min(4 * b + 4, self.n)), slice(4 * b, self.n)
            block = block.transpose(0, 2, 1, 3).reshape(count, 4, -1)
            yield (slice(0, int(count)), j, k), block[:, : j.stop - j.start, : k.stop - k.start]

    def gradient(self, x: np.ndarray, threads: int = 1) -> np.ndarray:
        """∇H_p for a block of replicas ``(replicas, n)``."""
        return self._contract(kernels.contract, lambda: (self.values,), (x,), self.values.dtype, threads)

    def hvp(self, x: np.ndarray, v: np.ndarray, threads: int = 1) -> np.ndarray:
        """∇²H_p(x) v for a block of replicas."""
        entry = tangent_kernels.contract_tangent
        return self._contract(entry, lambda: (self.values,), (x, v), self.values.dtype, threads)

    def hessian(self, x: np.ndarray) -> np.ndarray:
        """∇²H_p at one configuration ``(n,)``: ``(n, n)``."""
        work, half = kernels.hessian_workspace(self.n, self.values.dtype)
        kernels.contract_hessian(self.values, self._prefixes, self._units, x, work, half)
        return kernels.whole_hessian(half, self.n)


def _steps(groups: np.ndarray, itemsize: int, unit_bytes: int) -> np.ndarray:
    """Groups in a unit of each block; an even number, so that they can be taken two at a time."""
    width = len(groups) - np.arange(len(groups))
    return np.maximum(8, np.minimum(_UNIT_GROUPS, unit_bytes // (16 * itemsize * width)) // 2 * 2)


def count_units(groups: np.ndarray, itemsize: int, unit_bytes: int) -> int:
    """Length of the table of units."""
    return int((-(-groups // _steps(groups, itemsize, unit_bytes))).sum())


def _units(groups: np.ndarray, tiles: np.ndarray, itemsize: int, unit_bytes: int) -> np.ndarray:
    """Rows of (block, first group, last group, first tile)."""
    steps = _steps(groups, itemsize, unit_bytes)
    counts = -(-groups // steps)
    block = np.repeat(np.arange(len(groups)), counts)
    start = (np.arange(len(block)) - np.repeat(np.cumsum(counts) - counts, counts)) * steps[block]
    stop = np.minimum(start + steps[block], groups[block])
    line = tiles[block] + start * (len(groups) - block)
    return np.column_stack([block, start, stop, line]).astype(np.int64)


def _chunk_bounds(units: np.ndarray, tiles: int, tile_bytes: int) -> np.ndarray:
    """Where chunks of about equal numbers of tiles begin in the list of units."""
    chunks = min(_MAX_CHUNKS, max(1, tiles * tile_bytes // _CHUNK_BYTES), len(units))
    wanted = np.arange(chunks) * (tiles / chunks)
    bounds = np.searchsorted(units[:, 3], wanted, side="left")
    return np.unique(np.concatenate([bounds, [len(units)]])).astype(np.int64)
