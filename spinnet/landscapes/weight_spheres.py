"""Weights of a network on one sphere per layer: uniform points, and pairs of points at a chosen overlap."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from spinnet.configurable import whole_number
from spinnet.errors import InputError
from spinnet.landscapes.network_layers import BackPropagating


class WeightSpheres:
    """The product of spheres, one per layer, on which a network's weights have the size they are initialised with.

    In units u = √n_in W/σ_w of the weights and u = b/σ_b of the biases (left out, and zero, where σ_b = 0) a layer of
    D such numbers lies on |u|² = D. The overlap of two networks in a layer is u·u′/D; their overlap is the mean over
    all numbers, Σ_l D_l q_l / Σ_l D_l.

    Parameters
    ----------
    network : BackPropagating
        With σ_w > 0.

    Raises
    ------
    InputError
        If σ_w is zero, or a layer has a single weight: two points are no sphere.
    """

    def __init__(self, network: BackPropagating):
        if network.sigma_w <= 0.0:
            raise InputError("sigma_w = 0: weights of size zero are no sphere; give sigma_w above 0")
        n = network.space.n
        scale, layer = np.zeros(n), np.zeros(n, dtype=np.int64)
        for number, ((_, w, b, *_), (_, rows, mark, *_)) in enumerate(
            zip(network.layers(scale), network.layers(layer), strict=True)
        ):
            w[...] = network.sigma_w / math.sqrt(w.shape[1])
            b[...] = network.sigma_b
            rows[...] = mark[...] = number
        self._moving = np.flatnonzero(scale > 0)
        # Scales of a normalisation begin, and stay, at one.
        self._still = network.start(1, np.random.default_rng(0))[0] + 0.0  # no negative zeros
        self._still[self._moving] = 0.0
        self._scale = scale[self._moving]
        sizes = np.bincount(layer[self._moving])
        if sizes.min() < 2:
            raise InputError("a layer with a single weight has no sphere to move on: take a wider network")
        self.sizes: tuple[int, ...] = tuple(int(size) for size in sizes)
        self._edges = np.concatenate([[0], np.cumsum(sizes)])

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.sizes)

    @property
    def dimension(self) -> int:
        """Numbers that move, Σ_l D_l."""
        return int(self._edges[-1])

    def place(self, u: np.ndarray) -> np.ndarray:
        """Weights ``(count, n)`` of the points in directions ``u`` (count, dimension), of any length."""
        u = np.asarray(u, dtype=np.float64)
        x = np.tile(self._still, (len(u), 1))
        x[:, self._moving] = self._normalised(u) * self._scale
        return x

    def directions(self, x: np.ndarray) -> np.ndarray:
        """The numbers u of weights ``x`` (count, n), put on the spheres."""
        return self._normalised(np.asarray(x)[:, self._moving] / self._scale)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Uniform points, ``(count, n)``."""
        return self.place(rng.standard_normal((whole_number("count", count, 1), self.dimension)))

    def partner(
        self, x: np.ndarray, overlap: float, rng: np.random.Generator, layer: int | None = None
    ) -> np.ndarray:
        """For each row of ``x`` a uniform point at exactly this overlap in every layer: u′ = q u + √(1 − q²) v, v ⊥ u.

        With ``layer`` the others stay as they are.
        """
        overlap = float(overlap)
        if not -1.0 <= overlap <= 1.0:
            raise InputError(f"overlap = {overlap:g}: give a number from -1 to 1")
        if layer is not None and not 0 <= layer < self.n_layers:
            raise InputError(f"layer = {layer}: there are layers 0 to {self.n_layers - 1}")
        u = self.directions(x)
        v = rng.standard_normal(u.shape)
        moved = u.copy()
        for number, (first, last) in enumerate(pairwise(self._edges)):
            if layer is not None and number != layer:
                continue
            here, aside = u[:, first:last], v[:, first:last]
            size = last - first
            aside -= (np.einsum("ri,ri->r", here, aside) / size)[:, None] * here
            aside *= np.sqrt(size / np.einsum("ri,ri->r", aside, aside))[:, None]
            moved[:, first:last] = overlap * here + math.sqrt(max(1.0 - overlap**2, 0.0)) * aside
        return self.place(moved)

    def overlaps(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Overlap of each row of ``x`` with each row of ``y``, shape ``(rows of x, rows of y)``."""
        return self.directions(x) @ self.directions(y).T / self.dimension

    def layer_overlaps(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Overlap of row a of ``x`` with row a of ``y`` in each layer, shape ``(rows, layers)``."""
        product = self.directions(x) * self.directions(y)
        return np.add.reduceat(product, self._edges[:-1], axis=1) / np.array(self.sizes)

    def _normalised(self, u: np.ndarray) -> np.ndarray:
        squares = np.add.reduceat(u * u, self._edges[:-1], axis=1)
        return u * np.repeat(np.sqrt(np.array(self.sizes) / squares), self.sizes, axis=1)
