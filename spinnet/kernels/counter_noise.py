"""Noise as a function: (key, counter) → uniform, Gaussian or bounded whole number, with nothing stored in between.

A replica owns one uint64 key; value c of its stream is a hash of (key, c). Any value can be made at any time and in
any order, so a dynamics that numbers its noise gives the same bits however its steps are split, and a checkpoint
holds the key and the step number alone.

The hash is two rounds of a 64-bit finaliser with full avalanche (Stafford's variant 13 of the MurmurHash3
finaliser, the output function of SplitMix64: Steele, Lea & Flood, OOPSLA 2014), the key entering before each round:
with one round the streams of two keys would be shifted copies of one sequence.

==============  ====================================================================================================
uniform         ((hash >> 11) + 1)·2⁻⁵³ in (0, 1]
normal          Box–Muller; values 2m and 2m + 1 are the cosine and sine of one pair, made from hashes 2m and 2m + 1.
                The radius has 53 bits: the largest value is √(106 ln 2) = 8.57
whole number    ⌊hash·bound/2⁶⁴⌋ for a bound below 2³²: each outcome has its probability to 2⁻³² relative
==============  ====================================================================================================
"""

from __future__ import annotations

import math

import numpy as np

from spinnet.kernels._jit import inner, kernel

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11, _S32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11), np.uint64(32)
_ONE, _LOW = np.uint64(1), np.uint64(0xFFFFFFFF)
_STEP = 2.0**-53
_TURN = 2.0 * math.pi


@inner
def mix(z):
    """The 64-bit finaliser: a bijection in which every input bit moves every output bit."""
    z = (z ^ (z >> _S30)) * _MIX_A
    z = (z ^ (z >> _S27)) * _MIX_B
    return z ^ (z >> _S31)


@inner
def second_key(key):
    """The key of the second round, made from the first."""
    return mix(key ^ _GOLDEN)


@inner
def hash_counter(key, second, counter):
    """64 random bits for (key, counter); ``second = second_key(key)``."""
    return mix(mix(counter * _GOLDEN + key) ^ second)


@inner
def to_uniform(bits):
    """64 bits to a float in (0, 1]."""
    return np.float64((bits >> _S11) + _ONE) * _STEP


@inner
def to_integer(bits, bound):
    """64 bits to a whole number in [0, bound): the high word of the 96-bit product; ``bound`` < 2³²."""
    return ((bits >> _S32) * bound + (((bits & _LOW) * bound) >> _S32)) >> _S32


@kernel("void(u8[::1], i8, f8[:,::1])")
def fill_uniform(keys, first, out):
    """Set out[a, c] to value ``first + c`` of the uniform stream of ``keys[a]``."""
    for a in range(out.shape[0]):
        second = second_key(keys[a])
        for c in range(out.shape[1]):
            out[a, c] = to_uniform(hash_counter(keys[a], second, np.uint64(first + c)))


@kernel("void(u8[::1], i8, f8[:,::1])")
def fill_normal(keys, first, out):
    """Set out[a, c] to value ``first + c`` of the standard normal stream of ``keys[a]``."""
    for a in range(out.shape[0]):
        second = second_key(keys[a])
        c = 0
        while c < out.shape[1]:
            number = first + c
            even = np.uint64(number - (number & 1))
            radius = math.sqrt(-2.0 * math.log(to_uniform(hash_counter(keys[a], second, even))))
            angle = _TURN * to_uniform(hash_counter(keys[a], second, even + _ONE))
            if number & 1:
                out[a, c] = radius * math.sin(angle)
                c += 1
            else:
                out[a, c] = radius * math.cos(angle)
                if c + 1 < out.shape[1]:
                    out[a, c + 1] = radius * math.sin(angle)
                c += 2


@kernel("void(u8[::1], i8, i8, i8[:,:,::1])")
def fill_integers(keys, first, bound, out):
    """Set out[s, a, c] to value ``first + s·out.shape[2] + c`` of the stream of ``keys[a]``, in [0, bound).

    The layout is that of minibatches: steps, replicas, members.
    """
    for a in range(out.shape[1]):
        second = second_key(keys[a])
        for s in range(out.shape[0]):
            start = first + s * out.shape[2]
            for c in range(out.shape[2]):
                bits = hash_counter(keys[a], second, np.uint64(start + c))
                out[s, a, c] = np.int64(to_integer(bits, np.uint64(bound)))
