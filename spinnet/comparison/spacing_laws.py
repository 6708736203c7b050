r"""Laws of the spacing ratio r = min(s, s')/max(s, s') of neighbouring gaps s, s', on [0, 1].

The means are those of ``spinnet.estimators.spectra``.

Reference: Atas, Bogomolny, Giraud and Roux, Phys. Rev. Lett. 110, 084101 (2013), Eqs. 7 and 9-12, Table I.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CORRECTION = 0.233378  # Table I: amplitude of the large-n correction to the 3 x 3 surmise


def goe_density(ratio: ArrayLike) -> NDArray:
    r"""Density of r in the GOE: twice the surmise :math:`(27/8)(r + r^2)/(1 + r + r^2)^{5/2}` and its correction.

    The correction :math:`2C (1+r)^{-2} [(r + 1/r)^{-1} - 2\frac{\pi-2}{4-\pi} (r + 1/r)^{-2}]`, C = 0.233378, takes
    the 3 x 3 formula to large matrices within 5e-4.
    """
    r = np.asarray(ratio, dtype=np.float64)
    surmise = 27 / 8 * (r + r**2) / (1 + r + r**2) ** 2.5
    inverse = r / (1 + r**2)
    correction = _CORRECTION / (1 + r) ** 2 * (inverse - 2 * (np.pi - 2) / (4 - np.pi) * inverse**2)
    return 2 * (surmise + correction)


def poisson_density(ratio: ArrayLike) -> NDArray:
    r"""Density of r for independent levels, :math:`2/(1 + r)^2`."""
    return 2 / (1 + np.asarray(ratio, dtype=np.float64)) ** 2
