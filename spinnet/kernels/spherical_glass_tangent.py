"""The derivative of a glass's gradient along a direction, in one pass over the couplings.

Each step of the gradient in :mod:`spinnet.kernels.spherical_glass` is differentiated: the products and values of a
group get slopes beside them.
"""

from __future__ import annotations

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels._tiles import operations
from spinnet.kernels.spherical_glass import clear, column_rows, put_states, tiles_ahead, tiles_at_once, write_lanes


def _tangent_of_unit(lanes):
    """The function that adds the derivative along v of the gradient of one unit, for a number of lanes.

    The rows of v lie ``apart`` rows after those of the states.
    """
    op = operations(lanes)
    together, sweep, drain = op.groups, op.sweep_tangent, op.drain
    fill, multiply, add_product, add = op.fill, op.multiply, op.add_product, op.add

    @inner
    def unit(couplings, prefixes, block, start, stop, line, n, work, sites, turned, apart, free, totals, total):
        blocks = (n + 3) // 4
        depth = tiles_at_once(blocks, lanes)
        tiles = blocks - block
        j = 4 * block
        groups = stop - start
        length = prefixes.shape[1]
        tangents = sites + apart
        columns = free
        row_sums = columns + column_rows(lanes) * depth
        values = row_sums + 4
        products = values + groups + 1
        # Slopes of values and products lie this many rows after them.
        after = 2 * (groups + 1)
        others = products + after + groups + 1
        change = others + 1
        for h in range(groups):
            product = products + h
            slope = product + after
            fill(work, values + h, 0.0)
            fill(work, values + h + after, 0.0)
            fill(work, product, 1.0)
            fill(work, slope, 0.0)
            for m in range(length):
                i = prefixes[start + h, m]
                multiply(work, slope, slope, sites + i)
                add_product(work, slope, product, tangents + i)
                multiply(work, product, product, sites + i)
        # Groups may be taken two at a time; the product after the last one is zero.
        for row in (values, products, values + after, products + after):
            fill(work, row + groups, 0.0)
        for r in range(4):
            fill(work, row_sums + r, 0.0)
        for t0 in range(0, tiles, depth):
            span = min(depth, tiles - t0)
            k = j + 4 * t0
            states = turned * lanes + k if lanes < 16 else sites + k
            ahead = tiles_ahead(tiles, lanes)
            for h in range(0, groups, together):
                at = line + h * tiles + t0
                second = tiles if h + 1 < groups else 0
                sweep(
                    couplings, at, second, span, ahead, work, states, 4 * blocks, products + h, sites + j, row_sums,
                    values + h, columns, apart, after,
                )
            for t in range(span):
                drain(work, columns + column_rows(lanes) * t, totals, total + k + 4 * t)
        for h in range(groups):
            g = start + h
            for m in range(length):
                fill(work, others, 1.0)
                fill(work, change, 0.0)
                for o in range(length):
                    if o != m:
                        i = prefixes[g, o]
                        multiply(work, change, change, sites + i)
                        add_product(work, change, others, tangents + i)
                        multiply(work, others, others, sites + i)
                multiply(work, others, others, values + h + after)
                add_product(work, others, change, values + h)
                add(totals, total + prefixes[g, m], work, others)
        for r in range(4):
            add(totals, total + j + r, work, row_sums + r)

    return unit


tangent_1, tangent_4, tangent_16 = _tangent_of_unit(1), _tangent_of_unit(4), _tangent_of_unit(16)


@kernel(
    "void(f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f8[:,::1], f4[:,::1], f8[:,::1], f8[:,:,::1])",
    "void(f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], f8[:,:,::1])",
)
def contract_tangent(couplings, prefixes, units, bounds, first_chunk, last_chunk, x, v, work, totals, partials):
    """The derivative of :func:`contract` along ``v`` (replicas, n): Hessian times v."""
    n = x.shape[1]
    lanes = work.shape[1]
    padded = 4 * ((n + 3) // 4)
    passes = totals.shape[0] // padded
    all_turned = passes * padded if lanes == 4 else 0
    apart = all_turned + passes * padded
    free = 2 * apart
    clear(work[free : free + column_rows(lanes) * tiles_at_once(padded // 4, lanes)])
    put_states(x, lanes, work, 0, all_turned)
    put_states(v, lanes, work, apart, apart + all_turned)
    for chunk in range(first_chunk, last_chunk):
        clear(totals)
        for u in range(bounds[chunk], bounds[chunk + 1]):
            block, start, stop, line = units[u, 0], units[u, 1], units[u, 2], units[u, 3]
            for q in range(passes):
                sites = q * padded
                turned = all_turned + sites
                if lanes == 1:
                    tangent_1(
                        couplings, prefixes, block, start, stop, line, n, work, sites, turned, apart, free, totals,
                        sites,
                    )
                elif lanes == 4:
                    tangent_4(
                        couplings, prefixes, block, start, stop, line, n, work, sites, turned, apart, free, totals,
                        sites,
                    )
                else:
                    tangent_16(
                        couplings, prefixes, block, start, stop, line, n, work, sites, turned, apart, free, totals,
                        sites,
                    )
        write_lanes(totals, partials[chunk])
