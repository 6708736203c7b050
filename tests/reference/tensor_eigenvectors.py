"""All stationary points of a pure 3-spin glass by following the roots of its polynomial equations from known ones.

Stationary points on the sphere are real eigenvectors of the symmetric tensor T = ∂³H, T x x/2 = λ x. A generic one has
2^n − 1 complex eigenvectors up to scale (Cartwright & Sturmfels, Linear Algebra Appl. 438, 942 (2013)), as many as the
diagonal tensor, whose eigenvectors are the vectors of zeros and ones. Each root of the diagonal tensor is followed
along the line from it to T in the complex plane; the list is complete when the ends are all different.
"""

from __future__ import annotations

import itertools

import numpy as np


def tensor_of(glass):
    """T_ijk = ∂³H/∂σ_i∂σ_j∂σ_k of a pure 3-spin glass: the Hessians at the unit vectors."""
    return np.array([glass.hessian(unit) for unit in np.eye(glass.n)])


def eigenvector_pairs(tensor, rng, steps=250):
    """Real eigenvectors, one of each pair ±x, |x|² = n, shape (pairs, n); with more steps until no root is lost."""
    for finer in (1, 2, 4, 8, 16):
        found = _follow(tensor, rng, finer * steps)
        if found is not None:
            return found
    raise ArithmeticError("roots were lost on the way")


def _follow(tensor, rng, steps):
    n = len(tensor)
    roots = np.array([bits for bits in itertools.product((0, 1), repeat=n) if any(bits)], dtype=complex)
    start = np.zeros((n, n, n), dtype=complex)
    start[np.arange(n), np.arange(n), np.arange(n)] = 2.0 * np.exp(1j * rng.uniform(0, 2 * np.pi))
    patch = rng.standard_normal(n) + 1j * rng.standard_normal(n)
    x = roots / (roots @ patch)[:, None]
    value = 0.5 * np.diagonal(start[0])[0] / (roots @ patch)
    tensor = tensor / np.sqrt((tensor**2).mean()) / n

    def newton(t, x, value, times):
        at = (1 - t) * start + t * tensor
        for _ in range(times):
            applied = np.einsum("ijk,rk->rij", at, x)
            matrix = np.zeros((len(x), n + 1, n + 1), dtype=complex)
            matrix[:, :n, :n] = applied - value[:, None, None] * np.eye(n)
            matrix[:, :n, n] = -x
            matrix[:, n, :n] = patch
            wrong = np.concatenate([0.5 * np.einsum("rij,rj->ri", applied, x) - value[:, None] * x,
                                    (x @ patch - 1.0)[:, None]], axis=1)  # fmt: skip
            move = np.linalg.solve(matrix, -wrong[:, :, None])[:, :, 0]
            x, value = x + move[:, :n], value + move[:, n]
        return x, value, np.abs(wrong).max(axis=1)

    for k in range(1, steps + 1):
        x, value, _ = newton(k / steps, x, value, 2)
    x, value, wrong = newton(1.0, x, value, 4)
    if not (wrong < 1e-9).all():
        return None
    # Up to scale: x and −x, and in the complex plane any multiple of x, are one root.
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    alike = np.abs(unit @ unit.conj().T) - np.eye(len(x))
    if alike.max() > 1 - 1e-9:
        return None
    turned = unit * np.exp(-1j * np.angle(unit[np.arange(len(x)), np.abs(unit).argmax(axis=1)]))[:, None]
    real = np.abs(turned.imag).max(axis=1) < 1e-7
    return turned.real[real] * np.sqrt(n)
