"""Locally connected layers: a unit sees a window of the layer below, with weights of its own or shared by all windows.

Without sharing it is the network whose graph is that of a compositional function, with sharing a convolution (Poggio et
al. 2017, 1611.00740: it is the locality that escapes the curse of dimensionality).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.network_pieces import Connection, Places


class Grid(NamedTuple):
    """How a row of activities lies in space: positions, the last index fastest, and channels at each position."""

    shape: tuple[int, ...]
    channels: int

    @property
    def width(self) -> int:
        """Length of a row."""
        return int(np.prod(self.shape)) * self.channels


def windows_fit(shape: Sequence[int], window: int) -> None:
    """Refuse a window that is wider than the grid."""
    if window > min(shape):
        raise InputError(
            f"window = {window}: wider than a grid of {' x '.join(map(str, shape))} positions; give a smaller window "
            "or stride, or fewer hidden layers"
        )


def windows_of(shape: Sequence[int], window: int, stride: int) -> tuple[tuple[int, ...], np.ndarray]:
    """Where windows lie: their grid, and the positions in each, ``(windows, positions in a window)``.

    Raises
    ------
    InputError
        If the window is wider than the grid.
    """
    windows_fit(shape, window)
    numbers = np.arange(int(np.prod(shape))).reshape(shape)
    corners = [range(0, length - window + 1, stride) for length in shape]
    found = [numbers[tuple(slice(at, at + window) for at in corner)].ravel() for corner in product(*corners)]
    return tuple(len(places) for places in corners), np.array(found)


class Local(Connection):
    """z_{s,o} = Σ W_{s,o,·} a(window s) + b_{s,o} for each window s; with ``shared`` W and b are the same for all s.

    ``grid`` is that of the inputs and becomes that of the outputs. W ~ N(0, σ_w²/(window positions × channels)).
    """

    def __init__(self, places: Places, grid: Grid, channels: int, window: int, stride: int, shared: bool):
        shape, self._seen = windows_of(grid.shape, window, stride)
        self._inputs, self.grid = grid, Grid(shape, channels)
        self.width = self.grid.width
        self._shared, sets = shared, 1 if shared else len(self._seen)
        self.weights = places.take(sets, channels, self._seen.shape[1] * grid.channels)
        self.biases = places.take(sets, 1, channels)
        # 1 where a position of the inputs (row) is the one that a window sees (column): the way back sums by it.
        positions = np.arange(int(np.prod(grid.shape)))
        self._windows_at = (positions[:, None] == self._seen.ravel()).astype(np.float64)

    def forward(self, x, a, patterns):
        count = a.shape[-2]
        placed = a.reshape(-1, count, int(np.prod(self._inputs.shape)), self._inputs.channels)
        # (replicas, windows, patterns, what a window sees)
        seen = placed[:, :, self._seen].reshape(-1, count, len(self._seen), self.weights.shape[2]).swapaxes(1, 2)
        z = seen @ self.weights.of(x).swapaxes(-1, -2) + self.biases.of(x)
        return z.swapaxes(1, 2).reshape(-1, count, self.width), (seen, a, patterns.heard)

    def backward(self, x, kept, d, gradient):
        seen, a, heard = kept
        if heard is not None:
            heard[self] = d, a
        count, windows = d.shape[-2], len(self._seen)
        d = d.reshape(-1, count, windows, self.grid.channels).swapaxes(1, 2)
        by_weights, by_biases = d.swapaxes(-1, -2) @ seen, d.sum(axis=-2)
        if self.weights.shape[0] == 1:
            by_weights, by_biases = by_weights.sum(axis=1), by_biases.sum(axis=1)
        self.weights.put(gradient, by_weights)
        self.biases.put(gradient, by_biases)
        back = (d @ self.weights.of(x)).swapaxes(1, 2)
        back = back.reshape(-1, count, windows * self._seen.shape[1], self._inputs.channels)
        return (self._windows_at @ back).reshape(-1, count, self._inputs.width)

    def exchange(self, search, below):
        below = below.now()
        sets, channels, width = self.weights.shape
        # (sets, channels, positions in a window, channels below)
        places = self.weights.places.reshape(sets, channels, -1, self._inputs.channels)
        if not below.fixed:
            below.outward.append(
                np.moveaxis(places, -1, 0).reshape(below.units, -1) if self._shared else self._seen_from(places)
            )
        labels = np.zeros(channels, dtype=np.int64) if self._shared else np.repeat(np.arange(sets), channels)
        made_by = self.weights.places.reshape(-1, width), self.biases.places.reshape(-1, 1)
        return search.layer(self, self.width, labels, made_by, alike=False)

    def _seen_from(self, places: np.ndarray) -> np.ndarray:
        """The weights by which each unit below is seen, by all windows; −1 where fewer windows see it than another."""
        rows = []
        for position in range(int(np.prod(self._inputs.shape))):
            windows, within = np.nonzero(self._seen == position)
            rows += list(places[windows, :, within].reshape(-1, self._inputs.channels).T)
        most = max(len(row) for row in rows)
        return np.array([np.pad(row, (0, most - len(row)), constant_values=-1) for row in rows])

    def start(self, x, sigma_w, sigma_b):
        x[:, self.weights.part] *= sigma_w / np.sqrt(self.weights.shape[2])
        x[:, self.biases.part] *= sigma_b
