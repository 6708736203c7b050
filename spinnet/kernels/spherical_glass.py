"""Sums over packed couplings of one degree p: the gradient, the Hessian, and the packing itself.

H(σ) = Σ A[i₁ ≤ … ≤ i_p] σ_{i₁} … σ_{i_p} over multisets. The last two indices (j, k) of a multiset index a matrix, the
p − 2 indices before them, its *prefix*, number the matrices. *Block* b takes the four rows j = 4b … 4b + 3 and the
columns k ≥ 4b of all prefixes whose largest index is at most 4b + 3; each prefix gives one group of 4×4 tiles
(:mod:`spinnet.kernels._tiles`), zero where j or k are below what comes before them or beyond n. Prefixes are sorted
by their largest index, so that those of a block are the first ones of one table. Zeros cost 9/n of the memory (p = 3).

A *unit* of work is a range of groups of one block; a *chunk* is a range of units with its own sum. The cut into units
and chunks depends on n and p alone, and chunks are added in order: results do not depend on the number of threads.
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels._tiles import add_tiles, operations


def lanes_for(replicas: int) -> int:
    """Width of a pass for a block of replicas: 1, 4 or 16."""
    return 1 if replicas == 1 else 4 if replicas <= 8 else 16


def _depth(blocks, lanes):
    """Tiles of columns that are worked on at once: their states and sums stay in the first-level cache."""
    return min(blocks, 256 if lanes == 1 else 64 if lanes == 4 else 128)


def _column_rows(lanes):
    """Rows of column sums for each tile: with few lanes they are kept apart for the rows of the tile."""
    return 16 if lanes < 16 else 4


tiles_at_once = inner(_depth)
column_rows = inner(_column_rows)


@inner
def tiles_ahead(tiles, lanes):
    """How far ahead couplings are asked for.

    With one lane the processor finds out by itself that it reads a stream, and wants little help; with more it does
    not. There it is the same place in a later pair of groups: at least 96 tiles ahead.
    """
    return 16 if lanes == 1 else 2 * tiles * ((96 + 2 * tiles - 1) // (2 * tiles))


def workspace(
    n: int, replicas: int, groups: int, vectors: int, dtype: np.dtype, more: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Uninitialised rows of lanes for :func:`contract` (one vector per replica) or its derivative (two).

    ``groups`` is the largest number of groups in a unit; ``more`` rows are added. The second array is float64 totals.
    """
    lanes = lanes_for(replicas)
    blocks = -(-n // 4)
    passes = -(-replicas // lanes)
    copies = 2 if lanes == 4 else 1
    rows = vectors * (4 * blocks * passes * copies + 2 * (groups + 1)) + _column_rows(lanes) * _depth(blocks, lanes) + 8
    rows += more
    raw = np.empty(rows * lanes * dtype.itemsize + 64, dtype=np.uint8)
    skip = -raw.ctypes.data % 64
    work = raw[skip : skip + rows * lanes * dtype.itemsize].view(dtype).reshape(rows, lanes)
    return work, np.empty((4 * blocks * passes, lanes))


def hessian_workspace(n: int, dtype: np.dtype) -> tuple[np.ndarray, np.ndarray]:
    """The workspace of :func:`contract_hessian`, and the zeros that it adds to."""
    padded = -(-n // 4) * 4
    return np.empty((9 * padded + 6, 1), dtype=dtype), np.zeros((padded * padded, 1))


def whole_hessian(half: np.ndarray, n: int) -> np.ndarray:
    """The matrix of which :func:`contract_hessian` made half."""
    padded = -(-n // 4) * 4
    half = half.reshape(padded, padded)[:n, :n]
    return half + half.T


@inner
def put_states(x, lanes, work, sites, turned):
    """Replicas as lanes, row ``sites`` + (pass, site), and for 4 lanes as rows of sites too."""
    replicas, n = x.shape
    padded = 4 * ((n + 3) // 4)
    rows = (replicas + lanes - 1) // lanes * padded
    clear(work[sites : sites + rows])
    clear(work[turned : turned + rows])
    for replica in range(replicas):
        q, a = replica // lanes, replica % lanes
        for i in range(n):
            work[sites + q * padded + i, a] = x[replica, i]
            if lanes == 4:
                place = a * padded + i
                work[turned + q * padded + place // 4, place % 4] = x[replica, i]


@inner
def write_lanes(totals, partial):
    """The sums of all passes as rows of replicas."""
    lanes = totals.shape[1]
    replicas, n = partial.shape
    padded = 4 * ((n + 3) // 4)
    for replica in range(replicas):
        for i in range(n):
            partial[replica, i] = totals[replica // lanes * padded + i, replica % lanes]


@inner
def clear(rows):
    for i in range(rows.shape[0]):
        for a in range(rows.shape[1]):
            rows[i, a] = 0.0


@inner
def stored(source, couplings, prefixes, block, group, line, first, span, n):
    """Where the tiles of a group lie from its tile ``first`` on, if its tile 0 is tile ``line`` of all."""
    return line + first


def gradient_of_unit(lanes, fetch=stored, deepest=1 << 20):
    """The function that adds the gradient of one unit to ``totals``, for a number of lanes.

    ``fetch`` says where tiles lie in ``couplings``, and may first make them from ``source``; it is asked for at most
    ``deepest`` tiles at once.
    """
    op = operations(lanes)
    together, sweep, drain = op.groups, op.sweep, op.drain
    fill, multiply, add = op.fill, op.multiply, op.add

    @inner
    def unit(source, couplings, prefixes, block, start, stop, line, n, work, sites, turned, free, totals, total):
        blocks = (n + 3) // 4
        depth = min(tiles_at_once(blocks, lanes), deepest)
        tiles = blocks - block
        j = 4 * block
        groups = stop - start
        length = prefixes.shape[1]
        # Rows of the workspace: column sums, four row sums, then a value and a product per group, one more.
        columns = free
        row_sums = columns + column_rows(lanes) * depth
        values = row_sums + 4
        products = values + groups + 1
        term = products + groups + 1
        for h in range(groups + 1):
            fill(work, values + h, 0.0)
        # Groups may be taken two at a time; the product after the last one is zero (beyond n, so are the states).
        if length == 1:
            products = sites + start
        else:
            for h in range(groups):
                fill(work, products + h, 1.0)
                for m in range(length):
                    multiply(work, products + h, products + h, sites + prefixes[start + h, m])
            fill(work, products + groups, 0.0)
        for r in range(4):
            fill(work, row_sums + r, 0.0)
        for t0 in range(0, tiles, depth):
            span = min(depth, tiles - t0)
            k = j + 4 * t0
            states = turned * lanes + k if lanes < 16 else sites + k
            ahead = tiles_ahead(tiles, lanes)
            for h in range(0, groups, together):
                at = fetch(source, couplings, prefixes, block, start + h, line + h * tiles, t0, span, n)
                second = tiles if h + 1 < groups else 0
                sweep(
                    couplings, at, second, span, ahead, work, states, 4 * blocks, products + h, sites + j, row_sums,
                    values + h, columns,
                )
            for t in range(span):
                drain(work, columns + column_rows(lanes) * t, totals, total + k + 4 * t)
        if length == 1:
            for h in range(groups):
                add(totals, total + start + h, work, values + h)
        for h in range(groups if length > 1 else 0):
            g = start + h
            for m in range(length):
                fill(work, term, 1.0)
                for o in range(length):
                    if o != m:
                        multiply(work, term, term, sites + prefixes[g, o])
                multiply(work, term, term, values + h)
                add(totals, total + prefixes[g, m], work, term)
        for r in range(4):
            add(totals, total + j + r, work, row_sums + r)

    return unit


gradient_1, gradient_4, gradient_16 = gradient_of_unit(1), gradient_of_unit(4), gradient_of_unit(16)


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f4[:,::1], f8[:,::1], f8[:,:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f8[:,::1], f8[:,::1], f8[:,:,::1])",
)
def contract(couplings, prefixes, units, bounds, first_chunk, last_chunk, x, work, totals, partials):
    """The gradient of Σ A σ…σ, summed over each chunk by itself.

    Parameters
    ----------
    couplings : flat array of tiles, starting on a cache line
    prefixes : (prefixes, p − 2) indices, sorted by the largest
    units : rows of (block, first group, last group, first tile)
    bounds : chunk c is the units bounds[c] … bounds[c + 1]
    x : (replicas, n)
    work, totals : see :func:`workspace`
    partials : (chunks, replicas, n), output; only the chunks first … last are written
    """
    n = x.shape[1]
    lanes = work.shape[1]
    padded = 4 * ((n + 3) // 4)
    passes = totals.shape[0] // padded
    all_turned = passes * padded if lanes == 4 else 0
    free = all_turned + passes * padded
    clear(work[free : free + column_rows(lanes) * tiles_at_once(padded // 4, lanes)])
    put_states(x, lanes, work, 0, all_turned)
    for chunk in range(first_chunk, last_chunk):
        clear(totals)
        for u in range(bounds[chunk], bounds[chunk + 1]):
            block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
            for q in range(passes):
                sites = q * padded
                turned = all_turned + sites
                if lanes == 1:
                    gradient_1(
                        0, couplings, prefixes, block, start, stop, line, n, work, sites, turned, free, totals, sites
                    )
                elif lanes == 4:
                    gradient_4(
                        0, couplings, prefixes, block, start, stop, line, n, work, sites, turned, free, totals, sites
                    )
                else:
                    gradient_16(
                        0, couplings, prefixes, block, start, stop, line, n, work, sites, turned, free, totals, sites
                    )
        write_lanes(totals, partials[chunk])


_one = operations(1)
_sweep_one, _drain_one, _fill_one, _multiply_one = _one.sweep, _one.drain, _one.fill, _one.multiply


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], f8[::1], f4[:,::1], f8[:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], f8[::1], f8[:,::1], f8[:,::1])",
)
def contract_hessian(couplings, prefixes, units, x, work, half):
    """Half of the dense Hessian of Σ A σ…σ at one configuration: the Hessian is half + halfᵀ.

    Each pair of positions in a monomial is entered once, at [earlier, later].

    ``work`` has 36 rows of one number for every four sites and 6 more; ``half`` (padded n · padded n, 1) is zero at
    the start.
    """
    n = x.size
    length = prefixes.shape[1]
    blocks = (n + 3) // 4
    padded = 4 * blocks
    columns = padded
    matrix = columns + 16 * blocks
    row_sums = matrix + 16 * blocks
    value = row_sums + 4
    product = value + 1
    clear(work)
    for i in range(n):
        work[i, 0] = x[i]
    for u in range(units.shape[0]):
        block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
        tiles = blocks - block
        j = 4 * block
        for g in range(start, stop):
            at = line + (g - start) * tiles
            _fill_one(work, product, 1.0)
            for m in range(length):
                _multiply_one(work, product, product, prefixes[g, m])
            add_tiles(couplings, at, tiles, work, product, matrix)
            for m in range(length):
                # The product of the prefix without its index m.
                _fill_one(work, product, 1.0)
                for o in range(length):
                    if o != m:
                        _multiply_one(work, product, product, prefixes[g, o])
                for r in range(5):
                    _fill_one(work, row_sums + r, 0.0)
                _sweep_one(couplings, at, 0, tiles, 16, work, j, padded, product, j, row_sums, value, columns)
                target = prefixes[g, m] * padded
                for t in range(tiles):
                    _drain_one(work, columns + 16 * t, half, target + j + 4 * t)
                for r in range(4):
                    half[target + j + r, 0] += work[row_sums + r, 0]
                for o in range(m + 1, length):
                    rest = work[value, 0]
                    for i in range(length):
                        if i != m and i != o:
                            rest *= work[prefixes[g, i], 0]
                    half[target + prefixes[g, o], 0] += rest
        for t in range(tiles):
            for r in range(4):
                for c in range(4):
                    place = matrix + 16 * t + 4 * r + c
                    half[(j + r) * padded + j + 4 * t + c, 0] += work[place, 0]
                    work[place, 0] = 0.0


@inner
def _factorial(number):
    value = 1.0
    for i in range(2, number + 1):
        value *= i
    return value


@kernel(
    "void(f8[::1], i8, i8, i4[:,::1], i8, f8, b1, i8[::1], f4[::1])",
    "void(f8[::1], i8, i8, i4[:,::1], i8, f8, b1, i8[::1], f8[::1])",
)
def pack_couplings(normals, first, last, prefixes, n, scale, strict, block_tiles, couplings):
    """Write scale·√(p!/Π multiplicities!)·normal into the groups of the prefixes first … last.

    ``strict`` writes zeros where an index is repeated.

    ``normals`` holds, prefix after prefix, the triangle j = (largest index of the prefix) … n − 1, k = j … n − 1;
    ``block_tiles[b]`` is the number of tiles before block b.
    """
    length = prefixes.shape[1]
    blocks = (n + 3) // 4
    orders = _factorial(length + 2)
    taken = 0
    for g in range(first, last):
        low = 0
        run = 0
        repeats = 1.0
        for m in range(length):
            run = run + 1 if m > 0 and prefixes[g, m] == prefixes[g, m - 1] else 1
            repeats *= run
            low = prefixes[g, m]
        for b in range(low // 4, blocks):
            tiles = blocks - b
            base = 16 * (block_tiles[b] + g * tiles)
            for r in range(4):
                j = 4 * b + r
                # Multiplicity of the last prefix index counts j in where they are equal.
                equal = run if (length > 0 and j == low) else 0
                several = repeats * (equal + 1)
                usual = scale * np.sqrt(orders / several)
                diagonal = scale * np.sqrt(orders / (several * (equal + 2)))
                if strict:
                    usual = usual if several == 1.0 else 0.0
                    diagonal = 0.0
                for t in range(tiles):
                    for c in range(4):
                        k = 4 * (b + t) + c
                        value = 0.0
                        if low <= j <= k < n:
                            value = normals[taken + k - j] * (diagonal if k == j else usual)
                        couplings[base + 16 * t + 4 * r + c] = value
                if low <= j < n:
                    taken += n - j
