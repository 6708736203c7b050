"""Derivatives of the gradients of a diluted glass along given directions: Hessian times vector.

The loops are those of :mod:`spinnet.kernels.diluted_couplings`; here the rows hold states, directions and sums.
"""

from __future__ import annotations

from collections.abc import Callable

from numba.np.unsafe.ndarray import to_fixed_tuple

from spinnet.kernels._gathers import term_operations
from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.diluted_couplings import DISORDER, WORKSPACE, contraction, put_lanes


def _tangent_pass(degree: int, lanes: int) -> Callable:
    """Adds the derivative of the gradient of one piece for one pass of replicas."""
    add = term_operations(degree, lanes).tangent

    @inner
    def one_pass(words, weights, count, bits, starts, rows):
        states, tangents, sums = rows[0], rows[1], rows[2]
        ranges = to_fixed_tuple(starts, degree)
        for t in range(count):
            add(words, weights, t, bits, ranges, states, tangents, sums)

    return one_pass


_sum_products = contraction(_tangent_pass)


@kernel(*(f"void({DISORDER}, f8[:,::1], f8[:,::1], {WORKSPACE.format(kind)})" for kind in ("f4", "f8")))
def contract_tangent(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, v, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """The Hessian of Σ w σ…σ times ``v``; arguments as for :func:`spinnet.kernels.diluted_couplings.contract`."""
    put_lanes(x, rows[0])
    put_lanes(v, rows[1])
    _sum_products(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip
