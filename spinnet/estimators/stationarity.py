r"""Yaida's fluctuation–dissipation relation as a test of stationarity.

For v ← m v − η ĝ, x ← x + v with independent batches, every stationary state has

.. math:: \langle x \cdot \nabla L \rangle = \frac{1+m}{2\eta} \langle |v|^2 \rangle,

on any loss at any rate (Yaida, arXiv:1810.00004); without momentum the right side is
:math:`\tfrac{\eta}{2} \langle |\nabla L|^2 + \mathrm{tr}\,C/B \rangle`, in which nothing is sampled, and
:math:`\langle |x|^2 \rangle` grows by :math:`2\eta(\text{right} - \text{left})` a step, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.estimators.resampling import FEWEST_UNITS, jackknife


@dataclass(frozen=True)
class Stationarity:
    """Both sides of the relation in each window, means over units; arrays of shape (window,).

    Attributes
    ----------
    drift_side, noise_side
        Left and right side.
    ratio, ratio_error
        Right over left: 1 in a stationary state, above 1 where |x|² grows.
    difference, difference_error
        Right minus left.
    n_units : int
    """

    drift_side: NDArray
    noise_side: NDArray
    ratio: NDArray
    ratio_error: NDArray
    difference: NDArray
    difference_error: NDArray
    n_units: int

    @property
    def z(self) -> NDArray:
        """The difference in its standard errors."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.difference / self.difference_error


def noise_side(
    learning_rate: float,
    batch: int,
    noise_trace: ArrayLike,
    gradient_square: ArrayLike,
    velocity_square: ArrayLike,
    momentum: float = 0.0,
) -> NDArray:
    """The right side at each time: from the noise trace without momentum, from the steps made with it."""
    if momentum == 0.0:
        return 0.5 * learning_rate * (np.asarray(gradient_square) + np.asarray(noise_trace) / batch)
    return (1.0 + momentum) / (2.0 * learning_rate) * np.asarray(velocity_square)


def stationarity(virial: ArrayLike, noise: ArrayLike, fewest_units: int = FEWEST_UNITS) -> Stationarity:
    """Compare x·∇L with the noise side, both of shape (unit, window, point): means over points, jackknife over units.

    Raises
    ------
    InputError
        For shapes that differ, too few units, or values that are not finite.
    """
    virial, noise = np.asarray(virial, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    if virial.ndim != 3 or virial.shape != noise.shape:
        raise InputError(f"stationarity was given shapes {virial.shape} and {noise.shape}: both (unit, window, point)")

    def both(left: NDArray, right: NDArray) -> NDArray:
        left, right = left.mean(axis=0), right.mean(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([left, right, right / left, right - left])

    found = jackknife(both, virial.mean(axis=2), noise.mean(axis=2), fewest_units=fewest_units)
    (left, right, ratio, apart), (_, _, ratio_error, apart_error) = found.value, found.error
    return Stationarity(left, right, ratio, ratio_error, apart, apart_error, found.n_units)
