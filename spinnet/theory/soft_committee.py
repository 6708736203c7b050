r"""On-line learning by a soft committee: generalisation error, and the plateau where units have not specialised.

K student units :math:`{\rm erf}(x/\sqrt2)` learn an isotropic teacher of as many (:math:`T_{nm} = \delta_{nm}`). With
overlaps Q (student, student) and R (student, teacher) the generalisation error is a sum of arcsines. On the symmetric
plateau all students are alike: :math:`Q_{ik} = Q`, :math:`R_{in} = R` with :math:`R^* = 1/\sqrt{K(2K-1)}`,
:math:`Q^* = 1/(2K-1)` and :math:`\epsilon^* = (K/\pi)[\pi/6 - K\arcsin(1/2K)]`.

Reference: Saad and Solla, Phys. Rev. E 52, 4225 (1995).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from spinnet.errors import InputError


def generalisation_error(students: NDArray, cross: NDArray, teachers: NDArray) -> float:
    r"""Half the mean squared difference of student and teacher for Gaussian inputs.

    :math:`\epsilon = \frac1\pi\{\sum_{ik}\arcsin\frac{Q_{ik}}{\sqrt{(1+Q_{ii})(1+Q_{kk})}} +
    \sum_{nm}\arcsin\frac{T_{nm}}{\sqrt{(1+T_{nn})(1+T_{mm})}} -
    2\sum_{in}\arcsin\frac{R_{in}}{\sqrt{(1+Q_{ii})(1+T_{nn})}}\}`.

    Parameters
    ----------
    students, cross, teachers : ndarray
        Q (K, K), R (K, M) and T (M, M).
    """
    own, other = 1.0 + np.diagonal(students), 1.0 + np.diagonal(teachers)
    total = np.arcsin(students / np.sqrt(np.outer(own, own))).sum()
    total += np.arcsin(teachers / np.sqrt(np.outer(other, other))).sum()
    total -= 2.0 * np.arcsin(cross / np.sqrt(np.outer(own, other))).sum()
    return float(total / math.pi)


def symmetric_plateau(units: int) -> tuple[float, float, float]:
    """R*, Q* and ε* of the unspecialised plateau for K = ``units``."""
    if units < 1:
        raise InputError(f"units is {units}: a committee has at least one")
    k = units
    return (
        1.0 / math.sqrt(k * (2.0 * k - 1.0)),
        1.0 / (2.0 * k - 1.0),
        k / math.pi * (math.pi / 6.0 - k * math.asin(0.5 / k)),
    )
