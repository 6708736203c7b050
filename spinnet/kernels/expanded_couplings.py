"""Sums over couplings that are made when they are needed: whole units, or strips of a group, in a buffer in the cache.

The sums are those of :mod:`spinnet.kernels.spherical_glass`, over the same groups, units and chunks. Couplings come
from ``keys``, three words from which Gaussian numbers are hashed (:mod:`spinnet.kernels.hashed_couplings`), or where
there are no keys from ``words``, the signs of binary ones (:mod:`spinnet.kernels.binary_couplings`); ``strict`` leaves
out repeated indices. One kernel serves both, since making couplings is little code and summing them is much.

Numbers are in units of the standard deviation a √(p!/2N^{p−1}) of a coupling without repeated indices; who calls
multiplies the sums.
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.binary_couplings import fill_signs
from spinnet.kernels.binary_tables import TABLE_ROWS, add_signs
from spinnet.kernels.hashed_couplings import fill_gaussians
from spinnet.kernels.spherical_glass import (
    clear,
    column_rows,
    gradient_4,
    gradient_16,
    gradient_of_unit,
    put_states,
    tiles_at_once,
    write_lanes,
)

#: A single state makes this many tiles at a time: they, its sums and its states stay in the first-level cache.
_STRIP = 128


@inner
def fill(source, buffer, at, prefixes, block, group, line, first, span, n):
    """Write the tiles first … first + span − 1 of a group from tile ``at`` of ``buffer`` on, and maybe one tile more.

    ``line`` is the number of the group's tile 0 among all tiles; ``first`` is even.
    """
    keys, words, strict = source
    if len(keys) > 0:
        fill_gaussians(keys, strict, buffer, at, prefixes, block, group, line, first, span, n)
    else:
        fill_signs(words, strict, buffer, at, prefixes, block, group, line, first, span, n)


@inner
def fill_unit(source, buffer, prefixes, block, start, stop, line, n):
    """All tiles of a unit, in the order in which a stored kind keeps them."""
    tiles = (n + 3) // 4 - block
    for h in range(stop - start):
        fill(source, buffer, h * tiles, prefixes, block, start + h, line + h * tiles, 0, tiles, n)


def _groups_at_once(tiles):
    """How many groups are made at a time: about 2¹⁴ tiles, 1 MiB in float32."""
    return max(8, 2**14 // tiles // 2 * 2)


groups_at_once = inner(_groups_at_once)


def buffer_tiles(units: np.ndarray, blocks: int) -> int:
    """Room for what is made at a time, and one tile more."""
    made = [(min(stop - start, _groups_at_once(blocks - b)), blocks - b) for b, start, stop, _ in units.tolist()]
    return 1 + max(groups * tiles for groups, tiles in made)


@inner
def _fetch(source, buffer, prefixes, block, group, line, first, span, n):
    fill(source, buffer, 0, prefixes, block, group, line, first, span, n)
    return 0


_gradient_1 = gradient_of_unit(1, _fetch, _STRIP)


@kernel(
    "void(u8[::1], u2[::1], b1, f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f4[:,::1], f8[:,::1],"
    " f8[:,:,::1])",
    "void(u8[::1], u2[::1], b1, f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f8[:,::1], f8[:,::1],"
    " f8[:,:,::1])",
)
def contract_expanded(
    keys, words, strict, buffer, prefixes, units, bounds, first_chunk, last_chunk, x, work, totals, partials
):
    """The gradient of a sum over couplings, chunk by chunk: ``spherical_glass.contract`` with a buffer for a unit."""
    source = keys, words, strict
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
            if lanes == 1:
                _gradient_1(source, buffer, prefixes, block, start, stop, line, n, work, 0, all_turned, free, totals, 0)
                continue
            tiles = padded // 4 - block
            first = start
            if lanes == 16 and len(keys) == 0:
                first = stop
                while first > start and prefixes.shape[1] > 0 and prefixes[first - 1, -1] >= 4 * block:
                    first -= 1
                tables = work.shape[0] - TABLE_ROWS
                for q in range(passes):
                    sites = q * padded
                    add_signs(
                        words, strict, prefixes, block, start, first, line, n, work, sites, free, tables, totals, sites
                    )
            together = groups_at_once(tiles)
            for a in range(first, stop, together):
                z = min(a + together, stop)
                fill_unit(source, buffer, prefixes, block, a, z, line + (a - start) * tiles, n)
                for q in range(passes):
                    sites = q * padded
                    turned = all_turned + sites
                    if lanes == 4:
                        gradient_4(0, buffer, prefixes, block, a, z, 0, n, work, sites, turned, free, totals, sites)
                    else:
                        gradient_16(0, buffer, prefixes, block, a, z, 0, n, work, sites, turned, free, totals, sites)
        write_lanes(totals, partials[chunk])


@kernel(
    "void(u8[::1], u2[::1], b1, f4[::1], i4[:,::1], i8, i8, i8, i8, i8)",
    "void(u8[::1], u2[::1], b1, f8[::1], i4[:,::1], i8, i8, i8, i8, i8)",
)
def expand_unit(keys, words, strict, buffer, prefixes, block, start, stop, line, n):
    """The couplings of one unit as a stored kind would keep them."""
    fill_unit((keys, words, strict), buffer, prefixes, block, start, stop, line, n)
