"""Patterns of ±1 as packed words, and what the networks made of them share: a native state, starts, single flips."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import LocalMoves, Signal
from spinnet.landscapes.indexed_levels import LARGEST_ADDRESSED, IndexedLevels
from spinnet.randomness import stream

#: Overlaps with single patterns are kept in 16 bits.
LARGEST_N = 32_000
#: Sums of overlaps over all patterns stay whole numbers of 32 bits.
LARGEST_PRODUCT = (1 << 31) - 1
_WORD = 64
_CHUNK = 1 << 16
_LINE = 64


def check_load(alpha: Any, patterns: Any, n: int) -> tuple[float | None, int | None, int]:
    """The load α or the number of patterns as given, one of them, and the number P."""
    if (alpha is None) == (patterns is None):
        raise InputError("give either alpha, the number of patterns per spin, or patterns, the number itself")
    if patterns is None:
        alpha = real_number("alpha", alpha, above=0.0)
        count = max(1, round(alpha * n))
    else:
        patterns = count = whole_number("patterns", patterns, minimum=1)
    if count * n > LARGEST_PRODUCT:
        raise InputError(f"{count} patterns of n = {n}: patterns times n up to {LARGEST_PRODUCT} are served; take less")
    return alpha, patterns, count


def check_start(start_at: Any) -> float:
    """The overlap with the native state at which replicas start; 0 for uniform configurations."""
    start_at = real_number("start_at", start_at, -1.0)
    if start_at > 1.0:
        raise InputError(f"start_at = {start_at:g}: an overlap lies between -1 and 1")
    return start_at


def draw_words(patterns: int, n: int, seed: int, purpose: str, sample: int) -> np.ndarray:
    """Uniform patterns as words over sites, ``(patterns, ⌈n/64⌉)``; those of a smaller number come first."""
    words = -(-n // _WORD)
    drawn = stream(seed, purpose, n, sample).integers(0, 1 << 64, size=(patterns, words), dtype=np.uint64)
    if n % _WORD:
        drawn[:, -1] &= np.uint64((1 << (n % _WORD)) - 1)
    return drawn


def pack_signs(x: np.ndarray, multiple: int = 1) -> np.ndarray:
    """Rows of ±1 as words (bit i is set where entry i is −1), padded with zeros to a multiple of words."""
    words = -(-x.shape[1] // (_WORD * multiple)) * multiple
    packed = np.zeros((len(x), 8 * words), dtype=np.uint8)
    bits = np.packbits(x < 0, axis=1, bitorder="little")
    packed[:, : bits.shape[1]] = bits
    return packed.view("<u8").astype(np.uint64, copy=False)


def unpack_signs(words: np.ndarray, n: int) -> np.ndarray:
    """Rows of ``n`` entries ±1, int8, of packed ones."""
    bits = np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), axis=1, count=n, bitorder="little")
    return 1 - 2 * bits.view(np.int8)


def aligned(shape: tuple[int, int], dtype: type) -> np.ndarray:
    """An uninitialised array that begins on a cache line: vectors that straddle two lines cost a load more."""
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    buffer = np.empty(size + _LINE, dtype=np.uint8)
    offset = -buffer.ctypes.data % _LINE
    return buffer[offset : offset + size].view(dtype).reshape(shape)


def spins_at(native: np.ndarray, overlap: float, replicas: int, rng: np.random.Generator) -> np.ndarray:
    """Configurations at the attainable overlap nearest to ``overlap``, flipped sites uniform: ``(replicas, n)``."""
    n = len(native)
    x = np.tile(native, (replicas, 1))
    away = round(0.5 * n * (1.0 - overlap))
    for row in x:
        row[rng.permutation(n)[:away]] *= -1
    return x


class PatternSpins(IndexedLevels, LocalMoves, Signal):
    """Ising spins with an energy that is a function of their overlaps with P patterns of ±1.

    Subclasses set ``n``, ``seed``, ``sample``, ``start_at`` and the packed patterns by :meth:`_keep`.
    """

    kernels = ("spinnet.kernels.packed_patterns",)
    start_at: float
    n_patterns: int

    @classmethod
    def resolve(cls, given: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """As :meth:`spinnet.configurable.Configurable.resolve`; of alpha and patterns the one that is given."""
        return {name: value for name, value in super().resolve(given, where).items() if value is not None}

    def _keep(self, words: np.ndarray, native: np.ndarray) -> None:
        """Keep the patterns, words over sites, and the configuration that is native."""
        from spinnet.kernels._bits import BLOCK

        self._words = np.ascontiguousarray(words)
        columns = unpack_signs(words, self.n).T
        packed = pack_signs(columns, BLOCK)
        self._rows = aligned(packed.shape, np.uint64)
        self._rows[:] = packed
        self._sums = columns.sum(axis=1, dtype=np.int64)
        self.n_patterns = len(words)
        self._native = native
        self._native.flags.writeable = False

    @staticmethod
    def packed_bytes(n: int, patterns: int) -> int:
        """Bytes of the packed patterns, kept twice, and of their making."""
        return 2 * n * (-(-patterns // 512) * 64) + 2 * n * patterns

    @property
    def signal(self) -> np.ndarray:
        """The native state, ±1, int8, shape ``(n,)``."""
        return self._native

    def start(self, replicas: int, rng: np.random.Generator) -> np.ndarray:
        """Configurations at the overlap ``start_at`` with the native state, uniform ones for 0: ``(replicas, n)``."""
        if self.start_at == 0.0:
            return self.space.sample(replicas, rng)
        return spins_at(self._native, self.start_at, replicas, rng)

    def overlaps(self, x: np.ndarray) -> np.ndarray:
        """Σ_i ξ_i^μ s_i with each pattern, int32, shape ``(replicas, P)``."""
        from spinnet.kernels.packed_patterns import fill_overlaps

        x = self.check(x)
        found = np.empty((len(x), self.n_patterns), dtype=np.int32)
        fill_overlaps(self._words, pack_signs(x), self.n, found)
        return found

    def _in_rows(self, numbers: np.ndarray, beyond: int | np.ndarray = 0) -> np.ndarray:
        """Numbers (replicas, P) as the flip kernels take them, a place of 16 bits for each bit of a row.

        ``beyond`` fills places without a pattern. Rows begin on cache lines.
        """
        padded = aligned((len(numbers), _WORD * self._rows.shape[1]), np.int16)
        padded[:] = np.asarray(beyond)
        padded[:, : self.n_patterns] = numbers
        return padded

    def level(self, index: np.ndarray) -> np.ndarray:
        """Energy of each number, N ≤ 64, shape as given."""
        shape, flat = np.shape(index), self._check_index(index).reshape(-1)
        found = np.empty(flat.size)
        for first in range(0, len(flat), _CHUNK):
            found[first : first + _CHUNK] = self._levels(flat[first : first + _CHUNK])
        return found.reshape(shape)

    def _levels(self, index: np.ndarray) -> np.ndarray:
        """Energies of a block of numbers."""
        return self.energy(self.configuration(index))

    def all_levels(self) -> np.ndarray:
        """Energies of the levels 0 … 2^N − 1, N ≤ 28: P 2^N popcounts at most, 8·2^N bytes."""
        self._listed()
        found = np.empty(self.n_levels)
        for first in range(0, self.n_levels, _CHUNK):
            last = min(first + _CHUNK, self.n_levels)
            found[first:last] = self._levels(np.arange(first, last, dtype=np.uint64))
        return found

    def _check_flips(self, x: np.ndarray, site: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Block, sites and the spin at each site."""
        x = self.check(x)
        site = self._check_site(site, len(x)).astype(np.int64)
        return x, site, x[np.arange(len(x)), site].astype(np.int64)

    def _patterns_at(self, site: np.ndarray) -> np.ndarray:
        """ξ_site^μ of each row, int8, shape ``(replicas, P)``."""
        return unpack_signs(self._rows[site], self.n_patterns)


def check_size(n: Any, listed: bool = False) -> int:
    """The number of spins."""
    n = whole_number("n", n, minimum=1)
    limit = LARGEST_ADDRESSED if listed else LARGEST_N
    if n > limit:
        raise InputError(f"n = {n}: up to {limit} spins are served")
    return n
