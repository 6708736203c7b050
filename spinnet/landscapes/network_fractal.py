"""Fractal blocks: deep networks without skip connections, by a rule of expansion (Larsson et al. 2016, 1605.07648).

f_1 is one layer, and f_{C+1}(a) = [f_C ∘ f_C](a) ⊕ f_1(a), where the join ⊕ takes the mean of all its inputs: those of
the f_C that comes last are not joined before. A block of C columns is 2^{C−1} layers deep, has 2^C − 1 layers and is
crossed by P_C = P_{C−1}² + 1 paths: 1, 2, 5, 26, 677, …
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spinnet.landscapes.network_pieces import Piece


def count_paths(columns: int) -> int:
    """Paths through a block: P_1 = 1, P_{C+1} = P_C² + 1."""
    paths = 1
    for _ in range(columns - 1):
        paths = paths**2 + 1
    return paths


class Fractal(Piece):
    """A block of ``columns`` columns.

    Parameters
    ----------
    columns
        C ≥ 1.
    inputs
        Length of a row of inputs.
    layer
        Makes the piece f_1 for a number of inputs; all have the same width of outputs.
    drop_path
        Probability with which each input of a join is left out, one at least being kept; drawn once, from ``rng``: the
        block is a function. The join is the mean of those that remain.
    """

    def __init__(
        self,
        columns: int,
        inputs: int,
        layer: Callable[[int], Piece],
        drop_path: float,
        rng: np.random.Generator,
    ):
        self._direct = layer(inputs)
        self.width = self._direct.width
        self._first = self._second = None
        if columns > 1:
            self._first = Fractal(columns - 1, inputs, layer, drop_path, rng)
            self._second = Fractal(columns - 1, self.width, layer, drop_path, rng)
        kept = rng.random(columns) >= drop_path
        if not kept.any():
            kept[rng.integers(columns)] = True
        #: Which inputs the join takes: the direct layer's last, those that come by the second half before it.
        self.kept = kept
        self.couples_patterns = self._direct.couples_patterns

    def forward(self, x, a, patterns):
        ends, kept = self._ends(x, a, patterns)
        joined = None
        for end, chosen in zip(ends, self.kept, strict=True):
            if chosen:
                joined = end if joined is None else joined + end
        return joined * (1.0 / self.kept.sum()), kept

    def backward(self, x, kept, d, gradient):
        share = d * (1.0 / self.kept.sum())
        nothing = d * 0.0
        return self._ends_backward(x, kept, [share if chosen else nothing for chosen in self.kept], gradient)

    def exchange(self, search, below):
        first, *others = self._ends_exchange(search, below)
        for other in others:
            first = first.join(other)
        return first

    def start(self, x, sigma_w, sigma_b):
        for piece in self._parts():
            piece.start(x, sigma_w, sigma_b)

    def connections(self):
        for piece in self._parts():
            yield from piece.connections()

    def _parts(self) -> list[Piece]:
        return [piece for piece in (self._direct, self._first, self._second) if piece is not None]

    def _ends(self, x, a, patterns):
        """The inputs of the join, not joined: as many as columns."""
        direct, kept = self._direct.forward(x, a, patterns)
        if self._first is None:
            return [direct], [kept]
        half, kept_first = self._first.forward(x, a, patterns)
        ends, kept_second = self._second._ends(x, half, patterns)
        return [*ends, direct], [kept, kept_first, kept_second]

    def _ends_backward(self, x, kept, slopes, gradient):
        d = self._direct.backward(x, kept[0], slopes[-1], gradient)
        if self._first is None:
            return d
        half = self._second._ends_backward(x, kept[2], slopes[:-1], gradient)
        return d + self._first.backward(x, kept[1], half, gradient)

    def _ends_exchange(self, search, below):
        direct = self._direct.exchange(search, below)
        if self._first is None:
            return [direct]
        half = self._first.exchange(search, below)
        return [*self._second._ends_exchange(search, half), direct]
