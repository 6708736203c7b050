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
from spinnet.kernels._tiles import lane_sweep, tile_sweep

_sweep_1 = tile_sweep(1)
_sweep_4 = tile_sweep(4)
_sweep_16 = lane_sweep(1)


def lanes_for(columns: int) -> int:
    """Width of a pass for this many vectors (replicas, twice over with tangents): 1, 4 or 16."""
    return 1 if columns == 1 else 4 if columns <= 8 else 16


@inner
def _aligned(size, like):
    """``size`` numbers of the type of ``like``, starting on a cache line."""
    buffer = np.empty(size + 64 // like.itemsize, like.dtype)
    skip = (-buffer.ctypes.data % 64) // like.itemsize
    return buffer[skip : skip + size]


@inner
def _weights(prefixes, start, stop, block, states, tangent, products, slopes, weights):
    """w = Π(prefix) σ_j for every row of the groups start … stop; with tangents, its derivative in the upper half.

    ``products`` (groups, lanes) keeps Π(prefix), ``slopes`` its derivative.
    """
    lanes = states.shape[1]
    length = prefixes.shape[1]
    half = lanes // 2
    for g in range(start, stop):
        h = g - start
        if lanes == 1:
            product = states.dtype.type(1)
            for m in range(length):
                product *= states[prefixes[g, m], 0]
            products[h, 0] = product
            for r in range(4):
                weights[4 * h + r, 0] = product * states[4 * block + r, 0]
        elif not tangent:
            for a in range(lanes):
                products[h, a] = 1
            for m in range(length):
                i = prefixes[g, m]
                for a in range(lanes):
                    products[h, a] *= states[i, a]
            for r in range(4):
                for a in range(lanes):
                    weights[4 * h + r, a] = products[h, a] * states[4 * block + r, a]
        else:
            for a in range(half):
                products[h, a] = 1
                slopes[h, a] = 0
            for m in range(length):
                i = prefixes[g, m]
                for a in range(half):
                    slopes[h, a] = slopes[h, a] * states[i, a] + products[h, a] * states[i, half + a]
                    products[h, a] *= states[i, a]
            for r in range(4):
                j = 4 * block + r
                for a in range(half):
                    weights[4 * h + r, a] = 0
                    weights[4 * h + r, half + a] = slopes[h, a] * states[j, a] + products[h, a] * states[j, half + a]


@inner
def _add_rows(prefixes, start, stop, block, states, products, rows, totals):
    """Derivative of the groups' energy with respect to the row index j and the prefix, from rows = M σ."""
    lanes = states.shape[1]
    length = prefixes.shape[1]
    one = states.dtype.type(1)
    if lanes == 1:
        s0, s1 = states[4 * block, 0], states[4 * block + 1, 0]
        s2, s3 = states[4 * block + 2, 0], states[4 * block + 3, 0]
        t0 = t1 = t2 = t3 = 0 * one
        for g in range(start, stop):
            h = g - start
            p0, p1, p2, p3 = rows[4 * h, 0], rows[4 * h + 1, 0], rows[4 * h + 2, 0], rows[4 * h + 3, 0]
            product = products[h, 0]
            t0 += product * p0
            t1 += product * p1
            t2 += product * p2
            t3 += product * p3
            value = (p0 * s0 + p1 * s1) + (p2 * s2 + p3 * s3)
            for m in range(length):
                others = one
                for o in range(length):
                    if o != m:
                        others *= states[prefixes[g, o], 0]
                totals[prefixes[g, m], 0] += others * value
        totals[4 * block, 0] += t0
        totals[4 * block + 1, 0] += t1
        totals[4 * block + 2, 0] += t2
        totals[4 * block + 3, 0] += t3
        return
    value = np.empty(lanes, states.dtype)
    term = np.empty(lanes, states.dtype)
    for g in range(start, stop):
        h = g - start
        for a in range(lanes):
            value[a] = 0
        for r in range(4):
            j = 4 * block + r
            for a in range(lanes):
                value[a] += rows[4 * h + r, a] * states[j, a]
                totals[j, a] += products[h, a] * rows[4 * h + r, a]
        for m in range(length):
            for a in range(lanes):
                term[a] = value[a]
            for o in range(length):
                if o != m:
                    for a in range(lanes):
                        term[a] *= states[prefixes[g, o], a]
            for a in range(lanes):
                totals[prefixes[g, m], a] += term[a]


@inner
def _add_tangent_rows(prefixes, start, stop, block, states, products, slopes, rows, totals):
    """Directional derivative of :func:`_add_rows`; lower half of the lanes: σ, upper half: v."""
    half = states.shape[1] // 2
    length = prefixes.shape[1]
    one = states.dtype.type(1)
    for g in range(start, stop):
        h = g - start
        for a in range(half):
            b = half + a
            value = 0 * one
            slope = 0 * one
            for r in range(4):
                j = 4 * block + r
                row, tangent_row = rows[4 * h + r, a], rows[4 * h + r, b]
                value += row * states[j, a]
                slope += tangent_row * states[j, a] + row * states[j, b]
                totals[j, b] += slopes[h, a] * row + products[h, a] * tangent_row
            for m in range(length):
                others = one
                change = 0 * one
                for o in range(length):
                    if o != m:
                        i = prefixes[g, o]
                        change = change * states[i, a] + others * states[i, b]
                        others *= states[i, a]
                totals[prefixes[g, m], b] += others * slope + change * value


@inner
def _per_tile(lanes):
    """Column sums per tile: with few lanes they are kept apart for the four rows."""
    return 16 * lanes if lanes < 16 else 4 * lanes


@inner
def _multiply(couplings, line, tiles, groups, lanes, depth, first, states, turned, weights, rows, columns, totals):
    """Both products of one unit: rows = M s, and the column sums added to ``totals`` from column ``first``."""
    n_rows = 4 * groups
    for row in range(n_rows):
        for a in range(lanes):
            rows[row, a] = 0
    for t0 in range(0, tiles, depth):
        span = min(depth, tiles - t0)
        k0 = first + 4 * t0
        columns[: span * _per_tile(lanes)] = 0
        for h in range(groups):
            at = line + h * tiles + t0
            if lanes == 1:
                _sweep_1(couplings, at, span, turned, k0, weights, 4 * h, rows, columns)
            elif lanes == 4:
                _sweep_4(couplings, at, span, turned, k0, weights, 4 * h, rows, columns)
            else:
                _sweep_16(couplings, at, span, states, k0, weights, 4 * h, rows, columns)
        if lanes < 16:
            for t in range(span):
                for a in range(lanes):
                    place = 16 * (t * lanes + a)
                    for c in range(4):
                        both = columns[place + c] + columns[place + 4 + c]
                        totals[k0 + 4 * t + c, a] += both + (columns[place + 8 + c] + columns[place + 12 + c])
        else:
            for k in range(4 * span):
                for a in range(lanes):
                    totals[k0 + k, a] += columns[k * lanes + a]


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, i8, f8[:,::1], f8[:,::1], f8[:,:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, i8, f8[:,::1], f8[:,::1], f8[:,:,::1])",
)
def contract(couplings, prefixes, units, bounds, first_chunk, last_chunk, lanes, x, v, partials):
    """The gradient of Σ A σ…σ, or its derivative along v, summed over each chunk by itself.

    Parameters
    ----------
    couplings : flat array of tiles, starting on a cache line
    prefixes : (prefixes, p − 2) indices, sorted by the largest
    units : rows of (block, first group, last group, first tile)
    bounds : chunk c is the units bounds[c] … bounds[c + 1]
    lanes : 1, 4 or 16, see :func:`lanes_for`; 1 only without tangents
    x : (replicas, n)
    v : (replicas, n), or (0, n) for the gradient
    partials : (chunks, replicas, n), output; only the chunks first … last are written
    """
    replicas, n = x.shape
    tangent = v.shape[0] > 0
    blocks = (n + 3) // 4
    padded = 4 * blocks
    width = lanes // 2 if tangent else lanes
    passes = (replicas + width - 1) // width
    kind = couplings
    most = 0
    for u in range(bounds[first_chunk], bounds[last_chunk]):
        most = max(most, units[u, 2] - units[u, 1])
    # Tiles of columns that are worked on at once: their states and sums stay in the first-level cache.
    depth = min(blocks, 256 if lanes == 1 else 64)

    states = _aligned(passes * padded * lanes, kind).reshape(passes, padded, lanes)
    turned_rows = passes * lanes if lanes < 16 else 1
    turned = _aligned(turned_rows * padded, kind).reshape(turned_rows, padded)
    totals = np.empty((passes, padded, lanes))
    weights = _aligned(4 * most * lanes, kind).reshape(4 * most, lanes)
    rows = _aligned(4 * most * lanes, kind).reshape(4 * most, lanes)
    products = _aligned(most * lanes, kind).reshape(most, lanes)
    slopes = _aligned(most * lanes, kind).reshape(most, lanes)
    columns = _aligned(depth * _per_tile(lanes), kind)

    states[:] = 0
    for q in range(passes):
        for a in range(min(width, replicas - q * width)):
            for i in range(n):
                states[q, i, a] = x[q * width + a, i]
            if tangent:
                for i in range(n):
                    states[q, i, width + a] = v[q * width + a, i]
        if lanes < 16:
            for a in range(lanes):
                for i in range(padded):
                    turned[q * lanes + a, i] = states[q, i, a]

    for chunk in range(first_chunk, last_chunk):
        totals[:] = 0
        for u in range(bounds[chunk], bounds[chunk + 1]):
            block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
            for q in range(passes):
                _weights(prefixes, start, stop, block, states[q], tangent, products, slopes, weights)
                _multiply(
                    couplings, line, blocks - block, stop - start, lanes, depth, 4 * block, states[q],
                    turned[q * lanes : (q + 1) * lanes] if lanes < 16 else turned, weights, rows, columns, totals[q],
                )
                if tangent:
                    _add_tangent_rows(
                        prefixes, start, stop, block, states[q], products, slopes, rows, totals[q]
                    )
                else:
                    _add_rows(prefixes, start, stop, block, states[q], products, rows, totals[q])
        shift = width if tangent else 0
        for q in range(passes):
            for a in range(min(width, replicas - q * width)):
                for i in range(n):
                    partials[chunk, q * width + a, i] = totals[q, i, shift + a]


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
