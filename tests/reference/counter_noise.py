"""The counter-based noise in plain Python whole numbers: what the kernels must reproduce."""

from __future__ import annotations

import math

WORD = 2**64
GOLDEN = 0x9E3779B97F4A7C15


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % WORD
    return z ^ (z >> 31)


def bits(key: int, counter: int) -> int:
    return mix(mix((counter * GOLDEN + key) % WORD) ^ mix(key ^ GOLDEN))


def uniform(key: int, counter: int) -> float:
    return ((bits(key, counter) >> 11) + 1) / 2**53


def normal(key: int, counter: int) -> float:
    pair = counter - counter % 2
    radius = math.sqrt(-2.0 * math.log(uniform(key, pair)))
    angle = 2.0 * math.pi * uniform(key, pair + 1)
    return radius * (math.sin(angle) if counter % 2 else math.cos(angle))


def integer(key: int, counter: int, bound: int) -> int:
    return bits(key, counter) * bound // WORD


def one_round_uniform(key: int, counter: int) -> float:
    """A wrong generator: the key enters once, so that two keys give shifted copies of one sequence."""
    return ((mix((counter * GOLDEN + key) % WORD) >> 11) + 1) / 2**53
