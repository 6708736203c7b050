"""Random energies by whole numbers and the C library, one node at a time: slow and obvious."""

from __future__ import annotations

import math

import numpy as np

WORD = (1 << 64) - 1


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def words(keys, number):
    a = mix((number * 0x9E3779B97F4A7C15 + keys[0]) & WORD)
    turned = ((a << 32) | (a >> 32)) & WORD
    return mix(a ^ keys[1]) ^ a, mix((a + keys[2]) & WORD) ^ turned


def log_uniform(first, second):
    # a ratio of whole numbers: no rounding before the logarithm
    numerator = 2 * ((first << 20) | (second & 0xFFFFF)) + 1
    if numerator > 1 << 84:
        return math.log1p(-((1 << 85) - numerator) / (1 << 85))
    return math.log(numerator) - 85 * math.log(2)


def node(keys, number, width, kind):
    if kind == 1:
        return width * log_uniform(*words(keys, number))
    first, second = words(keys, number >> 1)
    radius = math.sqrt(-width * log_uniform(first, second))
    bits = second >> 20
    angle = (math.pi / 2) * (((bits & ((1 << 42) - 1)) + 0.5) / 2**42 - 0.5)
    angle += math.pi * ((bits >> 42) & 1)
    values = radius * math.cos(angle), radius * math.sin(angle)
    return values[(number & 1) ^ (bits >> 43)]


def level(landscape, index):
    keys, shifts, widths, kind = landscape.tree
    return sum(
        node([int(k) for k in keys[g]], index >> int(shifts[g]), widths[g], kind) for g in range(len(shifts))
    )


def levels(landscape, indices):
    return np.array([level(landscape, int(i)) for i in indices])
