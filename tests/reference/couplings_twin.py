"""Explicit lists of the couplings that are made when they are needed: {multiset: J}, from their definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
from reference import glass_twin

from spinnet.randomness import counter_keys, stream

GOLDEN = 0x9E3779B97F4A7C15
MIX_A, MIX_B = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
WORD = 2**64 - 1


def places(n: int, degree: int) -> dict[tuple[int, ...], tuple[int, int, int]]:
    """{multiset: (first tile of its group, tile within the group, place in the tile)}, by counting tiles."""
    blocks = math.ceil(n / 4)
    prefixes = sorted(itertools.combinations_with_replacement(range(n), degree - 2), key=lambda m: m[::-1])
    found, line = {}, 0
    for b in range(blocks):
        for prefix in prefixes:
            low = prefix[-1] if prefix else 0
            if low > 4 * b + 3:
                continue
            for j in range(max(low, 4 * b), min(4 * b + 4, n)):
                for k in range(j, n):
                    found[*prefix, j, k] = line, k // 4 - b, 4 * (j % 4) + k % 4
            line += blocks - b
    return found


def scaled(numbers: dict, n: int, amplitude: float, strict: bool) -> dict:
    """Standard numbers times the standard deviations of their couplings; the strict sum drops repeated indices."""
    return {
        m: math.sqrt(glass_twin.variance(n, m, amplitude)) * value
        for m, value in numbers.items()
        if not strict or len(set(m)) == len(m)
    }


def dense(n: int, degree: int, amplitude=1.0, seed=0, sample=0, strict=False) -> dict:
    """Stored numbers, for comparison."""
    rng = stream(seed, "couplings", n, degree, sample)
    return scaled({m: rng.standard_normal() for m in glass_twin.multisets(n, degree)}, n, amplitude, strict)


def binary(n: int, degree: int, amplitude=1.0, seed=0, sample=0, strict=False) -> dict:
    """Bit 4r + c of word t, of 64-bit random words cut into four from the lowest, is 1 for plus."""
    where = places(n, degree)
    tiles = 1 + max(line + tile for line, tile, _ in where.values())
    rng = stream(seed, "binary couplings", n, degree, sample)
    drawn = [int(w) for w in rng.integers(0, 2**64, math.ceil(tiles / 4), dtype=np.uint64)]

    def sign(line, tile, place):
        t = line + tile
        return 1.0 if drawn[t // 4] >> (16 * (t % 4) + place) & 1 else -1.0

    return scaled({m: sign(*place) for m, place in where.items()}, n, amplitude, strict)


def mix(z: int) -> int:
    """Stafford's variant 13 of the 64-bit finaliser."""
    z = (z ^ z >> 30) * MIX_A & WORD
    z = (z ^ z >> 27) * MIX_B & WORD
    return z ^ z >> 31


def stream_keys(keys: list[int], line: int) -> tuple[int, int]:
    """The two keys of the stream of the group whose first tile is ``line``."""
    a = mix(line * GOLDEN + keys[0] & WORD)
    return mix(a ^ keys[1]) ^ a, mix(a + keys[2] & WORD) ^ (a << 32 & WORD | a >> 32)


def bits(key: int, second: int, counter: int) -> int:
    """One round with the second key between its products."""
    z = counter * GOLDEN + key & WORD
    z = (z ^ z >> 30) * MIX_A & WORD ^ second
    z = (z ^ z >> 27) * MIX_B & WORD
    return z ^ z >> 31


def pair_of_tiles(key: int, second: int, pair: int) -> list[float]:
    """32 standard normal numbers: 16 radii times cosines, then times sines."""
    words = [half for c in range(16) for half in divmod(bits(key, second, 16 * pair + c), 2**32)[::-1]]
    cosines, sines = [], []
    for radius_word, angle_word in zip(words[:16], words[16:], strict=True):
        radius = math.sqrt(-2.0 * math.log((radius_word + 0.5) / 2**32))
        radius = -radius if angle_word >> 31 else radius
        inside = angle_word & (2**30 - 1)
        angle = math.pi / 2 * ((inside + 2**29) % 2**30 - 2**29) / 2**30
        pair_of_numbers = radius * math.cos(angle), radius * math.sin(angle)
        mirrored = angle_word >> 30 & 1
        cosines.append(pair_of_numbers[mirrored])
        sines.append(pair_of_numbers[1 - mirrored])
    return cosines + sines


def hashed(n: int, degree: int, amplitude=1.0, seed=0, sample=0, strict=False) -> dict:
    """Place p of the even tile of a pair is a cosine, of the odd one a sine."""
    keys = [int(k) for k in counter_keys(seed, 3, "hashed couplings", n, degree, sample)]
    made = {}

    def number(line, tile, place):
        if (line, tile // 2) not in made:
            made[line, tile // 2] = pair_of_tiles(*stream_keys(keys, line), tile // 2)
        return made[line, tile // 2][16 * (tile % 2) + place]

    return scaled({m: number(*place) for m, place in places(n, degree).items()}, n, amplitude, strict)
