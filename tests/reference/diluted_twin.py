"""A diluted glass from its definition: its terms one by one, in plain integers, and sums over them by plain loops."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
from reference import couplings_twin

from spinnet.randomness import counter_keys, stream


def hashed(key: int, counter: int) -> int:
    """64 random bits for (key, counter)."""
    mix, golden, word = couplings_twin.mix, couplings_twin.GOLDEN, couplings_twin.WORD
    return mix(mix((counter * golden + key) & word) ^ mix(key ^ golden))


def blocks(n: int, degree: int, bits: int) -> list[tuple[tuple[int, ...], int]]:
    """Each multiset of ranges of 2^bits sites, in order, and its number of hyperedges."""
    ranges = [range(first, min(first + 2**bits, n)) for first in range(0, n, 2**bits)]
    return [
        (block, math.prod(math.comb(len(ranges[r]), block.count(r)) for r in set(block)))
        for block in itertools.combinations_with_replacement(range(len(ranges)), degree)
    ]


def terms(n: int, degree: int, count: int, bits: int, seed: int, sample: int, gaussian: bool = False) -> list:
    """Pairs of (sites in their places, weight of variance one)."""
    layout = blocks(n, degree, bits)
    edges = np.array([float(size) for _, size in layout])
    counts = stream(seed, "diluted couplings", n, degree, sample).multinomial(count, edges / edges.sum())
    keys = [int(key) for key in counter_keys(seed, 2, "diluted couplings", n, degree, sample)]
    cover = 2 ** ((n - 1) % 2**bits).bit_length() - 1
    found = []
    for number, ((block, _), wanted) in enumerate(zip(layout, counts, strict=True)):
        key, weight_key = (hashed(k, number) for k in keys)
        attempt = made = 0
        while made < wanted:
            word = hashed(key, attempt)
            attempt += 1
            sites = []
            for m, r in enumerate(block):
                mask = cover if r == (n - 1) >> bits else 2**bits - 1
                sites.append((r << bits) + ((word >> (bits * m)) & mask))
            if len(set(sites)) < degree or max(sites) >= n:
                continue
            found.append((tuple(sites), normal(weight_key, made) if gaussian else 1.0 - 2.0 * (word >> 63)))
            made += 1
    return found


def normal(key: int, number: int) -> float:
    """A number of a stream of Gaussian couplings: 32 at a time, 16 cosines and 16 sines."""
    return _numbers(key, number // 32)[number % 32]


@functools.lru_cache(maxsize=4096)
def _numbers(key: int, pair: int) -> list[float]:
    return couplings_twin.pair_of_tiles(key, couplings_twin.mix(key ^ couplings_twin.GOLDEN), pair)


def scale(n: int, degree: int, count: int, amplitude: float) -> float:
    """−√(E J²)."""
    raised = math.prod(1 + 2 * k / n for k in range(degree))
    return -amplitude * math.sqrt(n * raised / (2 * count))


def energy(pairs: list, x: np.ndarray) -> float:
    return math.fsum(w * math.prod(x[i] for i in sites) for sites, w in pairs)


def gradient(pairs: list, x: np.ndarray) -> np.ndarray:
    """Each site of each term is left out once."""
    result = np.zeros(len(x))
    for sites, w in pairs:
        for i in sites:
            result[i] += w * math.prod(x[o] for o in sites if o != i)
    return result


def hessian(pairs: list, x: np.ndarray) -> np.ndarray:
    """Each ordered pair of sites of each term is left out once."""
    result = np.zeros((len(x), len(x)))
    for sites, w in pairs:
        for i, j in itertools.permutations(sites, 2):
            result[i, j] += w * math.prod(x[o] for o in sites if o not in (i, j))
    return result


def covariance(n: int, degree: int, amplitude: float, x: np.ndarray, y: np.ndarray) -> float:
    """E[H(x) H(y)] by the sum over all hyperedges of their probability."""
    raised = math.prod(1 + 2 * k / n for k in range(degree))
    products = x * y
    polynomial = math.fsum(math.prod(products[list(edge)]) for edge in itertools.combinations(range(n), degree))
    return 0.5 * amplitude**2 * n * raised * polynomial / math.comb(n, degree)
