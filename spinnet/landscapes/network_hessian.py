"""The dense Hessian of a layered network, from a few matrix products instead of one pass per weight.

Weights enter through z^l = W^l a^{l−1} (a with a constant 1 for the biases), and ∂ℓ/∂W^m_{pq} = δ^m_p a^{m−1}_q. For
l ≤ m, with dδ^m/dz^l and da^{m−1}/dz^l the total derivatives through the layers above l,

    ∂²E/∂W^l_{ij} ∂W^m_{pq} = Σ_μ a^{l−1}_j [ (dδ^m_p/dz^l_i) a^{m−1}_q + δ^m_p (da^{m−1}_q/dz^l_i) ],

a sum over patterns of outer products of small per-pattern arrays: for every pair of layers, one or two matrix products
whose inner index is the pattern.
"""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.network_jacobian import forward_activity
from spinnet.landscapes.network_losses import loss_derivatives

#: Bytes of the per-pattern outer products that are held at a time.
_CHUNK_BYTES = 2**27


class FirstLayerSpan:
    """The directions of the flat weights along which the loss can change, as far as the inputs tell.

    The first layer's weights and bias of a unit, w = (W_i, b_i), act through w·a^0 only, with a^0 = (ξ, 1): what of w
    is orthogonal to every a^0 of the patterns never matters. The columns of V, an orthonormal basis of the span of
    these, replace w by the fewer coordinates V'w; in flat order the last coordinates of all units stand where their
    biases stood. Inputs that are constant over the patterns (the corners of images) are of this kind.

    Attributes
    ----------
    basis
        V, shape ``(inputs + 1, rank)``.
    dimension
        Number of coordinates that are left of n.
    """

    def __init__(self, inputs: np.ndarray, units: int, n: int):
        fed = np.hstack([inputs, np.ones((len(inputs), 1))])
        triangle = np.linalg.qr(fed, mode="r")
        _, sizes, directions = np.linalg.svd(triangle)
        rank = int((sizes > max(fed.shape) * np.finfo(np.float64).eps * sizes[0]).sum())
        self.basis = np.ascontiguousarray(directions[:rank].T)
        self._units, self._n = units, n
        self.dimension = n - units * (fed.shape[1] - rank)

    def project(self, v: np.ndarray) -> np.ndarray:
        """Coordinates (dimension,) of the part of ``v`` (n,) along these directions."""
        return self._exchange(v, self.basis)

    def embed(self, v: np.ndarray) -> np.ndarray:
        """The direction (n,) with the coordinates ``v`` (dimension,)."""
        return self._exchange(v, self.basis.T)

    def _exchange(self, v: np.ndarray, columns: np.ndarray) -> np.ndarray:
        units, wide = self._units, len(columns)
        end = units * (wide - 1)
        first = np.hstack([v[:end].reshape(units, wide - 1), v[end : end + units, None]]) @ columns
        return np.concatenate([first[:, :-1].ravel(), first[:, -1], v[end + units :]])


def layered_hessian(
    layers: list[tuple[np.ndarray, np.ndarray]],
    inputs: np.ndarray,
    targets: np.ndarray,
    activation: str,
    loss: str,
    basis: np.ndarray | None = None,
) -> np.ndarray:
    """Hessian of Σ_μ ℓ in the flat order of the weights (per layer W row by row, then b), shape ``(n, n)``.

    Parameters
    ----------
    layers
        (W, b) of each layer, W of shape ``(n_out, n_in)``.
    inputs, targets
        Patterns ``(P, d)`` and rows of targets ``(P, outputs)``.
    activation, loss
        Names as :class:`~spinnet.landscapes.DenseNetwork` has them.
    basis
        That of a :class:`FirstLayerSpan`, in whose coordinates the Hessian then is.

    Notes
    -----
    About P n²/2 multiplications for a network whose first layer dominates; memory 3 n² doubles and up to twice
    128 MiB, the outer products and the factors they are made of.
    """
    widest = max((w.shape[0] * (w.shape[1] + 1)) for w, _ in layers) + sum(w.shape[0] ** 2 for w, _ in layers)
    pairs = max(_pairs(layers[l], layers[m]) for l in range(len(layers)) for m in range(l, len(layers)))
    chunk = max(1, min(len(inputs), _CHUNK_BYTES // (8 * (pairs + widest))))
    sums: dict[tuple[int, int, str], np.ndarray] = {}
    for first in range(0, len(inputs), chunk):
        part = slice(first, first + chunk)
        for key, value in _products(layers, inputs[part], targets[part], activation, loss, basis):
            sums[key] = sums[key] + value if key in sums else value
    shapes = [(w.shape[0], w.shape[1] + 1) for w, _ in layers]
    if basis is not None:
        shapes[0] = (shapes[0][0], basis.shape[1])
    return _assemble(shapes, sums)


def _pairs(one: tuple[np.ndarray, np.ndarray], other: tuple[np.ndarray, np.ndarray]) -> int:
    (w, _), (u, _) = one, other
    return w.shape[0] * u.shape[0] + (w.shape[1] + 1) * (u.shape[1] + 1)


def _products(layers, inputs, targets, activation, loss, basis=None):
    """Yield the sums over patterns: "same" (i ≤ p; j ≤ q), "first" (p, i; j, q) and "second" (j, p; q, i)."""
    last = len(layers) - 1
    count = len(inputs)
    activity = forward_activity(layers, inputs, activation)
    a = [np.hstack([value, np.ones((count, 1))]) for value in activity.inputs]  # a[l] feeds layer l
    if basis is not None:
        a[0] = a[0] @ basis
    slope, curve = activity.slopes, activity.curvatures
    delta, h = [None] * (last + 1), [None] * (last + 1)
    delta[last], loss_curvature = loss_derivatives(activity.outputs, targets, loss)
    back: list = [None] * (last + 1)
    for l in range(last - 1, -1, -1):
        back[l] = delta[l + 1] @ layers[l + 1][0]
        delta[l] = slope[l] * back[l]
    for l in range(last + 1):
        # b[m] = dz^m/dz^l, h[m] = dδ^m/dz^l, both (patterns, n_m, n_l).
        b = {l: np.broadcast_to(np.eye(len(layers[l][1])), (count, len(layers[l][1]), len(layers[l][1])))}
        for m in range(l + 1, last + 1):
            w = layers[m][0]
            b[m] = w * slope[l][:, None] if m == l + 1 else w @ (slope[m - 1][:, :, None] * b[m - 1])
        h[last] = loss_curvature @ b[last]
        for m in range(last - 1, l - 1, -1):
            h[m] = slope[m][:, :, None] * (layers[m + 1][0].T @ h[m + 1])
            h[m] += (curve[m] * back[m])[:, :, None] * b[m]
        i, p = np.triu_indices(len(layers[l][1]))
        yield (l, l, "same"), h[l][:, p, i].T @ _symmetric_pairs(a[l])
        for m in range(l + 1, last + 1):
            yield (l, m, "first"), h[m].reshape(count, -1).T @ _outer(a[l], a[m])
            if m == l + 1:
                # da^l_q/dz^l_i is diagonal: only q = i.
                yield (l, m, "second"), a[l].T @ _outer(delta[m], slope[l])
            else:
                along = (slope[m - 1][:, :, None] * b[m - 1]).reshape(count, -1)
                yield (l, m, "second"), _outer(a[l], delta[m]).T @ along


def _symmetric_pairs(a: np.ndarray) -> np.ndarray:
    """a_j a_q for j ≤ q, row after row of the triangle, shape ``(patterns, pairs)``."""
    rows = np.ascontiguousarray(a.T)
    pairs, at = np.empty((len(rows) * (len(rows) + 1) // 2, len(a))), 0
    for j in range(len(rows)):
        np.multiply(rows[j], rows[j:], out=pairs[at : at + len(rows) - j])
        at += len(rows) - j
    return pairs.T


def _outer(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x[:, :, None] * y[:, None, :]).reshape(len(x), -1)


def _assemble(shapes, sums) -> np.ndarray:
    starts = np.concatenate([[0], np.cumsum([o * i for o, i in shapes])])
    matrix = np.empty((starts[-1], starts[-1]))
    for l, (n_l, k_l) in enumerate(shapes):
        _put_same(matrix[starts[l] : starts[l + 1], starts[l] : starts[l + 1]], n_l, k_l, sums[l, l, "same"])
        for m in range(l + 1, len(shapes)):
            n_m, k_m = shapes[m]
            block = sums[l, m, "first"].reshape(n_m, n_l, k_l, k_m).transpose(1, 2, 0, 3).copy()
            second = sums[l, m, "second"]
            if m == l + 1:
                units = np.arange(n_l)
                block[units, :, :, units] += second.reshape(k_l, n_m, n_l).transpose(2, 0, 1)
            else:
                block[..., :-1] += second.reshape(k_l, n_m, k_m - 1, n_l).transpose(3, 0, 1, 2)
            _put_pair(matrix, starts, shapes, l, m, block)
    return matrix


def _symmetric_index(n: int) -> np.ndarray:
    """The place of (i, j) and (j, i) in the list of pairs i ≤ j."""
    index = np.empty((n, n), dtype=np.int64)
    upper = np.triu_indices(n)
    index[upper] = np.arange(len(upper[0]))
    index.T[upper] = index[upper]
    return index


def _put_same(square: np.ndarray, n: int, k: int, sums: np.ndarray) -> None:
    """Write the sums over pairs i ≤ p, j ≤ q to the places of one layer, the weights of unit after unit and its biases.

    One unit at a time: what is gathered stays in the cache.
    """
    ip, jq = _symmetric_index(n), _symmetric_index(k)
    end = n * (k - 1)
    weights = square[:end, :end].reshape(n, k - 1, n, k - 1)
    with_bias = square[:end, end:].reshape(n, k - 1, n)
    for i in range(n):
        block = sums[ip[i, i:]][:, jq]  # of units i and p ≥ i: (p, j, q)
        weights[i, :, i:] = block[:, :-1, :-1].transpose(1, 0, 2)
        weights[i:, :, i] = block[:, :-1, :-1]
        with_bias[i, :, i:] = block[:, :-1, -1].T
        with_bias[i:, :, i] = block[:, :-1, -1]
        square[end + i, end + i :] = square[end + i :, end + i] = block[:, -1, -1]
    square[end:, :end] = square[:end, end:].T


def _put_pair(matrix, starts, shapes, l, m, block) -> None:
    """Write a block indexed (i, j, p, q), biases last in j and q, to its flat places, and its transpose."""
    (n_l, k_l), (n_m, k_m) = shapes[l], shapes[m]
    rows = (slice(starts[l], starts[l] + n_l * (k_l - 1)), slice(starts[l] + n_l * (k_l - 1), starts[l + 1]))
    columns = (slice(starts[m], starts[m] + n_m * (k_m - 1)), slice(starts[m] + n_m * (k_m - 1), starts[m + 1]))
    for row, j in zip(rows, (slice(0, -1), slice(-1, None)), strict=True):
        for column, q in zip(columns, (slice(0, -1), slice(-1, None)), strict=True):
            piece = block[:, j, :, q].reshape(row.stop - row.start, column.stop - column.start)
            matrix[row, column] = piece
            matrix[column, row] = piece.T
