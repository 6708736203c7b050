"""The Riemannian Hessian as a dense matrix in an orthonormal basis of the tangent space.

On the sphere the basis is rows 1… of the Householder reflection Q = 1 − 2ww'/|w|² that takes x to a coordinate axis:
Q∇²HQ is a rank-two update of ∇²H, so the change of basis costs O(n²). On flat space the basis is the identity.
"""

from __future__ import annotations

import numpy as np

from spinnet.spaces import Space, Sphere


def _reflection(x: np.ndarray) -> np.ndarray:
    """The vector w of the reflection, with |w|² = 2 after scaling: Q = 1 − ww'."""
    w = x / np.linalg.norm(x)
    w[0] += 1.0 if w[0] >= 0 else -1.0
    return w * np.sqrt(2.0 / (w @ w))


def tangent_hessian(space: Space, x: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> np.ndarray:
    """Riemannian Hessian at ``x`` (n,) from the Euclidean gradient (n,) and Hessian (n, n).

    On the sphere |x|² = n: P∇²HP − (x·∇H/n)P restricted to the tangent space, shape ``(n − 1, n − 1)``. The memory of
    ``hessian`` is reused.
    """
    if not isinstance(space, Sphere):
        return hessian
    w = _reflection(x)
    applied = hessian @ w
    # QHQ = H − w(Hw)' − (Hw)w' + (w'Hw)ww', as one symmetric rank-two update with u = Hw − ½(w'Hw)w.
    u = applied - (0.5 * (w @ applied)) * w
    hessian -= np.outer(w, u)
    hessian -= np.outer(u, w)
    tangent = np.ascontiguousarray(hessian[1:, 1:])
    tangent[np.diag_indices(len(tangent))] -= (x @ gradient) / len(x)
    return tangent


def from_tangent(space: Space, x: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """The vector (n,) at ``x`` that has these coordinates in the basis of :func:`tangent_hessian`."""
    if not isinstance(space, Sphere):
        return coordinates
    w = _reflection(x)
    vector = np.concatenate([[0.0], coordinates])
    return vector - (w @ vector) * w
