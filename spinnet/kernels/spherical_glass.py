"""Sums over packed couplings of one degree p: gradient, its directional derivative, Hessian, and the packing itself.

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
from spinnet.kernels._tiles import operations


def lanes_for(replicas: int) -> int:
    """Width of a pass for a block of replicas: 1, 4 or 16."""
    return 1 if replicas == 1 else 4 if replicas <= 8 else 16


@inner
def _aligned(rows, width, like):
    """Uninitialised (rows, width) of the type of ``like``, starting on a cache line."""
    buffer = np.empty(rows * width + 64 // like.itemsize, like.dtype)
    skip = (-buffer.ctypes.data % 64) // like.itemsize
    return buffer[skip : skip + rows * width].reshape(rows, width)


@inner
def _in_lanes(x, lanes, like):
    """Replicas as lanes of a pass, (passes, padded n, lanes), and as rows, (passes, lanes, padded n)."""
    replicas, n = x.shape
    padded = 4 * ((n + 3) // 4)
    passes = (replicas + lanes - 1) // lanes
    by_site = _aligned(passes * padded, lanes, like).reshape(passes, padded, lanes)
    by_lane = _aligned(passes * lanes, padded, like).reshape(passes, lanes, padded)
    for q in range(passes):
        for a in range(lanes):
            replica = q * lanes + a
            for i in range(padded):
                value = x[replica, i] if replica < replicas and i < n else 0.0
                by_site[q, i, a] = value
                by_lane[q, a, i] = value
    return by_site, by_lane


@inner
def _most_groups(units, bounds, first_chunk, last_chunk):
    most = 0
    for u in range(bounds[first_chunk], bounds[last_chunk]):
        most = max(most, units[u, 2] - units[u, 1])
    return most


@inner
def _clear(array):
    flat = array.reshape(array.size)
    for i in range(flat.size):
        flat[i] = 0


@inner
def _write_lanes(totals, partial):
    """The sums of all passes, (passes, padded n, lanes), as rows of replicas."""
    lanes = totals.shape[2]
    for replica in range(partial.shape[0]):
        for i in range(partial.shape[1]):
            partial[replica, i] = totals[replica // lanes, i, replica % lanes]


def _gradient_of_unit(lanes):
    """The function that adds the gradient of one unit to ``totals``, for a number of lanes."""
    op = operations(lanes)
    sweep, drain = op.sweep, op.drain
    fill, copy, multiply, add_product, add = op.fill, op.copy, op.multiply, op.add_product, op.add

    @inner
    def unit(couplings, prefixes, block, start, stop, line, depth, states, turned, buffers, columns, totals):
        products, weights, rows, few = buffers[0], buffers[1], buffers[2], buffers[3]
        length = prefixes.shape[1]
        j = 4 * block
        tiles = totals.shape[0] // 4 - block
        for g in range(start, stop):
            h = g - start
            fill(products, h, 1.0)
            for m in range(length):
                multiply(products, h, products, h, states, prefixes[g, m])
            for r in range(4):
                multiply(weights, 4 * h + r, products, h, states, j + r)
                fill(rows, 4 * h + r, 0.0)
        for t0 in range(0, tiles, depth):
            span = min(depth, tiles - t0)
            k = j + 4 * t0
            for h in range(stop - start):
                sweep(couplings, line + h * tiles + t0, span, turned, k, weights, 4 * h, rows, columns)
            for t in range(span):
                drain(columns, t, totals, k + 4 * t)
        for r in range(4):
            fill(few, r, 0.0)
        for g in range(start, stop):
            h = g - start
            fill(few, 4, 0.0)
            for r in range(4):
                add_product(few, 4, rows, 4 * h + r, states, j + r)
                add_product(few, r, products, h, rows, 4 * h + r)
            for m in range(length):
                copy(few, 5, few, 4)
                for o in range(length):
                    if o != m:
                        multiply(few, 5, few, 5, states, prefixes[g, o])
                add(totals, prefixes[g, m], few, 5)
        for r in range(4):
            add(totals, j + r, few, r)

    return unit


def _tangent_of_unit(lanes):
    """The function that adds the derivative of :func:`_gradient_of_unit` along v, for a number of lanes."""
    op = operations(lanes)
    sweep, sweep_rows, drain = op.sweep, op.sweep_rows, op.drain
    fill, multiply, add_product, add = op.fill, op.multiply, op.add_product, op.add

    @inner
    def unit(
        couplings, prefixes, block, start, stop, line, depth, states, turned, buffers, columns, totals,
        tangents, turned_tangents, tangent_buffers,
    ):
        products, weights, rows, few = buffers[0], buffers[1], buffers[2], buffers[3]
        slopes, tangent_rows = tangent_buffers[0], tangent_buffers[2]
        length = prefixes.shape[1]
        j = 4 * block
        tiles = totals.shape[0] // 4 - block
        for g in range(start, stop):
            h = g - start
            fill(products, h, 1.0)
            fill(slopes, h, 0.0)
            for m in range(length):
                i = prefixes[g, m]
                multiply(slopes, h, slopes, h, states, i)
                add_product(slopes, h, products, h, tangents, i)
                multiply(products, h, products, h, states, i)
            for r in range(4):
                multiply(weights, 4 * h + r, slopes, h, states, j + r)
                add_product(weights, 4 * h + r, products, h, tangents, j + r)
                fill(rows, 4 * h + r, 0.0)
                fill(tangent_rows, 4 * h + r, 0.0)
        for t0 in range(0, tiles, depth):
            span = min(depth, tiles - t0)
            k = j + 4 * t0
            for h in range(stop - start):
                at = line + h * tiles + t0
                sweep_rows(couplings, at, span, turned, k, 4 * h, rows)
                sweep(couplings, at, span, turned_tangents, k, weights, 4 * h, tangent_rows, columns)
            for t in range(span):
                drain(columns, t, totals, k + 4 * t)
        for r in range(4):
            fill(few, r, 0.0)
        for g in range(start, stop):
            h = g - start
            value, slope, others, change = 4, 5, 6, 7
            fill(few, value, 0.0)
            fill(few, slope, 0.0)
            for r in range(4):
                add_product(few, value, rows, 4 * h + r, states, j + r)
                add_product(few, slope, tangent_rows, 4 * h + r, states, j + r)
                add_product(few, slope, rows, 4 * h + r, tangents, j + r)
                add_product(few, r, slopes, h, rows, 4 * h + r)
                add_product(few, r, products, h, tangent_rows, 4 * h + r)
            for m in range(length):
                fill(few, others, 1.0)
                fill(few, change, 0.0)
                for o in range(length):
                    if o != m:
                        i = prefixes[g, o]
                        multiply(few, change, few, change, states, i)
                        add_product(few, change, few, others, tangents, i)
                        multiply(few, others, few, others, states, i)
                multiply(few, others, few, others, few, slope)
                add_product(few, others, few, change, few, value)
                add(totals, prefixes[g, m], few, others)
        for r in range(4):
            add(totals, j + r, few, r)

    return unit


_gradient_1, _gradient_4, _gradient_16 = _gradient_of_unit(1), _gradient_of_unit(4), _gradient_of_unit(16)
_tangent_1, _tangent_4, _tangent_16 = _tangent_of_unit(1), _tangent_of_unit(4), _tangent_of_unit(16)


@inner
def _buffers(groups, lanes, like):
    """Products (a row per group), weights and rows (four per group), and a few more."""
    return (
        _aligned(groups, lanes, like), _aligned(4 * groups, lanes, like), _aligned(4 * groups, lanes, like),
        _aligned(8, lanes, like),
    )


@inner
def _depth(blocks, lanes):
    """Tiles of columns that are worked on at once: their states and sums stay in the first-level cache."""
    return min(blocks, 256 if lanes == 1 else 64)


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, i8, f8[:,::1], f8[:,:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, i8, f8[:,::1], f8[:,:,::1])",
)
def contract(couplings, prefixes, units, bounds, first_chunk, last_chunk, lanes, x, partials):
    """The gradient of Σ A σ…σ, summed over each chunk by itself.

    Parameters
    ----------
    couplings : flat array of tiles, starting on a cache line
    prefixes : (prefixes, p − 2) indices, sorted by the largest
    units : rows of (block, first group, last group, first tile)
    bounds : chunk c is the units bounds[c] … bounds[c + 1]
    lanes : 1, 4 or 16, see :func:`lanes_for`
    x : (replicas, n)
    partials : (chunks, replicas, n), output; only the chunks first … last are written
    """
    states, turned = _in_lanes(x, lanes, couplings)
    passes, padded, _ = states.shape
    depth = _depth(padded // 4, lanes)
    buffers = _buffers(_most_groups(units, bounds, first_chunk, last_chunk), lanes, couplings)
    columns = _aligned(depth * 4 * min(lanes, 4), 16, couplings)
    _clear(columns)
    totals = np.empty((passes, padded, lanes))
    for chunk in range(first_chunk, last_chunk):
        _clear(totals)
        for u in range(bounds[chunk], bounds[chunk + 1]):
            block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
            for q in range(passes):
                if lanes == 1:
                    _gradient_1(
                        couplings, prefixes, block, start, stop, line, depth, states[q], turned[q], buffers, columns,
                        totals[q],
                    )
                elif lanes == 4:
                    _gradient_4(
                        couplings, prefixes, block, start, stop, line, depth, states[q], turned[q], buffers, columns,
                        totals[q],
                    )
                else:
                    _gradient_16(
                        couplings, prefixes, block, start, stop, line, depth, states[q], states[q], buffers, columns,
                        totals[q],
                    )
        _write_lanes(totals, partials[chunk])


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, i8, f8[:,::1], f8[:,::1], f8[:,:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, i8, f8[:,::1], f8[:,::1], f8[:,:,::1])",
)
def contract_tangent(couplings, prefixes, units, bounds, first_chunk, last_chunk, lanes, x, v, partials):
    """The derivative of :func:`contract` along ``v`` (replicas, n): Hessian times v."""
    states, turned = _in_lanes(x, lanes, couplings)
    tangents, turned_tangents = _in_lanes(v, lanes, couplings)
    passes, padded, _ = states.shape
    depth = _depth(padded // 4, lanes)
    most = _most_groups(units, bounds, first_chunk, last_chunk)
    buffers = _buffers(most, lanes, couplings)
    more = _buffers(most, lanes, couplings)
    columns = _aligned(depth * 4 * min(lanes, 4), 16, couplings)
    _clear(columns)
    totals = np.empty((passes, padded, lanes))
    for chunk in range(first_chunk, last_chunk):
        _clear(totals)
        for u in range(bounds[chunk], bounds[chunk + 1]):
            block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
            for q in range(passes):
                if lanes == 1:
                    _tangent_1(
                        couplings, prefixes, block, start, stop, line, depth, states[q], turned[q], buffers, columns,
                        totals[q], tangents[q], turned_tangents[q], more,
                    )
                elif lanes == 4:
                    _tangent_4(
                        couplings, prefixes, block, start, stop, line, depth, states[q], turned[q], buffers, columns,
                        totals[q], tangents[q], turned_tangents[q], more,
                    )
                else:
                    _tangent_16(
                        couplings, prefixes, block, start, stop, line, depth, states[q], states[q], buffers, columns,
                        totals[q], tangents[q], tangents[q], more,
                    )
        _write_lanes(totals, partials[chunk])


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], f8[::1], f8[:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], f8[::1], f8[:,::1])",
)
def contract_hessian(couplings, prefixes, units, x, hessian):
    """The dense Hessian of Σ A σ…σ at one configuration, (n, n), by one pass over the couplings."""
    n = x.size
    length = prefixes.shape[1]
    blocks = (n + 3) // 4
    padded = 4 * blocks
    state = np.zeros(padded)
    state[:n] = x
    # Each pair of positions of a coupling is entered once, at (earlier, later); the transpose is added at the end.
    half = np.zeros((padded, padded))
    tiles_of_rows = np.empty(16 * blocks)
    mixed = np.empty(padded)
    row = np.empty(4)
    for u in range(units.shape[0]):
        block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
        tiles = blocks - block
        k0 = 4 * block
        tiles_of_rows[: 16 * tiles] = 0.0
        s0, s1, s2, s3 = state[k0], state[k0 + 1], state[k0 + 2], state[k0 + 3]
        for g in range(start, stop):
            base = 16 * (line + (g - start) * tiles)
            product = 1.0
            for m in range(length):
                product *= state[prefixes[g, m]]
            for e in range(16 * tiles):
                tiles_of_rows[e] += product * couplings[base + e]
            if length == 0:
                continue
            for t in range(tiles):
                for c in range(4):
                    e = base + 16 * t + c
                    mixed[4 * t + c] = (
                        s0 * couplings[e] + s1 * couplings[e + 4] + s2 * couplings[e + 8] + s3 * couplings[e + 12]
                    )
            row[:] = 0.0
            for t in range(tiles):
                e = base + 16 * t
                for r in range(4):
                    for c in range(4):
                        row[r] += couplings[e + 4 * r + c] * state[k0 + 4 * t + c]
            value = row[0] * s0 + row[1] * s1 + row[2] * s2 + row[3] * s3
            for m in range(length):
                others = 1.0
                for o in range(length):
                    if o != m:
                        others *= state[prefixes[g, o]]
                target = half[prefixes[g, m]]
                for k in range(4 * tiles):
                    target[k0 + k] += others * mixed[k]
                for r in range(4):
                    target[k0 + r] += others * row[r]
                for o in range(m + 1, length):
                    rest = value
                    for i in range(length):
                        if i != m and i != o:
                            rest *= state[prefixes[g, i]]
                    target[prefixes[g, o]] += rest
        for t in range(tiles):
            for r in range(4):
                for c in range(4):
                    half[k0 + r, k0 + 4 * t + c] += tiles_of_rows[16 * t + 4 * r + c]
    for i in range(n):
        for k in range(n):
            hessian[i, k] = half[i, k] + half[k, i]


@inner
def _factorial(number):
    value = 1.0
    for i in range(2, number + 1):
        value *= i
    return value


@kernel(
    "void(f8[::1], i8, i8, i4[:,::1], i8, f8, i8[::1], f4[::1])",
    "void(f8[::1], i8, i8, i4[:,::1], i8, f8, i8[::1], f8[::1])",
)
def pack_couplings(normals, first, last, prefixes, n, scale, block_tiles, couplings):
    """Write scale·√(p!/Π multiplicities!)·normal into the groups of the prefixes first … last.

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
                for t in range(tiles):
                    for c in range(4):
                        k = 4 * (b + t) + c
                        value = 0.0
                        if low <= j <= k < n:
                            value = normals[taken + k - j] * (diagonal if k == j else usual)
                        couplings[base + 16 * t + 4 * r + c] = value
                if low <= j < n:
                    taken += n - j
