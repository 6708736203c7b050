"""Derivatives of the gradients of a diluted glass along given directions: Hessian times vector.

The loops are those of :mod:`spinnet.kernels.diluted_couplings`; here the rows hold states, directions and sums.
"""

from __future__ import annotations

from collections.abc import Callable

from spinnet.kernels._gathers import term_operations
from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.diluted_couplings import contraction, put_lanes


def _tangent_pass(degree: int, lanes: int) -> Callable:
    """Adds the derivative of the gradient of one piece for one pass of replicas."""
    add = term_operations(degree, lanes).tangent

    @inner
    def one_pass(words, weights, count, bits, starts, rows):
        states, tangents, sums = rows[0], rows[1], rows[2]
        for t in range(count):
            add(words, weights, t, bits, starts, states, tangents, sums)

    return one_pass


_DISORDER = "u8[::1], i8[::1], i4[:,::1], i8[::1], i8[::1], i8, i8, i8, i8"
_SIGNATURES = tuple(
    f"void({_DISORDER}, f8[:,::1], f8[:,::1], {kind}[:,:,::1], f8[:,::1], i8[::1], u8[::1], {kind}[::1], f8[:,:,::1])"
    for kind in ("f4", "f8")
)
_sum_2, _sum_3, _sum_4, _sum_5, _sum_6 = (contraction(degree, _tangent_pass) for degree in (2, 3, 4, 5, 6))


@kernel(*_SIGNATURES)
def contract_tangent_2(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, v, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """The Hessian of Σ w σσ times ``v``; arguments as for :func:`spinnet.kernels.diluted_couplings.contract_2`."""
    put_lanes(x, rows[0])
    put_lanes(v, rows[1])
    _sum_2(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip


@kernel(*_SIGNATURES)
def contract_tangent_3(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, v, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """As :func:`contract_tangent_2`, for degree 3."""
    put_lanes(x, rows[0])
    put_lanes(v, rows[1])
    _sum_3(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip


@kernel(*_SIGNATURES)
def contract_tangent_4(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, v, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """As :func:`contract_tangent_2`, for degree 4."""
    put_lanes(x, rows[0])
    put_lanes(v, rows[1])
    _sum_4(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip


@kernel(*_SIGNATURES)
def contract_tangent_5(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, v, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """As :func:`contract_tangent_2`, for degree 5."""
    put_lanes(x, rows[0])
    put_lanes(v, rows[1])
    _sum_5(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip


@kernel(*_SIGNATURES)
def contract_tangent_6(
    keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x, v, rows, totals, starts, words, weights,
    partials,
):  # fmt: skip
    """As :func:`contract_tangent_2`, for degree 6."""
    put_lanes(x, rows[0])
    put_lanes(v, rows[1])
    _sum_6(
        keys, counts, table, first_blocks, bounds, bits, gaussian, first, last, x.shape[1], rows, totals, starts, words,
        weights, partials,
    )  # fmt: skip
