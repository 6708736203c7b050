"""The derivative of a gradient along a direction, for couplings that are made when they are needed."""

from __future__ import annotations

from spinnet.kernels._jit import kernel
from spinnet.kernels.expanded_couplings import fill_unit, groups_at_once
from spinnet.kernels.spherical_glass import clear, column_rows, put_states, tiles_at_once, write_lanes
from spinnet.kernels.spherical_glass_tangent import tangent_1, tangent_4, tangent_16


@kernel(
    "void(u8[::1], u2[::1], b1, f4[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f8[:,::1], f4[:,::1],"
    " f8[:,::1], f8[:,:,::1])",
    "void(u8[::1], u2[::1], b1, f8[::1], i4[:,::1], i8[:,::1], i8[::1], i8, i8, f8[:,::1], f8[:,::1], f8[:,::1],"
    " f8[:,::1], f8[:,:,::1])",
)
def contract_expanded_tangent(
    keys, words, strict, buffer, prefixes, units, bounds, first_chunk, last_chunk, x, v, work, totals, partials
):
    """The derivative of ``contract_expanded`` along ``v`` (replicas, n): Hessian times v."""
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
            tiles = padded // 4 - block
            together = groups_at_once(tiles)
            for a in range(start, stop, together):
                z = min(a + together, stop)
                fill_unit((keys, words, strict), buffer, prefixes, block, a, z, line + (a - start) * tiles, n)
                for q in range(passes):
                    sites = q * padded
                    turned = all_turned + sites
                    if lanes == 1:
                        tangent_1(
                            buffer, prefixes, block, a, z, 0, n, work, sites, turned, apart, free, totals, sites
                        )
                    elif lanes == 4:
                        tangent_4(
                            buffer, prefixes, block, a, z, 0, n, work, sites, turned, apart, free, totals, sites
                        )
                    else:
                        tangent_16(
                            buffer, prefixes, block, a, z, 0, n, work, sites, turned, apart, free, totals, sites
                        )
        write_lanes(totals, partials[chunk])
