r"""Grid of the long-time solver: logarithmic in the time and in its distance from both ends of the history.

A row is a time t with s = ln(1 + t/a), a the microscopic time. Along a row the earlier time t' is

.. math:: \xi = [\ln(a + t - t') - \ln(a + t')] / s \in [-1, 1],

-1 on the diagonal and 1 at t' = 0: steps in xi are steps of the logarithm of t - t' near the diagonal, of t' near the
start, and of t'/t between them. In s and in xi the solution is smooth on scales of order one at any age, so that a
grid with O(log t) elements in s and O(log t) panels in xi, each with a fixed polynomial degree, resolves it. At fixed
xi the nodes move with t; characteristics (fixed t') run from the diagonal to larger xi.

Nodes are right Radau points, which together with the left end carry the polynomial: in s this is the Radau IIA
collocation method, stiffly accurate and stable also where the equations become algebraic; in xi it is upwind.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from scipy.special import roots_jacobi


def barycentric_weights(nodes: np.ndarray) -> np.ndarray:
    """Weights of the barycentric formula, up to a common factor."""
    differences = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(differences, 0.5)
    return 1.0 / np.prod(2.0 * differences, axis=1)


def interpolation_matrix(points: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Matrix from values at ``nodes`` to the interpolating polynomial at ``points``, shape (points, nodes)."""
    distance = np.asarray(points)[:, None] - nodes[None, :]
    hit = np.abs(distance) < 1e-14
    weights = barycentric_weights(nodes) / np.where(hit, 1.0, distance)
    weights /= weights.sum(axis=1, keepdims=True)
    exact = hit.any(axis=1)
    weights[exact] = hit[exact]
    return weights


def differentiation_matrix(nodes: np.ndarray) -> np.ndarray:
    """Matrix from values at ``nodes`` to the derivative of the interpolating polynomial there."""
    weights = barycentric_weights(nodes)
    differences = nodes[:, None] - nodes[None, :]
    np.fill_diagonal(differences, 1.0)
    matrix = weights[None, :] / weights[:, None] / differences
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def radau_points(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Right Radau nodes on (-1, 1], the last one being 1, and their quadrature weights (exact to 2 count - 2)."""
    nodes = np.append(roots_jacobi(count - 1, 1, 0)[0], 1.0) if count > 1 else np.ones(1)
    moments = np.zeros(count)
    moments[0] = 2.0
    return nodes, np.linalg.solve(np.polynomial.legendre.legvander(nodes, count - 1).T, moments)


@dataclass(frozen=True)
class PolynomialNodes:
    """Left end and right Radau nodes of a reference interval [-1, 1], with what a polynomial on them needs."""

    degree: int
    nodes: np.ndarray = field(init=False, repr=False)
    quadrature: np.ndarray = field(init=False, repr=False)
    barycentric: np.ndarray = field(init=False, repr=False)
    derivative: np.ndarray = field(init=False, repr=False)
    to_legendre: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        inner, weights = radau_points(self.degree)
        nodes = np.concatenate([[-1.0], inner])
        for name, value in (
            ("nodes", nodes),
            ("quadrature", weights),
            ("barycentric", barycentric_weights(nodes)),
            ("derivative", differentiation_matrix(nodes)),
            ("to_legendre", np.linalg.inv(np.polynomial.legendre.legvander(nodes, self.degree))),
        ):
            object.__setattr__(self, name, np.ascontiguousarray(value))


class HistoryNodes:
    """Nodes along a row: ``panels`` equal panels in xi, each with a polynomial of the given degree.

    Attributes
    ----------
    xi : ndarray, shape (panels * degree + 1,)
        From -1 (diagonal) to 1 (t' = 0).
    weights : ndarray, same shape
        Quadrature weights in xi; zero at the diagonal.
    """

    def __init__(self, polynomial: PolynomialNodes, panels: int):
        self.polynomial = polynomial
        self.panels = panels
        left = 2.0 * np.arange(panels)[:, None] / panels - 1.0
        inner = left + (polynomial.nodes[1:] + 1.0) / panels
        self.xi = np.concatenate([[-1.0], inner.ravel()])
        self.xi[-1] = 1.0
        self.weights = np.concatenate([[0.0], np.tile(polynomial.quadrature, panels) / panels])

    def places(self, s: float, scale: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """t - t', t' and the quadrature weights of an integral over t' in the row of logarithmic time s."""
        ratio = np.exp(s * self.xi)
        lag = scale * np.expm1(s * (1.0 + self.xi)) / (1.0 + ratio)
        earlier = scale * ratio * np.expm1(s * (1.0 - self.xi)) / (1.0 + ratio)
        measure = scale * s * ratio * (1.0 + math.exp(s)) / (1.0 + ratio) ** 2
        return lag, earlier, self.weights * measure

    def transfer(self, points: np.ndarray) -> np.ndarray:
        """Matrix from values at the nodes to values at ``points`` in xi, shape (points, nodes)."""
        degree = self.polynomial.degree
        matrix = np.zeros((points.size, self.xi.size))
        panel = np.clip((0.5 * (points + 1.0) * self.panels).astype(int), 0, self.panels - 1)
        local = (points + 1.0) * self.panels - 2.0 * panel - 1.0
        columns = degree * panel[:, None] + np.arange(degree + 1)
        np.put_along_axis(matrix, columns, interpolation_matrix(local, self.polynomial.nodes), axis=1)
        return matrix


def geometric_quadrature(length: float, scale: float, width: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and weights on [0, length], on panels geometric from both ends (smallest size ``scale``)."""
    if length <= 0:
        return np.zeros(0), np.zeros(0)
    span = math.log1p(length / scale)
    count = max(1, math.ceil(2 * span / width))
    nodes, weights = np.polynomial.legendre.leggauss(points)
    eta = ((2.0 * np.arange(count)[:, None] + 1.0 + nodes) / count - 1.0).ravel()
    ratio = np.exp(span * eta)
    measure = scale * span * ratio * (2.0 + length / scale) / (1.0 + ratio) ** 2
    return scale * np.expm1(span * (1.0 + eta)) / (1.0 + ratio), np.tile(weights, count) / count * measure
