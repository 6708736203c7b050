r"""Averages over a unit Gaussian by the trapezoidal rule, which converges exponentially for analytic functions.

The error of a step h is about exp(-2 pi d / h) for a function analytic within |Im z| < d, and exp(-2 pi^2 / h^2)
for the Gaussian itself (Trefethen and Weideman 2014, SIAM Review 56, 385).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Beyond this the Gaussian weight is below 1e-19 of its maximum.
REACH = 9.3
_LARGEST_STEP = 0.65


def gaussian_nodes(analytic_width: float = math.inf) -> tuple[Array, Array]:
    """Return nodes z and weights w with sum_i w_i f(z_i) = int Dz f(z) to about 1e-17 of max |f|.

    Parameters
    ----------
    analytic_width : float
        Distance of the nearest singularity of f (or of a strip where it grows without bound) from the real axis.
    """
    step = min(_LARGEST_STEP, analytic_width * 2.0 * math.pi / 40.0)
    half = math.ceil(REACH / step)
    z = step * np.arange(-half, half + 1)
    return z, step / math.sqrt(2.0 * math.pi) * np.exp(-0.5 * z * z)


def gaussian_average(function: Callable[[Array], Array], analytic_width: float = math.inf) -> float:
    """Return int Dz f(z) with Dz = exp(-z^2/2) dz / sqrt(2 pi); see :func:`gaussian_nodes`."""
    z, weight = gaussian_nodes(analytic_width)
    return float(weight @ function(z))
