"""The terms of a diluted glass, made again whenever they are needed.

Sites are cut into ranges of 2^bits. A *block* is a multiset r₁ ≤ … ≤ r_p of ranges and holds a known number of terms,
whose index m lies in range r_m: terms that are met one after the other are near one another in memory. Blocks with the
same first p − 1 ranges, a *row*, are numbered one after the other by their last range.

Attempt a of a block is the hash of (key of the block, a): offsets within the ranges from its lowest bits, the sign from
its highest. Attempts that name a site twice, or one beyond n, do not count; those that are left are independent and
uniform over the hyperedges of the block. Gaussian weights have a key of their own and are numbered like the terms: term
t has number t of the stream of :mod:`spinnet.kernels.hashed_couplings`, in single precision.
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels._tiles import TILE
from spinnet.kernels.counter_noise import hash_counter, second_key
from spinnet.kernels.hashed_couplings import make_tiles

#: Attempts made at once: the words and weights of a piece stay in the first-level cache.
PIECE = 1024
#: Weights of a piece: normal numbers are made in pairs of tiles, of which the first may begin before the piece.
PIECE_WEIGHTS = PIECE + 4 * TILE

_ZERO, _ONE, _TOP = np.uint64(0), np.uint64(1), np.uint64(63)
_SIGN = np.uint64(1) << _TOP
#: No word: those of terms have zeros between their offsets, at most 60 bits, and their sign.
_STRUCK = ~_ZERO


@inner
def start_block(keys, block):
    """The keys of the attempts and of the weights of a block."""
    number = np.uint64(block)
    return (
        hash_counter(keys[0], second_key(keys[0]), number),
        hash_counter(keys[1], second_key(keys[1]), number),
    )


@inner
def lay_out(rows, row, last, bits, n, starts):
    """Write the first site of each range of a block; returns the bits of a hash that are used, and whether attempts may
    fail."""
    degree = starts.size
    some_fail = False
    kept_bits = _SIGN
    final = (n - 1) >> bits
    # The last range may be short: its offsets are drawn below the next power of two.
    cover = _ZERO
    while np.uint64(n - 1 - (final << bits)) > cover:
        cover = (cover << _ONE) | _ONE
    for m in range(degree):
        here = last if m == degree - 1 else rows[row, m]
        starts[m] = here << bits
        if m > 0 and starts[m] == starts[m - 1]:
            some_fail = True
        mask = (_ONE << np.uint64(bits)) - _ONE
        if here == final:
            mask = cover
            if ((final + 1) << bits) > n:
                some_fail = True
        kept_bits |= mask << np.uint64(bits * m)
    return kept_bits, some_fail


@inner
def _strike_out(words, bits, n, starts):
    """Replace words that name a site twice, or one that does not exist, by ``_STRUCK``."""
    degree = starts.size
    mask = (_ONE << np.uint64(bits)) - _ONE
    for m in range(degree):
        width = np.uint64(min(n - starts[m], np.int64(mask) + 1))
        place = np.uint64(bits * m)
        if width <= mask:
            for t in range(words.size):
                words[t] = words[t] if ((words[t] >> place) & mask) < width else _STRUCK
        for o in range(m):
            if starts[o] == starts[m]:
                other = np.uint64(bits * o)
                for t in range(words.size):
                    same = ((words[t] >> place) ^ (words[t] >> other)) & mask
                    words[t] = words[t] if same != _ZERO else _STRUCK


@inner
def make_piece(key, attempt, wanted, kept_bits, some_fail, bits, n, starts, words, weights):
    """The next terms of a block, at most ``wanted``, as words and signs; returns their number and the next attempt."""
    second = second_key(key)
    tries = min(wanted, words.size)
    if some_fail:
        tries = min(wanted + (wanted >> 3) + 8, words.size)
    for t in range(tries):
        words[t] = hash_counter(key, second, np.uint64(attempt + t)) & kept_bits
    count = tries
    if some_fail:
        _strike_out(words[:tries], bits, n, starts)
        count = 0
        for t in range(tries):
            word = words[t]
            words[count] = word
            count += word != _STRUCK
        count = min(count, wanted)
    for t in range(count):
        weights[t] = 1 - 2 * np.int64(words[t] >> _TOP)
    return count, attempt + tries


@inner
def draw_normals(key, first, count, weights):
    """Replace signs by the standard normal numbers of the terms ``first`` … of a block."""
    pair, skipped = first // (2 * TILE), first % (2 * TILE)
    make_tiles(key, second_key(key), pair, (skipped + count + 2 * TILE - 1) // (2 * TILE), weights, 0)
    if skipped:
        for t in range(count):
            weights[t] = weights[skipped + t]


@kernel("void(u8[::1], i8[::1], i4[:,::1], i8[::1], i8, i8, i8, i8, i8, i8[::1], u8[::1], f8[::1], i4[:,::1], f8[::1])")
def list_terms(
    keys, counts, rows, first_blocks, bits, n, gaussian, first_row, last_row, starts, words, weights, indices, values
):
    """Write the sites and weights of all terms of some rows, in the order in which the sums meet them."""
    degree = starts.size
    mask = (_ONE << np.uint64(bits)) - _ONE
    place = 0
    for row in range(first_row, last_row):
        for block in range(first_blocks[row], first_blocks[row + 1]):
            last = rows[row, degree - 2] + block - first_blocks[row]
            kept_bits, some_fail = lay_out(rows, row, last, bits, n, starts)
            key, weight_key = start_block(keys, block)
            done, attempt = 0, 0
            while done < counts[block]:
                made, attempt = make_piece(
                    key, attempt, counts[block] - done, kept_bits, some_fail, bits, n, starts, words, weights
                )
                if gaussian:
                    draw_normals(weight_key, done, made, weights)
                for t in range(made):
                    for m in range(degree):
                        indices[place, m] = starts[m] + np.int64((words[t] >> np.uint64(bits * m)) & mask)
                    values[place] = weights[t]
                    place += 1
                done += made


@kernel("void(u8[::1], i8[::1], i4[:,::1], i8[::1], i8, i8, i8[::1], u8[::1], f8[::1], i8[::1], f8[::1], f8[:,::1])")
def add_hessian(keys, counts, rows, first_blocks, bits, gaussian, starts, words, weights, sites, x, half):
    """Add half of the dense Hessian of Σ w σ…σ at one configuration: the Hessian is half + halfᵀ."""
    n = x.size
    degree = starts.size
    mask = (_ONE << np.uint64(bits)) - _ONE
    for row in range(rows.shape[0]):
        for block in range(first_blocks[row], first_blocks[row + 1]):
            last = rows[row, degree - 2] + block - first_blocks[row]
            kept_bits, some_fail = lay_out(rows, row, last, bits, n, starts)
            key, weight_key = start_block(keys, block)
            done, attempt = 0, 0
            while done < counts[block]:
                made, attempt = make_piece(
                    key, attempt, counts[block] - done, kept_bits, some_fail, bits, n, starts, words, weights
                )
                if gaussian:
                    draw_normals(weight_key, done, made, weights)
                for t in range(made):
                    for m in range(degree):
                        sites[m] = starts[m] + np.int64((words[t] >> np.uint64(bits * m)) & mask)
                    for m in range(degree):
                        for o in range(m):
                            rest = weights[t]
                            for other in range(degree):
                                if other != m and other != o:
                                    rest *= x[sites[other]]
                            half[sites[o], sites[m]] += rest
                done += made
