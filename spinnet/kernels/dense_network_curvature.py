"""The Hessian–vector product of a dense network: one differentiated pass (Pearlmutter 1994, Neural Comput. 6, 147).

Beside every quantity of a gradient goes its derivative along the direction v in weight space: of the activations on
the way forward, of ∂E/∂z on the way back. What belongs to the configuration alone is made once for a tile of patterns
and shared by all its directions. A module of its own: most campaigns need not compile it.
"""

from __future__ import annotations

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.dense_network import (
    A_IN,
    A_OUT,
    CROSS_ENTROPY,
    ERF,
    GT,
    IN_COLUMNS,
    IN_ROW,
    LOGISTIC,
    MSE,
    N_IN,
    N_OUT,
    NO,
    ONE,
    OUT_COLUMNS,
    OUT_ROW,
    QUADRATIC_HINGE,
    RA_IN,
    RA_OUT,
    RD,
    TANH,
    VN,
    VT,
    WN,
    WT,
    YES,
    D,
    Z,
    differentiate_loss,
    forward,
    gather,
    load_matrices,
    padded,
    plan,
    scale_by_slope,
    store_matrices,
)
from spinnet.kernels.dense_network_blocks import multiply

# A further column of the plan: ∂E/∂a of the activations out, which D is before the slope is multiplied in.
EA = 21


def plan_directions(widths: tuple[int, ...], tile: int, directions: int) -> tuple[np.ndarray, int]:
    """Tables of places ``(directions, layers, columns)``, the matrices of each direction with places of their own.

    A table is that of :func:`~spinnet.kernels.dense_network.plan` and the column EA.
    """
    table, work = plan(widths, tile)
    table = np.hstack([table, np.zeros((len(table), 1), dtype=np.int64)])
    for row in table:
        row[EA] = work
        work += tile * row[OUT_ROW]
    tables = np.repeat(table[None], directions, axis=0)
    for own in tables[1:]:  # the first keeps the places of the plan
        for row in own:
            for column, size in (
                (VT, (row[N_IN] + 1) * row[OUT_COLUMNS]),
                (GT, (row[N_IN] + 1) * row[OUT_COLUMNS]),
                (VN, row[N_OUT] * row[IN_COLUMNS]),
            ):
                row[column] = work
                work += padded(size)
    return tables, work


@inner
def _forward_along(rows, layers, activation, work):
    """Derivatives along the direction of fields and activations, after :func:`forward`."""
    last = layers.shape[0] - 1
    for l in range(last + 1):
        layer = layers[l]
        row, columns = layer[OUT_ROW], layer[OUT_COLUMNS]
        multiply(work, layer[RA_OUT], row, layer[A_IN], layer[IN_ROW], ONE, layer[VT], columns,
                 rows, columns, layer[N_IN] + 1, NO)  # fmt: skip
        if l > 0:
            multiply(work, layer[RA_OUT], row, layer[RA_IN], layer[IN_ROW], ONE, layer[WT], columns,
                     rows, columns, layer[N_IN], YES)  # fmt: skip
        if l < last:
            scale_by_slope(work, layer[RA_OUT], layer[Z], layer[A_OUT], rows * row, activation)


@inner
def _curve_loss(targets, terms, first, rows, layers, loss, work):
    """Put ∂²ℓ/∂z² times the derivative of z into RD, after :func:`differentiate_loss`."""
    layer = layers[layers.shape[0] - 1]
    n_out, row = layer[N_OUT], layer[OUT_ROW]
    for t in range(rows):
        z, d = layer[Z] + t * row, layer[D] + t * row
        rz, rd = layer[RA_OUT] + t * row, layer[RD] + t * row
        target = targets[terms[first + t]]
        if loss == CROSS_ENTROPY:
            mean = 0.0
            for j in range(n_out):
                mean += (work[d + j] + target[j]) * work[rz + j]
            for j in range(n_out):
                work[rd + j] = (work[d + j] + target[j]) * (work[rz + j] - mean)
        elif loss == MSE:
            for j in range(n_out):
                work[rd + j] = work[rz + j]
        elif loss == LOGISTIC:
            for j in range(n_out):
                share = -target[j] * work[d + j]
                work[rd + j] = share * (1.0 - share) * work[rz + j]
        else:
            for j in range(n_out):
                curved = loss == QUADRATIC_HINGE and not 1.0 - target[j] * work[z + j] <= 0.0
                work[rd + j] = target[j] * target[j] * work[rz + j] if curved else 0.0
        for j in range(n_out, layer[OUT_COLUMNS]):
            work[rd + j] = 0.0


@inner
def _curve_activation(work, rd_at, ra_at, d_at, z_at, a_at, count, activation):
    """φ'·RD + φ''·(derivative of z)·D, where D is not yet scaled and RA is already φ' times that derivative."""
    scale_by_slope(work, rd_at, z_at, a_at, count, activation)
    # φ''/φ' is −2 tanh for tanh and −2z for erf.
    if activation == TANH or activation == ERF:
        factor_at = a_at if activation == TANH else z_at
        rd, ra = work[rd_at : rd_at + count], work[ra_at : ra_at + count]
        d, factor = work[d_at : d_at + count], work[factor_at : factor_at + count]
        for i in range(count):
            rd[i] -= 2.0 * factor[i] * ra[i] * d[i]


@inner
def _backward_fields(rows, layers, activation, work):
    """From D of the outputs to D of every layer, and what it was before the slope to EA."""
    for l in range(layers.shape[0] - 1, 0, -1):
        layer, before = layers[l], layers[l - 1]
        wide, deep = layer[IN_COLUMNS], before[OUT_ROW]
        multiply(work, before[D], deep, layer[D], layer[OUT_ROW], ONE, layer[WN], wide, rows, wide, layer[N_OUT], NO)
        count = rows * deep
        d, e = work[before[D] : before[D] + count], work[before[EA] : before[EA] + count]
        for i in range(count):
            e[i] = d[i]
        scale_by_slope(work, before[D], before[Z], before[A_OUT], count, activation)


@inner
def _backward_along(rows, layers, activation, add, work):
    """The derivative of the gradient along the direction, added to GT or put there."""
    for l in range(layers.shape[0] - 1, -1, -1):
        layer = layers[l]
        n_in, n_out, columns, row = layer[N_IN], layer[N_OUT], layer[OUT_COLUMNS], layer[OUT_ROW]
        multiply(work, layer[GT], columns, layer[A_IN], ONE, layer[IN_ROW], layer[RD], row,
                 n_in + 1, columns, rows, add)  # fmt: skip
        if l > 0:
            multiply(work, layer[GT], columns, layer[RA_IN], ONE, layer[IN_ROW], layer[D], row,
                     n_in, columns, rows, YES)  # fmt: skip
            before = layers[l - 1]
            wide, deep = layer[IN_COLUMNS], before[OUT_ROW]
            multiply(work, before[RD], deep, layer[D], row, ONE, layer[VN], wide, rows, wide, n_out, NO)
            multiply(work, before[RD], deep, layer[RD], row, ONE, layer[WN], wide, rows, wide, n_out, YES)
            _curve_activation(work, before[RD], before[RA_OUT], before[EA], before[Z], before[A_OUT], rows * deep,
                              activation)  # fmt: skip


@inner
def _sum_products(x, v, first, last, inputs, targets, terms, weight_decay, activation, loss, tables, tile, work,
                  product):  # fmt: skip
    """Products with the directions ``first`` … ``last − 1`` at one configuration.

    Direction k has the places ``tables[k − first]``.
    """
    count = terms.shape[0]
    layers = tables[0]
    load_matrices(x, layers, work, WT, WN)
    for k in range(first, last):
        load_matrices(v[k], tables[k - first], work, VT, VN)
    for start in range(0, count, tile):
        rows = min(tile, count - start)
        gather(inputs, terms, start, rows, layers, work)
        forward(rows, layers, activation, work)
        differentiate_loss(targets, terms, start, rows, layers, loss, NO, work)
        _backward_fields(rows, layers, activation, work)
        for k in range(first, last):
            own = tables[k - first]
            _forward_along(rows, own, activation, work)
            _curve_loss(targets, terms, start, rows, own, loss, work)
            _backward_along(rows, own, activation, start > 0, work)
    for k in range(first, last):
        store_matrices(tables[k - first], work, GT, product[k])
        for i in range(x.shape[0]):
            product[k, i] += weight_decay * count * v[k, i]


@kernel(
    "void(f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], i8[:,::1], f8, i8, i8, i8[:,:,::1], i8, i8, i8, f8[::1], "
    "f8[:,::1])"
)
def multiply_hessian(
    x, v, inputs, targets, terms, weight_decay, activation, loss, tables, tile, first, last, work, product
):  # fmt: skip
    """Hessian of the energy of the patterns ``terms[0]`` times the directions ``first`` … ``last − 1``.

    Direction k belongs to configuration k, or all to ``x[0]`` if it is alone. The bits of a product are the same
    either way.
    """
    if x.shape[0] == 1:
        _sum_products(x[0], v, first, last, inputs, targets, terms[0], weight_decay, activation, loss, tables, tile,
                      work, product)  # fmt: skip
    else:
        for a in range(first, last):
            _sum_products(x[a], v, a, a + 1, inputs, targets, terms[0], weight_decay, activation, loss, tables, tile,
                          work, product)  # fmt: skip
