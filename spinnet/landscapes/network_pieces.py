"""The pieces of which networks with structure are put together: each has a forward and a backward pass of its own.

Activities have the shape (replicas, patterns, width), and a piece finds its weights w in the flat rows x (replicas, n)
at a place of its own. ``forward`` returns what it gives and what ``backward`` needs; ``backward`` takes ∂E/∂(outputs),
writes its part of the gradient and returns ∂E/∂(inputs). All arithmetic is that of arrays and of
:mod:`spinnet.landscapes.moving`: with moving weights the gradient's rate is the Hessian–vector product.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from spinnet.landscapes.moving import Array, apply_function, inverse_root, value_of
from spinnet.landscapes.network_jacobian import activation_derivatives
from spinnet.landscapes.unit_search import Search, Units

#: Added to a variance before its root is taken, as PyTorch has it.
EPSILON = 1e-5


class Patterns(NamedTuple):
    """Which patterns the activities belong to."""

    #: Numbers of the training patterns in the first rows, (replicas or 1, rows); further rows are other inputs.
    terms: np.ndarray
    #: How many rows, from the first, are the whole training set, over which batch normalisation averages.
    statistics: int
    #: Where connections leave ∂E/∂(their outputs) on the way back, and their inputs, if anyone listens.
    heard: dict[Connection, tuple[Array, Array]] | None = None


class Piece(ABC):
    """A function of activities with weights of its own."""

    #: Length of a row of outputs.
    width: int
    #: Whether the output of a pattern depends on the other patterns.
    couples_patterns: bool = False

    @abstractmethod
    def forward(self, x: Array, a: Array, patterns: Patterns) -> tuple[Array, Any]:
        """Outputs, and what the way back needs."""

    @abstractmethod
    def backward(self, x: Array, kept: Any, d: Array, gradient: Array) -> Array:
        """∂E/∂(inputs) from ∂E/∂(outputs) ``d``; the piece's part of ∂E/∂x is written into ``gradient``."""

    @abstractmethod
    def exchange(self, search: Search, below: Units) -> Units:
        """The units of the outputs, from those of the inputs, to which the piece's coordinates are added."""

    def start(self, x: np.ndarray, sigma_w: float, sigma_b: float) -> None:  # noqa: B027 (a piece without weights)
        """Turn standard normal numbers at the piece's places in the rows ``x`` into weights at initialisation."""

    def connections(self) -> Iterator[Connection]:
        """The connections inside, in the order of their weights."""
        return iter(())


class Places:
    """Hands out the places of weights in the flat row, in the order of asking."""

    def __init__(self) -> None:
        self.taken = 0
        #: Lengths of what was handed out.
        self.sizes: list[int] = []

    def take(self, *shape: int) -> Weights:
        first = self.taken
        self.sizes.append(int(np.prod(shape)))
        self.taken += self.sizes[-1]
        return Weights(slice(first, self.taken), shape)


class Weights(NamedTuple):
    """A part of the flat row, with a shape."""

    part: slice
    shape: tuple[int, ...]

    def of(self, x: Array) -> Array:
        """These weights of each row, ``(rows, *shape)``."""
        return x[:, self.part].reshape(-1, *self.shape)

    def put(self, x: Array, found: Array) -> None:
        """Write ``(rows, *shape)`` into each row."""
        x[:, self.part] = found.reshape(-1, self.part.stop - self.part.start)

    @property
    def places(self) -> np.ndarray:
        """Where they are in the row, an array of their shape."""
        return np.arange(self.part.start, self.part.stop).reshape(self.shape)


class Connection(Piece):
    """A piece with weights W and biases b: the sum over what a unit sees."""

    weights: Weights
    biases: Weights
    normalised_by: Normalisation | None = None

    def connections(self):
        yield self


class Chain(Piece):
    """One piece after another."""

    def __init__(self, pieces: Sequence[Piece]):
        self.pieces = tuple(pieces)
        self.width = pieces[-1].width
        self.couples_patterns = any(piece.couples_patterns for piece in pieces)

    def forward(self, x, a, patterns):
        kept = []
        for piece in self.pieces:
            a, memory = piece.forward(x, a, patterns)
            kept.append(memory)
        return a, kept

    def backward(self, x, kept, d, gradient):
        for piece, memory in zip(reversed(self.pieces), reversed(kept), strict=True):
            d = piece.backward(x, memory, d, gradient)
        return d

    def exchange(self, search, below):
        for piece in self.pieces:
            below = piece.exchange(search, below)
        return below

    def start(self, x, sigma_w, sigma_b):
        for piece in self.pieces:
            piece.start(x, sigma_w, sigma_b)

    def connections(self):
        for piece in self.pieces:
            yield from piece.connections()


class Dense(Connection):
    """z = W a + b; W ~ N(0, σ_w²/n_in), b ~ N(0, σ_b²) at initialisation."""

    def __init__(self, places: Places, inputs: int, width: int):
        self.width = width
        self.weights, self.biases = places.take(width, inputs), places.take(1, width)

    def forward(self, x, a, patterns):
        return a @ self.weights.of(x).swapaxes(-1, -2) + self.biases.of(x), (a, patterns.heard)

    def backward(self, x, kept, d, gradient):
        a, heard = kept
        if heard is not None:
            heard[self] = d, a
        self.weights.put(gradient, d.swapaxes(-1, -2) @ a)
        self.biases.put(gradient, d.sum(axis=-2))
        return d @ self.weights.of(x)

    def exchange(self, search, below):
        below = below.now()
        below.outward.append(below.spread(self.weights.places))
        made_by = self.weights.places, self.biases.places.reshape(-1, 1)
        return search.layer(self, self.width, np.zeros(self.width, dtype=np.int64), made_by, alike=True)

    def start(self, x, sigma_w, sigma_b):
        x[:, self.weights.part] *= sigma_w / np.sqrt(self.weights.shape[1])
        x[:, self.biases.part] *= sigma_b


class Activation(Piece):
    """φ(z) of every field: by name, or a polynomial by its coefficients c_0, c_1, …, φ(z) = Σ_k c_k z^k."""

    def __init__(self, width: int, function: str | Sequence[float]):
        self.width, self._function = width, function

    def forward(self, x, a, patterns):
        return apply_function(_derivatives(self._function, value_of(a)), a)

    def backward(self, x, kept, d, gradient):
        return d * kept

    def exchange(self, search, below):
        below.apply(*_parity(self._function))
        return below


class Normalisation(Piece):
    """γ (a − mean)/√(variance + 1e-5) + β with learnt γ, β of each unit, γ = 1 and β = 0 at initialisation.

    ``over`` the "patterns" (batch normalisation, with the statistics of the whole training set: the energy is a
    function of the weights alone) or the "units" (layer normalisation). Ioffe & Szegedy 2015 (1502.03167); Ba, Kiros &
    Hinton 2016 (1607.06450).
    """

    def __init__(self, places: Places, width: int, over: str):
        self.width = width
        self.couples_patterns = over == "patterns"
        self._axis = -2 if self.couples_patterns else -1
        self._scale, self._shift = places.take(1, width), places.take(1, width)

    @property
    def parameters(self) -> tuple[Weights, Weights]:
        """Scale and shift."""
        return self._scale, self._shift

    def forward(self, x, a, patterns):
        counted = a[..., : patterns.statistics, :] if self.couples_patterns else a
        mean = counted.mean(axis=self._axis, keepdims=True)
        deviation = counted - mean
        inverse = inverse_root((deviation * deviation).mean(axis=self._axis, keepdims=True) + EPSILON)
        z = (a - mean) * inverse
        return z * self._scale.of(x) + self._shift.of(x), (z, inverse)

    def backward(self, x, kept, d, gradient):
        z, inverse = kept
        self._scale.put(gradient, (d * z).sum(axis=-2))
        self._shift.put(gradient, d.sum(axis=-2))
        d = d * self._scale.of(x)
        along = (d * z).mean(axis=self._axis, keepdims=True)
        return (d - d.mean(axis=self._axis, keepdims=True) - z * along) * inverse

    def exchange(self, search, below):
        below.normalise(self._scale.places, self._shift.places, self.couples_patterns, search)
        return below

    def start(self, x, sigma_w, sigma_b):
        x[:, self._scale.part], x[:, self._shift.part] = 1.0, 0.0


class Dropout(Piece):
    """a times a frozen mask of 0 and 1/(1 − rate), one number for each training pattern and unit.

    Inputs that are not in the training set pass as they are, the mean over masks. Srivastava et al. 2014 (J. Mach.
    Learn. Res. 15, 1929).
    """

    def __init__(self, width: int, rate: float, patterns: int, rng: np.random.Generator):
        self.width = width
        self._mask = (rng.random((patterns, width)) >= rate) / (1.0 - rate)

    def forward(self, x, a, patterns):
        mask = self._mask[patterns.terms]
        if others := a.shape[-2] - mask.shape[-2]:
            mask = np.concatenate([mask, np.ones((len(mask), others, self.width))], axis=1)
        return a * mask, mask

    def backward(self, x, kept, d, gradient):
        return d * kept

    def exchange(self, search, below):
        below.mark(self._mask)
        return below


class Residual(Piece):
    """a + f(a): a skip connection around a piece that keeps the width (He et al. 2015, 1512.03385)."""

    def __init__(self, inside: Piece):
        self.width, self._inside = inside.width, inside
        self.couples_patterns = inside.couples_patterns

    def forward(self, x, a, patterns):
        change, kept = self._inside.forward(x, a, patterns)
        return a + change, kept

    def backward(self, x, kept, d, gradient):
        return d + self._inside.backward(x, kept, d, gradient)

    def exchange(self, search, below):
        return below.join(self._inside.exchange(search, below))

    def start(self, x, sigma_w, sigma_b):
        self._inside.start(x, sigma_w, sigma_b)

    def connections(self):
        return self._inside.connections()


def _parity(function: str | Sequence[float]) -> tuple[bool, bool, int]:
    """Whether φ is odd, whether it is even, and the k for which φ(cz) = c^k φ(z) with all c > 0; 0: none."""
    if isinstance(function, str):
        return function in ("tanh", "erf", "linear"), False, int(function in ("relu", "linear"))
    powers = [k for k, coefficient in enumerate(function) if coefficient != 0.0]
    return all(k % 2 for k in powers), not any(k % 2 for k in powers), powers[0] if len(powers) == 1 else 0


def _derivatives(function: str | Sequence[float], z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """φ, φ' and φ'' at z."""
    if isinstance(function, str):
        return activation_derivatives(function, z)
    # Horner's rule, differentiated twice.
    value, slope, curvature = np.zeros_like(z), np.zeros_like(z), np.zeros_like(z)
    for coefficient in reversed(function):
        curvature = curvature * z + 2.0 * slope
        slope = slope * z + value
        value = value * z + coefficient
    return value, slope, curvature

