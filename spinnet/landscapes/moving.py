"""Arrays that move: a value and its rate of change along a direction, so that one piece of code differentiates itself.

A network written with +, −, *, @, sums and the functions here gives energies and gradients from plain arrays. From a
:class:`Moving` it gives their derivatives along the direction as well: the derivative of the gradient is the
Hessian–vector product (Pearlmutter 1994, Neural Computation 6, 147). Values and rates may have different leading
dimensions: one value with a block of rates is one configuration with many directions, and its own part is done once.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Moving:
    """A value and its rate; arithmetic follows the product rule. Anything else is at rest."""

    __slots__ = ("rate", "value")
    __array_ufunc__ = None  # so that an array on the left leaves the operation to this class

    def __init__(self, value: np.ndarray, rate: np.ndarray):
        self.value, self.rate = value, rate

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the value."""
        return self.value.shape

    def __add__(self, other: Any) -> Moving:
        if isinstance(other, Moving):
            return Moving(self.value + other.value, self.rate + other.rate)
        return Moving(self.value + other, self.rate)

    def __sub__(self, other: Any) -> Moving:
        if isinstance(other, Moving):
            return Moving(self.value - other.value, self.rate - other.rate)
        return Moving(self.value - other, self.rate)

    def __mul__(self, other: Any) -> Moving:
        if isinstance(other, Moving):
            return Moving(self.value * other.value, self.rate * other.value + self.value * other.rate)
        return Moving(self.value * other, self.rate * other)

    def __matmul__(self, other: Any) -> Moving:
        if isinstance(other, Moving):
            return Moving(self.value @ other.value, self.rate @ other.value + self.value @ other.rate)
        return Moving(self.value @ other, self.rate @ other)

    def __rmatmul__(self, other: np.ndarray) -> Moving:
        return Moving(other @ self.value, other @ self.rate)

    __radd__, __rmul__ = __add__, __mul__

    def __getitem__(self, key: Any) -> Moving:
        return Moving(self.value[key], self.rate[key])

    def __setitem__(self, key: Any, other: Moving) -> None:
        self.value[key], self.rate[key] = other.value, other.rate

    def sum(self, axis: int, keepdims: bool = False) -> Moving:
        """As that of an array. The rate has the value's length along the axis in every network."""
        return Moving(self.value.sum(axis=axis, keepdims=keepdims), self.rate.sum(axis=axis, keepdims=keepdims))

    def mean(self, axis: int, keepdims: bool = False) -> Moving:
        """As that of an array."""
        return Moving(self.value.mean(axis=axis, keepdims=keepdims), self.rate.mean(axis=axis, keepdims=keepdims))

    def swapaxes(self, one: int, other: int) -> Moving:
        """As that of an array."""
        return Moving(self.value.swapaxes(one, other), self.rate.swapaxes(one, other))

    def reshape(self, *shape: int) -> Moving:
        """As that of an array; the first length is −1, for value and rate may differ in it."""
        return Moving(self.value.reshape(*shape), self.rate.reshape(*shape))


Array = np.ndarray | Moving


def apply_function(derivatives: tuple[np.ndarray, np.ndarray, np.ndarray], z: Array) -> tuple[Array, Array]:
    """φ(z) and φ'(z), from ``derivatives`` φ, φ' and φ'' at the value of z."""
    value, slope, curvature = derivatives
    if isinstance(z, Moving):
        return Moving(value, slope * z.rate), Moving(slope, curvature * z.rate)
    return value, slope


def inverse_root(z: Array) -> Array:
    """1/√z."""
    if isinstance(z, Moving):
        value = 1.0 / np.sqrt(z.value)
        return Moving(value, (-0.5 * value / z.value) * z.rate)
    return 1.0 / np.sqrt(z)


def value_of(z: Array) -> np.ndarray:
    """The value of a moving array, and an array at rest itself."""
    return z.value if isinstance(z, Moving) else z
