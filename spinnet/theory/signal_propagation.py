r"""Signals and error signals through deep random networks of infinite width.

:math:`z^l = W^l \phi(z^{l-1}) + b^l` with :math:`W \sim N(0, \sigma_w^2/n_{l-1})`, :math:`b \sim N(0, \sigma_b^2)`. The
variance of a field obeys :math:`q_{l+1} = \sigma_w^2 \int Dz\,\phi(\sqrt{q_l} z)^2 + \sigma_b^2`, and error signals go
back as :math:`\tilde q_l = \tilde q_{l+1} (n_{l+1}/n_l) \chi(q_l)` with
:math:`\chi(q) = \sigma_w^2 \int Dz\,\phi'(\sqrt q z)^2`; at the fixed point q* this is :math:`\chi_1`: below 1 error
signals vanish with depth, above 1 they explode.

References: Poole et al., arXiv:1606.05340; Schoenholz et al., arXiv:1611.01232.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError, NotConvergedError

#: Trapezoid nodes of the Gaussian average: the integrands are smooth but for ReLU, which has closed forms.
_Z = np.linspace(-11.0, 11.0, 1101)
_WEIGHT = np.exp(-0.5 * _Z**2) / math.sqrt(2.0 * math.pi) * (_Z[1] - _Z[0])
_LARGEST_STEPS = 100_000


def field_square(activation: str, q: ArrayLike) -> NDArray:
    """⟨φ(z)²⟩ for fields of variance q."""
    q = np.asarray(q, dtype=np.float64)
    if activation == "tanh":
        return np.tanh(np.sqrt(q)[..., None] * _Z) ** 2 @ _WEIGHT
    if activation == "erf":
        return 2.0 / math.pi * np.arcsin(2.0 * q / (1.0 + 2.0 * q))
    return q * _share(activation)


def slope_square(activation: str, q: ArrayLike) -> NDArray:
    """⟨φ'(z)²⟩ for fields of variance q."""
    q = np.asarray(q, dtype=np.float64)
    if activation == "tanh":
        return (1.0 - np.tanh(np.sqrt(q)[..., None] * _Z) ** 2) ** 2 @ _WEIGHT
    if activation == "erf":
        return 4.0 / math.pi / np.sqrt(1.0 + 4.0 * q)
    return _share(activation) * np.ones_like(q)


def _share(activation: str) -> float:
    if activation not in ("relu", "linear"):
        raise InputError(f"activation = {activation!r}: signals are known for tanh, erf, relu and linear")
    return 0.5 if activation == "relu" else 1.0


@dataclass(frozen=True)
class Propagation:
    """Fixed point of the variance and the factor of error signals per layer.

    ``depth`` is −1/ln χ₁: positive where error signals vanish, negative where they explode.
    """

    variance: float
    factor: float

    @property
    def depth(self) -> float:
        """Layers over which error signals change by a factor of e, in the square."""
        return math.inf if self.factor == 1.0 else -1.0 / math.log(self.factor)


def fixed_point(activation: str, sigma_w: float, sigma_b: float) -> Propagation:
    """q* and χ₁ of deep layers.

    Raises
    ------
    InputError
        For an unknown activation, or ReLU and linear networks without a finite fixed point.
    NotConvergedError
        If the map does not converge.
    """
    if activation in ("relu", "linear"):
        factor = sigma_w**2 * _share(activation)
        if factor < 1.0:
            return Propagation(sigma_b**2 / (1.0 - factor), factor)
        if factor == 1.0 and sigma_b == 0.0:
            return Propagation(math.nan, 1.0)  # every variance is kept
        raise InputError(f"{activation} with sigma_w = {sigma_w:g}: the variance of the fields grows without bound")
    q = 1.0
    for _ in range(_LARGEST_STEPS):
        following = float(sigma_w**2 * field_square(activation, q) + sigma_b**2)
        if abs(following - q) <= 1e-14 * max(q, 1e-6):
            return Propagation(following, float(sigma_w**2 * slope_square(activation, following)))
        q = following
    raise NotConvergedError(f"the variance of fields does not converge at sigma_w = {sigma_w:g}, sigma_b = {sigma_b:g}")


def error_profile(
    activation: str, widths: ArrayLike, input_square: ArrayLike, sigma_w: float, sigma_b: float
) -> tuple[NDArray, NDArray]:
    r"""Root mean squares of ∂ℓ/∂W^l and of the error signals ∂ℓ/∂z^l, over those of the last layer, at initialisation.

    :math:`\langle(\partial\ell/\partial W^l)^2\rangle = \tilde q_l \langle\phi(z^{l-1})^2\rangle`, layer by layer
    from the inputs (not at the fixed point), averaged over patterns.

    Parameters
    ----------
    widths : array_like (L + 1,)
        Inputs, hidden layers, outputs.
    input_square : array_like (patterns,)
        Mean square of the inputs of each pattern.

    Returns
    -------
    tuple of ndarray
        Two arrays (L,); the last entries are 1.
    """
    widths = np.asarray(widths)
    square = np.atleast_1d(np.asarray(input_square, dtype=np.float64))
    layers = len(widths) - 1
    before, fields = [square], []  # mean squares of what enters each layer; variances of its fields
    for l in range(layers):
        fields.append(sigma_w**2 * before[-1] + sigma_b**2)
        if l < layers - 1:
            before.append(field_square(activation, fields[-1]))
    back = [np.ones_like(square)]
    for l in range(layers - 2, -1, -1):
        factor = sigma_w**2 * slope_square(activation, fields[l]) * widths[l + 2] / widths[l + 1]
        back.insert(0, back[0] * factor)
    weights = np.array([(b * a).mean() for b, a in zip(back, before, strict=True)])
    signals = np.array([b.mean() for b in back])
    return np.sqrt(weights / weights[-1]), np.sqrt(signals / signals[-1])
