r"""How far a Hessian is from a diagonal one, and how far it would be in a basis without meaning.

A method that treats coordinates one by one (a diagonal preconditioner, a step size per weight) takes H for diagonal.
Three numbers say how wrong that is: the mass off the diagonal, the interaction ratio along the gradient, and the ratio
of the largest eigenvalue to the largest diagonal element.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def off_diagonal_mass(matrix: NDArray) -> float:
    r""":math:`m_{\rm off} = 1 - \sum_i H_{ii}^2 / \sum_{ij} H_{ij}^2`: 0 for a diagonal matrix; NaN for zero."""
    squares = float(np.einsum("ij,ij->", matrix, matrix))
    diagonal = np.diagonal(matrix)
    return 1.0 - float(diagonal @ diagonal) / squares if squares > 0.0 else np.nan


def rotated_mass(trace: float, squares: float, dimension: int) -> float:
    r"""The mean of :func:`off_diagonal_mass` over all orthogonal bases: the null of axes without meaning.

    For a Haar-distributed basis :math:`\langle\sum_i H_{ii}^2\rangle = [({\rm tr}H)^2 + 2\,{\rm tr}H^2]/(n + 2)`, so
    that :math:`m = 1 - [({\rm tr}H)^2/{\rm tr}H^2 + 2]/(n + 2)`. A shifted GOE matrix is distributed alike in all
    bases and has this mass.

    Parameters
    ----------
    trace, squares : float
        tr H and tr H².
    dimension : int
        n.
    """
    return 1.0 - (trace**2 / squares + 2.0) / (dimension + 2.0) if squares > 0.0 else np.nan


def interaction_ratio(matrix: NDArray, gradient: NDArray) -> float:
    r""":math:`R = g^{T} H g / (g^{T} {\rm diag}(H)\, g)`: 1 where the curvature along g is that of the axes alone."""
    along = float(gradient @ (np.diagonal(matrix) * gradient))
    return float(gradient @ matrix @ gradient) / along if along != 0.0 else np.nan


def diagonal_steps(diagonal: NDArray, gradient: NDArray, damping: float) -> NDArray:
    r""":math:`s_i = -g_i / (|H_{ii}| + \epsilon \max_j |H_{jj}|)`: the Newton step of each coordinate by itself.

    The modulus makes each step go down; ``damping`` = :math:`\epsilon` bounds the steps of flat coordinates.
    """
    curvature = np.abs(diagonal)
    scale = curvature + damping * curvature.max(initial=0.0)
    return np.where(scale > 0.0, -gradient / np.where(scale > 0.0, scale, 1.0), 0.0)
