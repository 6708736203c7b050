"""Exact eigenvalue statistics of the Gaussian orthogonal ensemble at finite size.

The joint density is proportional to prod |x_i - x_j| exp(-sum x_i^2/2): off-diagonal variance 1/2, diagonal variance 1,
support about [-sqrt(2n), sqrt(2n)]. phi_k are the orthonormal functions of weight exp(-x^2).

References: Mehta (2004) Random Matrices, 3rd ed., ch. 7; de Bruijn (1955) J. Indian Math. Soc. 19, 133 (Pfaffian);
Dumitriu and Edelman (2002) J. Math. Phys. 43, 5830 (tridiagonal form).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import eigvalsh_tridiagonal
from scipy.special import erfc

from spinnet.errors import InputError

Array = NDArray[np.float64]
LARGEST_ORDER_STATISTICS_SIZE = 60
# bytes of complex Pfaffian matrices held at once
_BLOCK_BYTES = 64 * 2**20
_LARGEST_DENSE = 12


def check_size(n: int) -> int:
    if isinstance(n, bool) or int(n) != n or n < 1:
        raise InputError(f"size is {n!r}; it must be a positive integer")
    return int(n)


def _hermite(x: Array, count: int) -> tuple[Array, Array]:
    """Return phi_k(x) and int_x^inf phi_k for k < count, shapes (count, len(x)). O(count) per point."""
    functions = np.empty((count, x.size))
    tails = np.empty((count, x.size))
    functions[0] = math.pi**-0.25 * np.exp(-0.5 * x * x)
    tails[0] = math.pi**-0.25 * math.sqrt(0.5 * math.pi) * erfc(x / math.sqrt(2.0))
    if count > 1:
        functions[1] = math.sqrt(2.0) * x * functions[0]
        tails[1] = math.sqrt(2.0) * functions[0]
    for k in range(1, count - 1):
        functions[k + 1] = math.sqrt(2.0 / (k + 1)) * x * functions[k] - math.sqrt(k / (k + 1)) * functions[k - 1]
        # from phi_k' = sqrt(k/2) phi_(k-1) - sqrt((k+1)/2) phi_(k+1)
        tails[k + 1] = math.sqrt(2.0 / (k + 1)) * functions[k] + math.sqrt(k / (k + 1)) * tails[k - 1]
    return functions, tails


def _whole_line(count: int) -> Array:
    """Return int phi_k over the line, k < count."""
    total = np.zeros(count)
    total[0] = math.pi**-0.25 * math.sqrt(2.0 * math.pi)
    for k in range(1, count - 1, 2):
        total[k + 1] = math.sqrt(k / (k + 1)) * total[k - 1]
    return total


def one_point_density(x: ArrayLike, n: int) -> Array:
    """Return R_1(x), the density of eigenvalues of an n x n GOE matrix, integral n.

    R_1 = sum_{k<n} phi_k^2 + sqrt(n/2) phi_(n-1)(x) int sgn(x - t) phi_n(t) dt/2, and for odd n
    phi_(n-1)(x)/int phi_(n-1) more. O(n) per point; n below about 700, where exp(-n) is still a number.
    """
    n = check_size(n)
    x = np.asarray(x, dtype=float)
    if n > 700:
        raise InputError(f"size {n} is too large for the exact eigenvalue density; use 700 or less")
    flat = x.ravel()
    functions, tails = _hermite(flat, n + 1)
    whole = _whole_line(n + 1)
    half_sign = 0.5 * whole[n] - tails[n]
    density = np.sum(functions[:n] ** 2, axis=0) + math.sqrt(0.5 * n) * functions[n - 1] * half_sign
    if n % 2:
        density = density + functions[n - 1] / whole[n - 1]
    return density.reshape(x.shape)


def _lower_pairings(x: Array, count: int) -> tuple[Array, Array]:
    """Return L_ij = int int_{s<t<x} [phi_i(s) phi_j(t) - phi_j(s) phi_i(t)] and l_i = int_{-inf}^x phi_i.

    Shapes (len(x), count, count) and (len(x), count). From integration by parts in the recursion of phi.
    """
    functions, tails = _hermite(x, count + 1)
    lower = _whole_line(count + 1)[:, None] - tails
    # Q_ij = int_{-inf}^x phi_i phi_j: phi_i phi_j' - phi_i' phi_j has derivative 2 (i - j) phi_i phi_j
    k = np.arange(count)
    slopes = x * functions[:count] - np.sqrt(2.0 * (k + 1))[:, None] * functions[1:]
    wronskian = functions[:count, None] * slopes[None, :] - slopes[:, None] * functions[None, :count]
    products = np.empty_like(wronskian)
    difference = 2.0 * (k[:, None] - k[None, :])
    off = difference != 0
    products[off] = wronskian[off] / difference[off][:, None]
    diagonal = 0.5 * erfc(-x)
    for i in range(count):
        products[i, i] = diagonal
        diagonal = diagonal - functions[i] * functions[i + 1] / math.sqrt(2.0 * (i + 1))
    pairings = np.zeros((count, count, x.size))

    def fill(i: int) -> None:
        for j in range(count - 1):
            previous = math.sqrt(j / (j + 1)) * pairings[i, j - 1] if j else 0.0
            step = functions[j] * lower[i] - 2.0 * products[i, j]
            pairings[i, j + 1] = previous - math.sqrt(2.0 / (j + 1)) * step

    fill(0)
    for i in range(1, count):
        pairings[i, 0] = -pairings[0, i]
        fill(i)
    return pairings.transpose(2, 0, 1), lower[:count].T


def _pfaffian(matrices: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return the Pfaffians of antisymmetric matrices (batch, n, n), n even, by elimination with pivoting. O(n^3)."""
    a = matrices.copy()
    batch, n, _ = a.shape
    rows = np.arange(batch)
    result = np.ones(batch, dtype=a.dtype)
    for k in range(0, n - 1, 2):
        pivot = k + 1 + np.argmax(np.abs(a[:, k + 1 :, k]), axis=1)
        swap = a[rows, k + 1, :].copy()
        a[rows, k + 1, :] = a[rows, pivot, :]
        a[rows, pivot, :] = swap
        swap = a[rows, :, k + 1].copy()
        a[rows, :, k + 1] = a[rows, :, pivot]
        a[rows, :, pivot] = swap
        corner = a[:, k, k + 1].copy()
        result *= np.where(pivot == k + 1, 1.0, -1.0) * corner
        if k + 2 < n:
            ratio = a[:, k, k + 2 :] / np.where(corner == 0, 1.0, corner)[:, None]
            column = a[:, k + 2 :, k + 1]
            update = ratio[:, :, None] * column[:, None, :]
            a[:, k + 2 :, k + 2 :] += update - update.transpose(0, 2, 1)
    return result


def counts_below(x: ArrayLike, n: int) -> Array:
    """Return P(exactly k of the n eigenvalues are below x) for k = 0..n, shape (len(x), n + 1).

    Exact: the generating function of the count is a Pfaffian of incomplete Gaussian integrals, evaluated at the
    roots of unity. Absolute error about 1e-13. O(n^4) per point.

    Raises
    ------
    InputError
        For n above 60, where sampling is cheaper.
    """
    n = check_size(n)
    if n > LARGEST_ORDER_STATISTICS_SIZE:
        raise InputError(
            f"size {n} is too large for exact order statistics; use {LARGEST_ORDER_STATISTICS_SIZE} or less"
        )
    x = np.atleast_1d(np.asarray(x, dtype=float))
    even = n + n % 2
    per_point = 16 * 2 * (n + 1) * even**2
    block = max(1, _BLOCK_BYTES // per_point)
    return np.concatenate([_counts_block(x[i : i + block], n) for i in range(0, x.size, block)])


def _counts_block(x: Array, n: int) -> Array:
    below, left = _lower_pairings(x, n)
    infinity, _ = _lower_pairings(np.array([60.0]), n)
    whole = _whole_line(n)
    right = whole - left
    mixed = left[:, :, None] * right[:, None, :] - right[:, :, None] * left[:, None, :]
    above = infinity - below - mixed
    # the other roots of unity are complex conjugates of these
    eta = np.exp(2j * math.pi * np.arange((n + 1) // 2 + 1) / (n + 1))[None, :, None, None]
    kernel = above[:, None] + eta * mixed[:, None] + eta**2 * below[:, None]
    at_one = infinity
    if n % 2:
        border = right[:, None] + eta[..., 0] * left[:, None]
        kernel = _bordered(kernel, border)
        at_one = _bordered(infinity.astype(complex), np.broadcast_to(whole, (1, n)).astype(complex))
    size = kernel.shape[-1]
    values = _pfaffian(kernel.reshape(-1, size, size)).reshape(x.size, -1)
    values = values / _pfaffian(at_one.astype(complex))[0]
    return np.clip(np.fft.irfft(values.conj(), n + 1, axis=1), 0.0, 1.0)


def _bordered(matrix: NDArray[np.complex128], border: NDArray[np.complex128]) -> NDArray[np.complex128]:
    n = matrix.shape[-1]
    result = np.zeros((*matrix.shape[:-2], n + 1, n + 1), dtype=complex)
    result[..., :n, :n] = matrix
    result[..., :n, n] = border
    result[..., n, :n] = -border
    return result


def sample_eigenvalues(n: int, samples: int, rng: np.random.Generator) -> Array:
    """Return sorted eigenvalues of independent GOE matrices, shape (samples, n). O(n^2) per sample."""
    n = check_size(n)
    diagonal = rng.normal(size=(samples, n))
    if n == 1:
        return diagonal
    # the tridiagonal form has the same eigenvalues in law: chi-distributed off-diagonal elements
    off = np.sqrt(0.5 * rng.chisquare(np.arange(n - 1, 0, -1), size=(samples, n - 1)))
    if n > _LARGEST_DENSE:
        return np.stack([eigvalsh_tridiagonal(diagonal[i], off[i]) for i in range(samples)])
    # for small sizes one batched call is faster than a call for each sample
    index = np.arange(n)
    matrices = np.zeros((samples, n, n))
    matrices[:, index, index] = diagonal
    matrices[:, index[1:], index[:-1]] = off
    return np.linalg.eigvalsh(matrices)


def mean_order_statistic(n: int, k: int) -> float:
    """Return the exact mean of the k-th smallest eigenvalue (k = 0 is the smallest) of an n x n GOE matrix.

    Multiply by sqrt(2/n) for a matrix with off-diagonal variance 1/n and edge 2. Absolute error about 1e-12.
    """
    n = check_size(n)
    if not 0 <= k < n:
        raise InputError(f"order {k} is outside 0..{n - 1} for {n} eigenvalues")
    reach = math.sqrt(2.0 * n) + 8.0
    # the trapezoidal rule converges exponentially for these analytic functions
    x = np.linspace(-reach, reach, 2 * int(reach * (math.sqrt(2.0 * n) + 12.0) / math.pi) + 1)
    at_most_k = np.sum(counts_below(x, n)[:, : k + 1], axis=1)
    # E x = reach - int P(x_k <= t) dt, and P(x_k > t) = P(at most k below t)
    return float((np.sum(at_most_k) - 0.5 * (at_most_k[0] + at_most_k[-1])) * (x[1] - x[0]) - reach)
