"""Stochastic Lanczos quadrature: the spectral density of a Hessian from Hessian–vector products alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.landscapes.base import Differentiable
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables

_BASIS_BYTES = 2**28  # of Lanczos vectors held at once
_CONFIDENCE = 0.99


class Quadrature(NamedTuple):
    """Gauss quadratures of v'f(H)v, one per start vector; rows are padded with NaN nodes of weight 0."""

    nodes: np.ndarray  # (vectors, steps): Ritz values, ascending
    weights: np.ndarray  # (vectors, steps): of sum 1
    residuals: np.ndarray  # (vectors, steps): |H y − θ y| of each Ritz pair: an eigenvalue lies this close to θ
    length: np.ndarray  # (vectors,): nodes found; fewer than steps where an invariant subspace closed


def lanczos_quadrature(apply: Callable[[np.ndarray], np.ndarray], starts: np.ndarray, steps: int) -> Quadrature:
    """Lanczos with full reorthogonalisation, done twice, for a block of start vectors at once.

    Parameters
    ----------
    apply
        The symmetric operator, on rows: (vectors, n) → (vectors, n).
    starts
        Start vectors (vectors, n), of any length above zero.
    steps
        Largest number of Lanczos steps.

    Notes
    -----
    Because every new vector is orthogonal to all former ones to rounding, no Ritz value is a copy of a converged
    one (a "ghost"). A start vector sees each eigenspace through one direction only: a degenerate eigenvalue is one
    node with the weight of its whole eigenspace. When the subspace becomes invariant (the new vector is rounding
    noise) the quadrature is exact for this start vector and stops.
    Cost: ``steps`` products, O(steps²·n) time and 8·steps·n bytes per vector.

    References
    ----------
    Golub & Meurant, Matrices, Moments and Quadrature (2010), chapter 6; Parlett, The Symmetric Eigenvalue Problem
    (1998), §13.2 (residuals) and §6.9 ("twice is enough").
    """
    vectors, n = starts.shape
    steps = min(steps, n)
    basis = np.zeros((vectors, steps + 1, n))
    basis[:, 0] = starts / np.linalg.norm(starts, axis=1)[:, None]
    diagonal, off = np.zeros((vectors, steps)), np.zeros((vectors, steps))
    length = np.full(vectors, steps)
    active = np.ones(vectors, dtype=bool)
    scale = np.zeros(vectors)
    for j in range(steps):
        new = np.array(apply(np.ascontiguousarray(basis[:, j])), dtype=np.float64)
        for v in np.flatnonzero(active):
            w, q = new[v], basis[v, : j + 1]
            scale[v] = max(scale[v], np.linalg.norm(w))
            diagonal[v, j] = q[j] @ w
            for _ in range(2):
                w -= (q @ w) @ q
            off[v, j] = np.linalg.norm(w)
            # Not more than rounding is left: the subspace is invariant.
            if off[v, j] <= 10.0 * np.sqrt(n) * np.finfo(np.float64).eps * scale[v]:
                off[v, j], length[v], active[v] = 0.0, j + 1, False
            else:
                basis[v, j + 1] = w / off[v, j]
        if not active.any():
            break
    return _quadrature(diagonal, off, length)


def _quadrature(diagonal: np.ndarray, off: np.ndarray, length: np.ndarray) -> Quadrature:
    from scipy.linalg import eigh_tridiagonal

    nodes, residuals = np.full(diagonal.shape, np.nan), np.full(diagonal.shape, np.nan)
    weights = np.zeros(diagonal.shape)
    for v, m in enumerate(length):
        values, vectors = eigh_tridiagonal(diagonal[v, :m], off[v, : m - 1])
        nodes[v, :m], weights[v, :m] = values, vectors[0] ** 2
        # The product itself is not better than rounding, however small the last component.
        rounding = np.finfo(np.float64).eps * np.abs(values).max()
        residuals[v, :m] = np.hypot(off[v, m - 1] * vectors[-1], rounding)
    return Quadrature(nodes, weights, residuals, length)


def unseen_share(dimension: int, steps: int, vectors: int, confidence: float = _CONFIDENCE) -> float:
    """How far beyond the outermost Ritz value an eigenvalue may lie unseen, as a share of the spectral width.

    Lanczos from a uniform random vector misses the largest eigenvalue by more than a share ε of the width with
    probability at most 1.648·√n·exp(−√ε(2·steps − 1)); all of several independent vectors must miss it.

    References
    ----------
    Kuczyński & Woźniakowski, SIAM J. Matrix Anal. Appl. 13, 1094 (1992), theorem 4.2.
    """
    exponent = np.log(1.648 * np.sqrt(dimension)) - np.log(1.0 - confidence) / vectors
    return float(min(1.0, (exponent / (2.0 * steps - 1.0)) ** 2)) if steps < dimension else 0.0


class LanczosProbe(EndpointProbe):
    """Spectral density, trace, second moment and extreme eigenvalues of the Riemannian Hessian.

    For each replica and each probe vector (uniform in the unit sphere of the tangent space) ``steps`` Lanczos steps
    give nodes θ_k and weights w_k with v'f(H)v ≈ Σ_k w_k f(θ_k), exact for polynomials up to degree 2·steps − 1; the
    spectral density is their mean over probe vectors. Raw nodes and weights are stored, never a smoothed density.
    There is no index: a quadrature cannot count.

    Parameters
    ----------
    steps
        Lanczos steps per probe vector.
    probe_vectors
        Independent vectors per replica, at least 2: error bars come from their scatter.
    tolerance
        An extreme eigenvalue counts as converged when its Ritz residual is at most this share of the largest modulus.

    Notes
    -----
    trace: n·mean Σ w θ, and second moment: n·mean Σ w θ², each unbiased, with the standard error over probe vectors.
    largest, smallest: outermost Ritz values over all probe vectors; an eigenvalue lies within ``…_residual`` of each,
    and with probability 0.99 none lies further out than ``extreme_bound``. ``converged`` is 0 where a residual is
    too large: the value is then only a bound from inside.
    """

    requires = (Differentiable,)
    needs_hvp = True

    def __init__(self, steps: int = 100, probe_vectors: int = 8, tolerance: float = 1e-6):
        given = self.validate(steps=steps, probe_vectors=probe_vectors, tolerance=tolerance)
        self.steps, self.probe_vectors, self.tolerance = given["steps"], given["probe_vectors"], given["tolerance"]

    @classmethod
    def validate(cls, steps, probe_vectors, tolerance):
        return {
            "steps": whole_number("steps", steps, 2),
            "probe_vectors": whole_number("probe_vectors", probe_vectors, 2),
            "tolerance": real_number("tolerance", tolerance, above=0.0),
        }

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        dimension = landscape.space.dimension
        steps, shape = min(self.steps, dimension), (len(x), self.probe_vectors)
        nodes, residuals = np.full((*shape, steps), np.nan), np.full((*shape, steps), np.nan)
        weights = np.zeros((*shape, steps))
        for a in range(len(x)):
            starts = rng.standard_normal((self.probe_vectors, landscape.space.n))
            if np.isfinite(x[a]).all():
                found = self._quadrature(landscape, x[a], starts, steps)
                nodes[a], weights[a], residuals[a] = found.nodes, found.weights, found.residuals
        return self._variables(nodes, weights, residuals, dimension)

    def _quadrature(self, landscape, x, starts, steps) -> Quadrature:
        """Quadratures of one replica, as many probe vectors at once as memory allows."""
        space, n = landscape.space, len(x)
        gradient = landscape.gradient(x[None])
        together = max(1, _BASIS_BYTES // (8 * n * (steps + 1)))
        parts = []
        for first in range(0, len(starts), together):
            part = starts[first : first + together]
            here, slope = np.repeat(x[None], len(part), axis=0), np.repeat(gradient, len(part), axis=0)

            def apply(v, here=here, slope=slope):
                v = np.ascontiguousarray(space.project(here, v))
                return space.riemannian_hvp(here, v, slope, landscape.hvp_block(x, v))

            parts.append(lanczos_quadrature(apply, space.project(here, part), steps))
        return Quadrature(*(np.concatenate(pieces) for pieces in zip(*parts, strict=True)))

    def _variables(self, nodes, weights, residuals, dimension) -> Variables:
        replica, node = ("replica",), ("replica", "probe_vector", "ritz")
        known = np.where(np.isnan(nodes), 0.0, nodes)
        lost = np.isnan(nodes).all(axis=(1, 2))
        found: Variables = {
            "lanczos/node": Variable(nodes, node, "energy", "Ritz values, ascending; NaN where fewer were needed"),
            "lanczos/weight": Variable(weights, node, "1", "quadrature weights; 0 where fewer nodes were needed"),
            "lanczos/residual": Variable(residuals, node, "energy", "residual of each Ritz pair"),
        }
        for name, power in (("trace", 1), ("second_moment", 2)):
            each = dimension * (weights * known**power).sum(axis=2)
            each[lost] = np.nan
            units = "energy" if power == 1 else "energy^2"
            what = "trace of the Hessian" if power == 1 else "trace of the squared Hessian"
            error = each.std(axis=1, ddof=1) / np.sqrt(self.probe_vectors)
            found[f"lanczos/{name}"] = Variable(each.mean(axis=1), replica, units, what)
            found[f"lanczos/{name}_error"] = Variable(error, replica, units, "its standard error over probe vectors")

        extremes = [self._extremes(nodes[a], residuals[a], dimension) for a in range(len(nodes))]
        largest, largest_residual, smallest, smallest_residual, bound, converged = np.array(extremes).T
        found |= {
            "lanczos/largest": Variable(largest, replica, "energy", "largest Ritz value"),
            "lanczos/largest_residual": Variable(largest_residual, replica, "energy", "its residual"),
            "lanczos/smallest": Variable(smallest, replica, "energy", "smallest Ritz value"),
            "lanczos/smallest_residual": Variable(smallest_residual, replica, "energy", "its residual"),
            "lanczos/extreme_bound": Variable(
                bound, replica, "energy", "no eigenvalue lies further beyond the extremes, with probability 0.99 each"
            ),
            "lanczos/converged": Variable(
                converged.astype(np.int8), replica, "1", "1 where both extreme residuals are within the tolerance",
                {"tolerance": self.tolerance},
            ),
        }  # fmt: skip
        return found

    def _extremes(self, nodes, residuals, dimension) -> tuple[float, ...]:
        """Largest and smallest Ritz values of one replica with residuals, the unseen margin, and convergence."""
        if np.isnan(nodes).all():
            return np.nan, np.nan, np.nan, np.nan, np.nan, 0.0
        top, bottom = np.nanargmax(nodes), np.nanargmin(nodes)
        largest, smallest = nodes.flat[top], nodes.flat[bottom]
        above, below = residuals.flat[top], residuals.flat[bottom]
        share = unseen_share(dimension, nodes.shape[1], len(nodes))
        # The bound is a share of the true width, which exceeds the seen one by at most twice the bound.
        margin = share * (largest - smallest) / (1.0 - 2.0 * share) if share < 0.5 else np.inf
        good = max(above, below) <= self.tolerance * max(abs(largest), abs(smallest))
        return largest, above, smallest, below, margin, float(good)
