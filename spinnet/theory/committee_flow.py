r"""Gradient flow of the soft committee machine: hidden units stay alike on the symmetric plateau, then specialise.

Student and teacher are :math:`\sum_i g(J_i \cdot \xi)` and :math:`\sum_n g(B_n \cdot \xi)` with K units each,
:math:`g(x) = \mathrm{erf}(x/\sqrt 2)`, orthonormal B and Gaussian inputs of unit variance; the error and its
plateau are those of :mod:`spinnet.theory.soft_committee`.

Reference: Saad and Solla, Phys. Rev. E 52, 4225 (1995).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError
from spinnet.theory.soft_committee import generalisation_error


@dataclass(frozen=True)
class CommitteeFlow:
    """Gradient flow of ε on the student's vectors: (times,) arrays, with the order parameters at each time."""

    time: NDArray
    error: NDArray
    overlap: NDArray  # (times, K, K)
    square: NDArray  # (times, K, K)


def gradient_flow(overlap: ArrayLike, square: ArrayLike, times: ArrayLike) -> CommitteeFlow:
    """dJ_i/dt = −∂ε/∂J_i from given R and Q, exactly for infinitely many inputs, in terms of R and Q.

    Raises
    ------
    InputError
        For matrices of different shapes or times that do not increase from 0.
    """
    from scipy.integrate import solve_ivp

    r, q = np.asarray(overlap, dtype=np.float64), np.asarray(square, dtype=np.float64)
    times = np.asarray(times, dtype=np.float64)
    k = len(r)
    if r.shape != (k, k) or q.shape != (k, k) or times[0] != 0 or (np.diff(times) <= 0).any():
        raise InputError(f"gradient_flow: R {r.shape}, Q {q.shape}: give two (K, K) and increasing times from 0")

    def slope(_: float, y: NDArray) -> NDArray:
        r, q = y.reshape(2, k, k)
        by_q, by_r = _derivatives(r, q)
        # J̇ = −(2 by_Q J + by_R B) with by_Q of independent elements Q_ik = Q_ki counted half each.
        moved_r = -(2.0 * by_q @ r + by_r)
        half = -(2.0 * by_q @ q + by_r @ r.T)  # J̇ Jᵀ
        return np.stack([moved_r, half + half.T]).ravel()

    found = solve_ivp(slope, (0.0, times[-1]), np.stack([r, q]).ravel(), t_eval=times, method="LSODA",
                      rtol=1e-9, atol=1e-12)
    path = found.y.T.reshape(-1, 2, k, k)
    errors = np.array([generalisation_error(square, overlap, np.eye(k)) for overlap, square in path])
    return CommitteeFlow(found.t, errors, path[:, 0], path[:, 1])


def _derivatives(r: NDArray, q: NDArray) -> tuple[NDArray, NDArray]:
    """∂ε/∂Q (symmetric, every element by itself) and ∂ε/∂R."""
    size = 1.0 + np.diag(q)
    both = np.outer(size, size)
    root = 1.0 / np.sqrt(both - q**2)
    mixed = 1.0 / np.sqrt(2.0 * size[:, None] - r**2)
    by_q = root.copy()
    # Through the norms 1 + Q_ii in the denominators.
    inner = -(q * root).sum(axis=1) / size + (r * mixed).sum(axis=1) / size
    by_q[np.diag_indices_from(by_q)] += inner
    return by_q / math.pi, -2.0 * mixed / math.pi
