r"""The noise of minibatches and the stationary law of SGD next to a minimum, in closed form.

The mean loss is L = E/P, η the learning rate, B the batch, m the heavy-ball momentum, C the covariance of the gradients
∇ℓ_μ of single patterns, H the Hessian of L. A step is v ← m v − η ĝ, x ← x + v, with ĝ the mean over the batch.

References: Mandt, Hoffman and Blei, J. Mach. Learn. Res. 18, 134 (2017); Chaudhari and Soatto, arXiv:1710.11029; Yaida,
arXiv:1810.00004; Liu, Ziyin and Ueda, arXiv:2012.03636 (heavy ball).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spinnet.errors import InputError


def batch_noise_factor(batch: int, n_terms: int, replacement: bool = True) -> float:
    """Covariance of the mean gradient of a batch, divided by C: 1/B, or (P − B)/(B(P − 1)) without replacement.

    ``SGD`` here draws with replacement.
    """
    if batch < 1 or n_terms < 1 or (not replacement and batch > n_terms):
        raise InputError(f"batch = {batch} of {n_terms} patterns: give 1 or more, without replacement not above all")
    if replacement:
        return 1.0 / batch
    return 0.0 if n_terms == 1 else (n_terms - batch) / (batch * (n_terms - 1.0))


def noise_temperature(
    learning_rate: float, batch: int, trace: ArrayLike, n_dof: int, n_terms: int, momentum: float = 0.0
) -> NDArray:
    r"""Temperature per extensive energy whose Langevin noise has the trace of that of SGD.

    :math:`T = P\,\eta\,\mathrm{tr}\,C / (2 B W (1 - m))`, so that the weight is exp(−E/T) with E = P L, were the noise
    isotropic and constant. Per mean loss it is T/P.
    """
    return n_terms * learning_rate * np.asarray(trace, dtype=np.float64) / (2.0 * batch * n_dof * (1.0 - momentum))


def mode_variance(
    curvature: ArrayLike, noise: ArrayLike, learning_rate: float, batch: int, momentum: float = 0.0
) -> NDArray:
    r"""Stationary variance along a mode of curvature h with noise c of one pattern, both constant:

    .. math:: \mathrm{Var} = \frac{\eta c (1+m)}{B h (1-m) (2(1+m) - \eta h)}.

    Raises
    ------
    InputError
        For curvatures outside 0 < h < 2(1 + m)/η, where nothing is stationary.
    """
    h, c = np.broadcast_arrays(np.asarray(curvature, dtype=np.float64), np.asarray(noise, dtype=np.float64))
    stiff = 2.0 * (1.0 + momentum) - learning_rate * h
    if (h <= 0).any() or (stiff <= 0).any():
        raise InputError(
            f"curvatures between {h.min():g} and {h.max():g}: a stationary law needs 0 < h < "
            f"{2 * (1 + momentum) / learning_rate:g} at this rate"
        )
    return learning_rate * c * (1.0 + momentum) / (batch * h * (1.0 - momentum) * stiff)


def stationary_covariance(
    hessian: ArrayLike, noise: ArrayLike, learning_rate: float, batch: int, momentum: float = 0.0
) -> NDArray:
    r"""Stationary covariance S of x for a constant H and C; :math:`SH + HS - \eta HSH = (\eta/B) C` without momentum.

    In the eigenbasis of H every element is found by itself from the 2 × 2 process of (x, v).

    Raises
    ------
    InputError
        As :func:`mode_variance`.
    """
    hessian, noise = np.asarray(hessian, dtype=np.float64), np.asarray(noise, dtype=np.float64)
    h, modes = np.linalg.eigh(hessian)
    mode_variance(h, np.ones_like(h), learning_rate, batch, momentum)
    rotated = modes.T @ noise @ modes
    found = np.empty_like(rotated)
    for i in range(len(h)):
        for j in range(i + 1):
            found[i, j] = found[j, i] = rotated[i, j] * _pair(h[i], h[j], learning_rate, batch, momentum)
    return modes @ found @ modes.T


def _pair(a: float, b: float, rate: float, batch: int, m: float) -> float:
    """⟨x_a x_b⟩ per unit of C_ab: the fixed point of (xx, xv, vx, vv) under one step."""
    if m == 0.0:
        return rate / batch / (a + b - rate * a * b)
    one = np.array([[1.0 - rate * a, m], [-rate * a, m]])  # (x, v) of the first mode
    two = np.array([[1.0 - rate * b, m], [-rate * b, m]])
    source = np.full(4, rate**2 / batch)  # x and v receive the same noise
    return float(np.linalg.solve(np.eye(4) - np.kron(one, two), source)[0])


def regression_covariance(
    inputs: ArrayLike, targets: ArrayLike, learning_rate: float, batch: int
) -> tuple[NDArray, NDArray]:
    r"""Mean and exact stationary covariance of SGD without momentum on L = (1/P) Σ ½(a_μ·x − y_μ)².

    The noise depends on where x is: with :math:`u = x - x^*`, residuals :math:`r_\mu` at the optimum and averages over
    patterns,

    .. math::
        S = (1-\eta H) S (1-\eta H) + \frac{\eta^2}{B} \left[ \langle a a^T S a a^T \rangle - HSH
        + \langle r^2 a a^T \rangle \right],

    a linear equation for the n² elements of S (the term of first order in u has no mean).

    Raises
    ------
    InputError
        Where no covariance is stationary at this rate.

    Notes
    -----
    O(n⁶ + P n⁴): for small n.
    """
    a, y = np.asarray(inputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    patterns, n = a.shape
    best = np.linalg.lstsq(a, y, rcond=None)[0]
    residual = y - a @ best
    hessian = a.T @ a / patterns
    outer = np.einsum("pi,pj->pij", a, a).reshape(patterns, n * n)
    fourth = np.einsum("pi,pj,pk,pl->ikjl", a, a, a, a).reshape(n * n, n * n) / patterns  # S_jl → (a aᵀ S a aᵀ)_ik
    drift = np.eye(n) - learning_rate * hessian
    step = np.kron(drift, drift) + learning_rate**2 / batch * (fourth - np.kron(hessian, hessian))
    if np.abs(np.linalg.eigvals(step)).max() >= 1.0:
        raise InputError(f"learning_rate = {learning_rate:g} with batch = {batch}: SGD diverges on this regression")
    source = learning_rate**2 / batch * (residual**2 @ outer) / patterns
    return best, np.linalg.solve(np.eye(n * n) - step, source).reshape(n, n)


def gaussian_regression_variance(
    curvature: ArrayLike, label_variance: float, learning_rate: float, batch: int
) -> NDArray:
    r"""Stationary variances along the modes of linear regression with Gaussian inputs of covariance diag(h), P → ∞.

    :func:`regression_covariance` with :math:`\langle a a^T S a a^T\rangle = 2HSH + \mathrm{tr}(SH) H`: off-diagonal
    elements vanish and the variances obey
    :math:`(2 h_i - \eta h_i^2 (B+1)/B) S_i = (\eta/B) h_i (s^2 + \sum_j h_j S_j)`.

    Raises
    ------
    InputError
        Where SGD diverges.
    """
    h = np.asarray(curvature, dtype=np.float64)
    shape = (learning_rate / batch) / (2.0 - learning_rate * h * (batch + 1.0) / batch)  # S_i per s² + Σ h S
    fed_back = float(h @ shape)
    if (shape <= 0).any() or fed_back >= 1.0:
        raise InputError(f"learning_rate = {learning_rate:g} with batch = {batch}: SGD diverges on this regression")
    return shape * label_variance / (1.0 - fed_back)


def online_regression_error(n: int, batch: int, learning_rate: float, label_variance: float = 1.0) -> float:
    r"""E|u|² of linear regression with inputs N(0, 1) in n dimensions and fresh batches of B:

    .. math:: \frac{\eta s^2 n/B}{2 - \eta (B + n + 1)/B},

    for η < 2B/(B + n + 1).

    Raises
    ------
    InputError
        For a rate above that.
    """
    below = 2.0 - learning_rate * (batch + n + 1.0) / batch
    if below <= 0:
        raise InputError(
            f"learning_rate = {learning_rate:g}: stationary below {2 * batch / (batch + n + 1):g} only"
        )
    return learning_rate * label_variance * n / batch / below
