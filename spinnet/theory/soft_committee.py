r"""The soft committee machine: a network whose hidden units must specialise, and stay alike for long, exactly.

Student and teacher are :math:`\sum_i g(J_i \cdot \xi)` and :math:`\sum_n g(B_n \cdot \xi)` with K units each,
:math:`g(x) = \mathrm{erf}(x/\sqrt 2)`, orthonormal B and Gaussian inputs of unit variance. The error
:math:`\epsilon = \tfrac12\langle(\text{student} - \text{teacher})^2\rangle` depends on :math:`Q_{ik} = J_i\cdot J_k`
and :math:`R_{in} = J_i\cdot B_n` alone.

Reference: Saad and Solla, Phys. Rev. E 52, 4225 (1995).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError


@dataclass(frozen=True)
class Plateau:
    """The symmetric stationary point, a saddle: every student unit overlaps equally with every teacher unit.

    ``overlap`` R*, ``norm`` Q* (all elements of Q are equal), ``error`` ε*.
    """

    overlap: float
    norm: float
    error: float


def symmetric_plateau(units: int) -> Plateau:
    r"""R* = 1/√(K(2K−1)), Q* = 1/(2K−1), ε* = (K/π)(π/6 − K asin(1/(2K))), K ≥ 2.

    Raises
    ------
    InputError
        For fewer than two units.
    """
    if units < 2:
        raise InputError(f"units = {units}: one unit has nothing to specialise, give 2 or more")
    k = float(units)
    return Plateau(
        1.0 / math.sqrt(k * (2 * k - 1)), 1.0 / (2 * k - 1), k / math.pi * (math.pi / 6 - k * math.asin(0.5 / k))
    )


def committee_error(overlap: ArrayLike, square: ArrayLike) -> float:
    """ε of R (K, K), student by teacher, and Q (K, K)."""
    r, q = np.asarray(overlap, dtype=np.float64), np.asarray(square, dtype=np.float64)
    size = 1.0 + np.diag(q)
    own = np.arcsin(q / np.sqrt(np.outer(size, size))).sum()
    teacher = len(r) * math.asin(0.5)
    mixed = np.arcsin(r / np.sqrt(2.0 * size)[:, None]).sum()
    return float((own + teacher - 2.0 * mixed) / math.pi)


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
    return CommitteeFlow(found.t, np.array([committee_error(*one) for one in path]), path[:, 0], path[:, 1])


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
