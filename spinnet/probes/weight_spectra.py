"""Singular values of the weight matrices of a network, layer by layer, along training."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.network_layers import Layered
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables


class WeightSpectraProbe(TrajectoryProbe):
    """Singular values of W^l at every measuring time, and of the same matrix with its elements shuffled.

    Biases are left out. The shuffled matrix has the same elements in an order without meaning (one fixed permutation
    for each shape): the null of whatever is read from the spectrum. Layers are numbered from 1; attributes state their
    names and shapes. Local windows stand below one another: a row is what comes into one unit.

    Notes
    -----
    Two singular value decompositions of each layer and replica: O(rows·columns·min(rows, columns)) each.
    """

    requires = (Layered,)
    revision = 2

    def measure(self, landscape: Layered, x: np.ndarray) -> Variables:
        x = landscape.check(x)
        found: Variables = {}
        for number, layer in enumerate(landscape.layers(x), start=1):
            weights = layer.weights
            _, rows, columns = weights.shape
            order = np.random.default_rng([number, rows, columns]).permutation(rows * columns)
            kinds = {"singular_value": [], "shuffled_value": []}
            for matrix in weights:
                flat = np.ascontiguousarray(matrix).ravel()
                kinds["singular_value"].append(_singular_values(matrix))
                kinds["shuffled_value"].append(_singular_values(flat[order].reshape(rows, columns)))
            stated = {"layer": number, "name": layer.name, "rows": rows, "columns": columns}
            dims = ("replica", f"layer{number}_mode")
            for name, values in kinds.items():
                words = "singular values" + (" after a permutation of the elements" if name == "shuffled_value" else "")
                found[f"layer{number}_{name}"] = Variable(
                    np.array(values), dims, "1", f"{words} of the weights of layer {number}, descending", stated
                )
        return found


def _singular_values(matrix: np.ndarray) -> np.ndarray:
    if not np.isfinite(matrix).all():
        return np.full(min(matrix.shape), np.nan)
    return np.linalg.svd(matrix, compute_uv=False)
