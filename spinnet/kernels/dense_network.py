"""Kernels of a dense network: energy, gradient, Hessian–vector product and descent, for a block of replicas.

The weights of a replica are one flat row: per layer the matrix W (n_out × n_in, row after row), then the biases. One
integer table (:func:`plan`) says where everything lies, so that one signature serves every depth and width. Replicas
have weights of their own, and a kernel finishes one replica before it begins the next: what a replica gives depends on
no other replica, on no block and on no number of threads.

Within a replica, tiles of patterns run through the layers as small matrix products. Work copies of the matrices are
transposed and padded with zeros to whole vectors, the biases standing in an additional row that meets a constant input.
"""

from __future__ import annotations

import math

import numpy as np

from spinnet.kernels._jit import inner, kernel
from spinnet.kernels.dense_network_blocks import LANES, exp, multiply, tanh

LINEAR, TANH, RELU, ERF = range(4)
CROSS_ENTROPY, MSE, HINGE, QUADRATIC_HINGE, LOGISTIC = range(5)

# numba compiles an inner function anew for every literal among its arguments, but not for NumPy scalars: these are the
# constants that are passed on.
ONE, NO, YES = np.int64(1), np.bool_(False), np.bool_(True)

# Columns of the plan, one row per layer. Sizes of the layer and places in the flat row of weights;
N_IN, N_OUT, W_AT, B_AT = range(4)
# row lengths in work: inputs and outputs with their constant, the padded matrix and its transpose;
IN_ROW, OUT_ROW, OUT_COLUMNS, IN_COLUMNS = range(4, 8)
# places in work: activations in, fields z and activations out, ∂E/∂z, W transposed, W, gradient (transposed);
A_IN, Z, A_OUT, D = range(8, 12)
WT, WN, GT = np.arange(12, 15)
# and the derivatives of these along a direction: the direction's matrices, activations in and out, ∂E/∂z; the velocity.
RA_IN, RA_OUT, RD = range(15, 18)
VT, VN, MT = np.arange(18, 21)

_TWO_OVER_SQRT_PI = 2.0 / math.sqrt(math.pi)


def padded(count: int) -> int:
    """The next multiple of LANES."""
    return -(-count // LANES) * LANES


def plan(widths: tuple[int, ...], tile: int) -> tuple[np.ndarray, int]:
    """The table of places of a network of layer ``widths`` for tiles of ``tile`` patterns, and the length of work."""
    table = np.zeros((len(widths) - 1, 21), dtype=np.int64)
    flat = work = 0

    def take(count: int) -> int:
        nonlocal work
        work += padded(count)
        return work - padded(count)

    a_in, ra_in = take(tile * padded(widths[0] + 1)), 0
    for row, n_in, n_out in zip(table, widths[:-1], widths[1:], strict=True):
        row[[N_IN, N_OUT, W_AT, B_AT]] = n_in, n_out, flat, flat + n_in * n_out
        flat += (n_in + 1) * n_out
        row[[IN_ROW, OUT_ROW]] = padded(n_in + 1), padded(n_out + 1)
        row[[OUT_COLUMNS, IN_COLUMNS]] = padded(n_out), padded(n_in)
        row[[A_IN, RA_IN]] = a_in, ra_in
        outputs = [take(tile * row[OUT_ROW]) for _ in range(5)]
        row[[Z, A_OUT, D, RA_OUT, RD]] = outputs
        row[[WT, GT, VT, MT]] = [take((n_in + 1) * row[OUT_COLUMNS]) for _ in range(4)]
        row[[WN, VN]] = [take(n_out * row[IN_COLUMNS]) for _ in range(2)]
        a_in, ra_in = row[A_OUT], row[RA_OUT]
    return table, work


def workspace(length: int) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes, so that no vector of the padded rows crosses a cache line."""
    raw = np.zeros(length + 8)
    return raw[(-(raw.ctypes.data // 8)) % 8 :][:length]


@inner
def load_matrices(flat, layers, work, transposed, natural):
    """Copy a flat row of weights into work, each W twice: transposed with the biases below it, and as it is.

    ``transposed`` and ``natural`` are the columns of the plan that say where (WT and WN, or VT and VN for a direction).
    Padding is set to zero.
    """
    for l in range(layers.shape[0]):
        layer = layers[l]
        n_in, n_out, columns = layer[N_IN], layer[N_OUT], layer[OUT_COLUMNS]
        at = layer[transposed]
        for i in range(n_in):
            for j in range(n_out):
                work[at + i * columns + j] = flat[layer[W_AT] + j * n_in + i]
        for j in range(n_out):
            work[at + n_in * columns + j] = flat[layer[B_AT] + j]
        # A replica that diverged leaves NaN in the padding.
        for i in range(n_in + 1):
            for j in range(n_out, columns):
                work[at + i * columns + j] = 0.0
        at = layer[natural]
        columns = layer[IN_COLUMNS]
        for j in range(n_out):
            for i in range(n_in):
                work[at + j * columns + i] = flat[layer[W_AT] + j * n_in + i]
            for i in range(n_in, columns):
                work[at + j * columns + i] = 0.0


@inner
def store_matrices(layers, work, transposed, flat):
    """Copy the transposed matrices at column ``transposed`` of the plan back into a flat row: W row by row, then b."""
    for l in range(layers.shape[0]):
        layer = layers[l]
        n_in, n_out, columns = layer[N_IN], layer[N_OUT], layer[OUT_COLUMNS]
        at = layer[transposed]
        for j in range(n_out):
            for i in range(n_in):
                flat[layer[W_AT] + j * n_in + i] = work[at + i * columns + j]
            flat[layer[B_AT] + j] = work[at + n_in * columns + j]


# Elementwise loops run over slices: an index that is an offset plus a counter might be negative for all the compiler
# knows, and the test for it keeps a loop out of the vector lanes.


@inner
def gather(inputs, terms, first, rows, layers, work):
    """Copy ``rows`` padded patterns, from number ``first`` of the list ``terms``, to the inputs of the first layer."""
    width = layers[0, IN_ROW]
    at = layers[0, A_IN]
    for t in range(rows):
        source = inputs[terms[first + t]]
        row = work[at + t * width : at + (t + 1) * width]
        for i in range(width):
            row[i] = source[i]


@inner
def _activate(work, z_at, a_at, count, activation):
    z, a = work[z_at : z_at + count], work[a_at : a_at + count]
    if activation == TANH:
        for i in range(count):
            a[i] = tanh(z[i])
    elif activation == RELU:
        for i in range(count):
            value = z[i]
            # Written so that NaN passes.
            a[i] = 0.0 if value <= 0.0 else value
    elif activation == ERF:
        for i in range(count):
            a[i] = math.erf(z[i])
    else:
        for i in range(count):
            a[i] = z[i]


@inner
def scale_by_slope(work, d_at, z_at, a_at, count, activation):
    """Multiply by φ'(z), which tanh gives from its own value."""
    d, z, a = work[d_at : d_at + count], work[z_at : z_at + count], work[a_at : a_at + count]
    if activation == TANH:
        for i in range(count):
            d[i] *= 1.0 - a[i] * a[i]
    elif activation == RELU:
        for i in range(count):
            slope = 0.0 if a[i] == 0.0 else 1.0
            d[i] *= slope
    elif activation == ERF:
        for i in range(count):
            d[i] *= _TWO_OVER_SQRT_PI * exp(-z[i] * z[i])


@inner
def forward(rows, layers, activation, work):
    """Run a tile of patterns through the layers: fields into Z, φ of them and the constant 1 into A_OUT.

    The last layer has no φ: its outputs are its fields.
    """
    last = layers.shape[0] - 1
    for l in range(last + 1):
        layer = layers[l]
        row = layer[OUT_ROW]
        multiply(work, layer[Z], row, layer[A_IN], layer[IN_ROW], ONE, layer[WT], layer[OUT_COLUMNS],
                 rows, layer[OUT_COLUMNS], layer[N_IN] + 1, NO)  # fmt: skip
        if l < last:
            a = layer[A_OUT]
            _activate(work, layer[Z], a, rows * row, activation)
            for t in range(rows):
                work[a + t * row + layer[N_OUT]] = 1.0


@inner
def differentiate_loss(targets, terms, first, rows, layers, loss, with_energy, work):
    """Put ∂ℓ/∂z of the outputs into D; return Σ ℓ over the tile (0 for cross-entropy without ``with_energy``)."""
    layer = layers[layers.shape[0] - 1]
    n_out, columns, row = layer[N_OUT], layer[OUT_COLUMNS], layer[OUT_ROW]
    energy = 0.0
    for t in range(rows):
        z = work[layer[Z] + t * row : layer[Z] + t * row + columns]
        d = work[layer[D] + t * row : layer[D] + t * row + columns]
        target = targets[terms[first + t]]
        if loss == CROSS_ENTROPY:
            highest = z[0]
            for j in range(1, n_out):
                highest = max(highest, z[j])
            if with_energy:
                for j in range(n_out):
                    energy -= target[j] * z[j]
            for j in range(n_out, columns):
                z[j] = -1e300
            total = 0.0
            for j in range(columns):
                d[j] = exp(z[j] - highest)
                total += d[j]
            if with_energy:
                energy += highest + math.log(total)
            share = 1.0 / total
            for j in range(columns):
                d[j] = d[j] * share - target[j]
        elif loss == MSE:
            for j in range(n_out):
                d[j] = z[j] - target[j]
                energy += 0.5 * d[j] * d[j]
        elif loss == LOGISTIC:
            for j in range(n_out):
                margin = target[j] * z[j]
                # The exponential of a number below zero; NaN passes.
                small = math.exp(-margin) if margin > 0.0 else math.exp(margin)
                energy += math.log1p(small) - min(margin, 0.0)
                d[j] = -target[j] * (small if margin > 0.0 else 1.0) / (1.0 + small)
        else:
            for j in range(n_out):
                gap = 1.0 - target[j] * z[j]
                # Written so that NaN passes.
                if gap <= 0.0:
                    d[j] = 0.0
                elif loss == HINGE:
                    d[j] = -target[j]
                    energy += gap
                else:
                    d[j] = -target[j] * gap
                    energy += 0.5 * gap * gap
        for j in range(n_out, columns):
            d[j] = 0.0
    return energy


@inner
def _backward(rows, layers, activation, add, work):
    """From D of the outputs to the gradient of every layer, added to GT or put there."""
    for l in range(layers.shape[0] - 1, -1, -1):
        layer = layers[l]
        multiply(work, layer[GT], layer[OUT_COLUMNS], layer[A_IN], ONE, layer[IN_ROW], layer[D], layer[OUT_ROW],
                 layer[N_IN] + 1, layer[OUT_COLUMNS], rows, add)  # fmt: skip
        if l > 0:
            before = layers[l - 1]
            multiply(work, before[D], before[OUT_ROW], layer[D], layer[OUT_ROW], ONE, layer[WN], layer[IN_COLUMNS],
                     rows, layer[IN_COLUMNS], layer[N_OUT], NO)  # fmt: skip
            scale_by_slope(work, before[D], before[Z], before[A_OUT], rows * before[OUT_ROW], activation)


@kernel("void(f8[:,::1], f8[:,::1], i8[:,::1], i8, i8[:,::1], i8, i8, i8, f8[::1], f8[:,:,::1])")
def compute_logits(x, inputs, terms, activation, layers, tile, first, last, work, logits):
    """Outputs of replicas ``first`` … ``last − 1`` for the patterns ``terms[0]``: ``logits[replica, pattern, class]``.

    ``inputs`` has padded rows, each pattern followed by the constant 1.
    """
    layer = layers[layers.shape[0] - 1]
    count = terms.shape[1]
    for a in range(first, last):
        load_matrices(x[a], layers, work, WT, WN)
        for start in range(0, count, tile):
            rows = min(tile, count - start)
            gather(inputs, terms[0], start, rows, layers, work)
            forward(rows, layers, activation, work)
            for t in range(rows):
                for j in range(layer[N_OUT]):
                    logits[a, start + t, j] = work[layer[Z] + t * layer[OUT_ROW] + j]


@kernel(
    "void(f8[:,::1], f8[:,::1], f8[:,::1], i8[:,::1], f8, i8, i8, b1, i8[:,::1], i8, i8, i8, f8[::1], f8[::1], "
    "f8[:,::1])"
)
def sum_terms(
    x, inputs, targets, terms, weight_decay, activation, loss, with_gradient, layers, tile, first, last, work,
    energy, gradient,
):  # fmt: skip
    """Energy and gradient summed over patterns: ``terms[a]`` for replica a, or ``terms[0]`` for all if it is alone."""
    count = terms.shape[1]
    for a in range(first, last):
        chosen = terms[a] if terms.shape[0] > 1 else terms[0]
        load_matrices(x[a], layers, work, WT, WN)
        total = 0.0
        for start in range(0, count, tile):
            rows = min(tile, count - start)
            gather(inputs, chosen, start, rows, layers, work)
            forward(rows, layers, activation, work)
            total += differentiate_loss(targets, chosen, start, rows, layers, loss, YES, work)
            if with_gradient:
                _backward(rows, layers, activation, start > 0, work)
        strength = weight_decay * count
        if strength > 0.0:
            square = 0.0
            for i in range(x.shape[1]):
                square += x[a, i] * x[a, i]
            total += 0.5 * strength * square
        energy[a] = total
        if with_gradient:
            store_matrices(layers, work, GT, gradient[a])
            if strength > 0.0:
                for i in range(x.shape[1]):
                    gradient[a, i] += strength * x[a, i]


@inner
def _step(layers, rate, momentum, decay, work):
    """v ← momentum·v − rate·(G + decay·w), w ← w + v, and the matrices that back-propagation reads."""
    for l in range(layers.shape[0]):
        layer = layers[l]
        n_in, n_out, columns = layer[N_IN], layer[N_OUT], layer[OUT_COLUMNS]
        count = (n_in + 1) * columns
        w, v = work[layer[WT] : layer[WT] + count], work[layer[MT] : layer[MT] + count]
        g = work[layer[GT] : layer[GT] + count]
        for i in range(count):
            velocity = momentum * v[i] - rate * (g[i] + decay * w[i])
            v[i] = velocity
            w[i] += velocity
        if l > 0:
            at = layer[WN]
            for j in range(n_out):
                for i in range(n_in):
                    work[at + j * layer[IN_COLUMNS] + i] = w[i * columns + j]


@kernel(
    "void(f8[:,::1], f8[:,::1], f8[:,::1], f8[:,::1], i8[:,:,::1], f8, f8, f8, i8, i8, i8[:,::1], i8, i8, i8, f8[::1])"
)
def descend(
    x, velocity, inputs, targets, terms, learning_rate, momentum, weight_decay, activation, loss, layers, tile,
    first, last, work,
):  # fmt: skip
    """Steps of stochastic gradient descent with momentum, in place; ``terms[step, replica]`` is a minibatch.

    A replica goes through all its steps before the next one begins: its weights stay in the cache.
    """
    count = terms.shape[2]
    rate = learning_rate / count
    for a in range(first, last):
        load_matrices(x[a], layers, work, WT, WN)
        load_matrices(velocity[a], layers, work, MT, VN)
        for s in range(terms.shape[0]):
            for start in range(0, count, tile):
                rows = min(tile, count - start)
                gather(inputs, terms[s, a], start, rows, layers, work)
                forward(rows, layers, activation, work)
                differentiate_loss(targets, terms[s, a], start, rows, layers, loss, NO, work)
                _backward(rows, layers, activation, start > 0, work)
            _step(layers, rate, momentum, weight_decay * count, work)
        store_matrices(layers, work, WT, x[a])
        store_matrices(layers, work, MT, velocity[a])
