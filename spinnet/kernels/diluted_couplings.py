"""Gradients of a diluted glass: terms are made in pieces, and each piece serves all replicas.

Replicas are lanes of a row (:mod:`spinnet.kernels._gathers`). The terms of a block
(:mod:`spinnet.kernels.diluted_terms`) touch p short ranges of rows, which stay in the first- and second-level caches.
In single precision a site collects some hundred terms before its sum is moved to double precision, so that rounding
does not grow with the number of terms.

A *chunk* is a range of rows of blocks with its own sum; chunks depend on the disorder alone and are added in order.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from spinnet.kernels._gathers import term_operations
from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.diluted_terms import PIECE, PIECE_WEIGHTS, draw_normals, lay_out, make_piece, start_block

#: Sums are moved to double precision after this many terms per site.
_TERMS_PER_SITE = 64


def lanes_for(replicas: int) -> int:
    """Width of a pass for a block of replicas: 1, 8 or 32. (More widths would be more to compile.)"""
    return 1 if replicas == 1 else 8 if replicas <= 16 else 32


def workspace(n: int, degree: int, replicas: int, vectors: int, dtype: np.dtype) -> tuple[np.ndarray, ...]:
    """Rows of lanes for ``vectors`` arrays (states, tangents) and for the sums, double sums; then what a piece needs.

    Returned as (rows, double sums, starts, words, weights).
    """
    lanes = lanes_for(replicas)
    height = n * -(-replicas // lanes)
    size = (vectors + 1) * height * lanes * dtype.itemsize
    raw = np.empty(size + 64, dtype=np.uint8)
    skip = -raw.ctypes.data % 64
    rows = raw[skip : skip + size].view(dtype).reshape(vectors + 1, height, lanes)
    piece = np.empty(PIECE, dtype=np.uint64), np.empty(PIECE_WEIGHTS, dtype=dtype)
    return rows, np.empty((height, lanes)), np.empty(degree, dtype=np.int64), *piece


@inner
def put_lanes(x, rows):
    """Replicas as lanes: row (pass, site); lanes that are left over are zero."""
    replicas, n = x.shape
    lanes = rows.shape[1]
    for q in range(rows.shape[0] // n):
        for i in range(n):
            for a in range(lanes):
                replica = q * lanes + a
                rows[q * n + i, a] = x[replica, i] if replica < replicas else 0.0


@inner
def write_lanes(totals, partial):
    """The sums of all passes as rows of replicas."""
    replicas, n = partial.shape
    lanes = totals.shape[1]
    for replica in range(replicas):
        for i in range(n):
            partial[replica, i] = totals[replica // lanes * n + i, replica % lanes]


@inner
def clear(rows):
    """Set all to zero."""
    flat = rows.reshape(rows.size)
    for i in range(flat.size):
        flat[i] = 0.0


@inner
def settle(sums, totals):
    """Move sums to double precision."""
    source, target = sums.reshape(sums.size), totals.reshape(totals.size)
    for i in range(source.size):
        target[i] += source[i]
        source[i] = 0.0


def _gradient_pass(degree: int, lanes: int) -> Callable:
    """Adds the gradient of one piece for one pass of replicas."""
    add = term_operations(degree, lanes).gradient

    @inner
    def one_pass(words, weights, count, bits, starts, rows):
        states, sums = rows[0], rows[1]
        ranges = to_fixed_tuple(starts, degree)
        for t in range(count):
            add(words, weights, t, bits, ranges, states, sums)

    return one_pass


def _for_any_lanes(make_pass: Callable[[int, int], Callable], degree: int) -> Callable:
    """One pass, chosen by the number of lanes."""
    pass_1, pass_8, pass_32 = (make_pass(degree, lanes) for lanes in (1, 8, 32))

    @inner
    def one_pass(words, weights, count, bits, starts, rows):
        lanes = rows.shape[2]
        if lanes == 1:
            pass_1(words, weights, count, bits, starts, rows)
        elif lanes == 8:
            pass_8(words, weights, count, bits, starts, rows)
        else:
            pass_32(words, weights, count, bits, starts, rows)

    return one_pass


def contraction(make_pass: Callable[[int, int], Callable]) -> Callable:
    """The sum over chunks; ``make_pass(degree, lanes)`` adds one piece in one pass.

    States (and whatever else the passes read) are in all but the last of the rows of the workspace.
    """
    pass_2, pass_3, pass_4, pass_5, pass_6 = (_for_any_lanes(make_pass, degree) for degree in (2, 3, 4, 5, 6))

    @inner
    def sum_chunks(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first_chunk, last_chunk, n, rows, totals, starts,
        words, weights, partials,
    ):  # fmt: skip
        degree = starts.size
        sums = rows[rows.shape[0] - 1]
        clear(sums)
        for chunk in range(first_chunk, last_chunk):
            clear(totals)
            collected = 0
            for row in range(bounds[chunk], bounds[chunk + 1]):
                for block in range(first_blocks[row], first_blocks[row + 1]):
                    last = table[row, degree - 2] + block - first_blocks[row]
                    kept_bits, some_fail = lay_out(table, row, last, bits, n, starts)
                    key, weight_key = start_block(keys, block)
                    done, attempt = 0, 0
                    while done < counts[block]:
                        made, attempt = make_piece(
                            key, attempt, counts[block] - done, kept_bits, some_fail, bits, n, starts, words, weights
                        )
                        if gaussian:
                            draw_normals(weight_key, done, made, weights)
                        for q in range(sums.shape[0] // n):
                            mine = rows[:, q * n : (q + 1) * n]
                            if degree == 2:
                                pass_2(words, weights, made, bits, starts, mine)
                            elif degree == 3:
                                pass_3(words, weights, made, bits, starts, mine)
                            elif degree == 4:
                                pass_4(words, weights, made, bits, starts, mine)
                            elif degree == 5:
                                pass_5(words, weights, made, bits, starts, mine)
                            else:
                                pass_6(words, weights, made, bits, starts, mine)
                        done += made
                        collected += made
                        if collected >= _TERMS_PER_SITE * n:
                            settle(sums, totals)
                            collected = 0
            settle(sums, totals)
            write_lanes(totals, partials[chunk])

    return sum_chunks


DISORDER = "u8[::1], i8[::1], i4[:,::1], i8[::1], i8[::1], i8, i8, i8, i8"
WORKSPACE = "{0}[:,:,::1], f8[:,::1], i8[::1], u8[::1], {0}[::1], f8[:,:,::1]"
_sum_gradients = contraction(_gradient_pass)


@kernel(*(f"void({DISORDER}, f8[:,::1], {WORKSPACE.format(kind)})" for kind in ("f4", "f8")))
def contract(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """The gradient of Σ w σ…σ, summed over each chunk by itself.

    Parameters
    ----------
    keys : of the attempts and of the weights
    counts : terms of each block
    table : (rows, p − 1), the first ranges of the blocks of a row
    first_blocks : the first block of each row; one more entry, all blocks
    bounds : chunk c is the rows bounds[c] … bounds[c + 1]
    bits : ranges have 2^bits sites
    gaussian : 1 for Gaussian weights, 0 for signs
    first, last : the chunks to do
    x : (replicas, n)
    rows, totals, starts, words, weights : see :func:`workspace`
    partials : (chunks, replicas, n), output; only the chunks first … last are written
    """
    put_lanes(x, rows[0])
    _sum_gradients(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip
