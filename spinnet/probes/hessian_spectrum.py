"""The whole spectrum of the Hessian, by LAPACK."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.spectra import ZERO_TOLERANCE, count_signs, mean_spacing_ratio, zero_threshold
from spinnet.landscapes.base import Differentiable
from spinnet.probes.base import EndpointProbe
from spinnet.probes.lanczos import LanczosProbe
from spinnet.records import Variable, Variables
from spinnet.spaces import Euclidean


class HessianSpectrumProbe(EndpointProbe):
    """All eigenvalues of the Riemannian Hessian of the extensive energy, its index, zero modes and spacing ratio.

    Directions along which a landscape knows its energy to be constant (weights that meet no input) are not given to
    LAPACK: their eigenvalues are exactly zero.

    On the sphere these are the n − 1 eigenvalues of P∇²HP − (x·∇H/n)P in the tangent space; at energy density e a pure
    p-spin glass has a semicircle of centre −pe and radius √(2p(p−1)).

    Above ``dense_limit`` degrees of freedom the matrix is not made: stochastic Lanczos quadrature takes its place (the
    variables of the ``lanczos`` probe, in the group "spectrum"), and there is no index: a quadrature cannot count.

    Parameters
    ----------
    zero_tolerance
        An eigenvalue counts as zero up to this share of the largest modulus. The levels of a network run down
        continuously: ``zero_modes`` may hold more than the exact zeros.
    central
        Share of the non-zero levels, in the middle of the spectrum, whose spacing ratios are averaged.
    dense_limit
        Largest number of degrees of freedom with a dense matrix; 8·n² bytes, O(n³) time.
    threads
        Replicas are shared among this many threads, each with a matrix of its own. BLAS should then run one thread,
        as it does in campaigns.

    Notes
    -----
    Three checks are stored with each spectrum: ``trace_residual`` |Σλ − tr H|/|H|_F, ``moment_residual``
    |Σλ² − |H|²_F|/|H|²_F, and ``operator_residual``, the distance of the matrix from the landscape's own
    Hessian–vector product along one random direction. They are of the order of rounding for float64 landscapes.
    """

    revision = 2
    requires = (Differentiable,)
    needs_hvp = True

    def __init__(
        self, zero_tolerance: float = ZERO_TOLERANCE, central: float = 0.8, dense_limit: int = 5000, threads: int = 1
    ):
        self.threads = whole_number("threads", threads, 1)
        given = self.validate(zero_tolerance=zero_tolerance, central=central, dense_limit=dense_limit)
        self.zero_tolerance, self.central = given["zero_tolerance"], given["central"]
        self.dense_limit = given["dense_limit"]

    @classmethod
    def validate(cls, zero_tolerance, central, dense_limit):
        zero_tolerance = real_number("zero_tolerance", zero_tolerance, 0.0)
        central = real_number("central", central, above=0.0)
        if zero_tolerance >= 1.0:
            raise InputError(f"zero_tolerance = {zero_tolerance:g}: give a share of the largest eigenvalue below 1")
        if central > 1.0:
            raise InputError(f"central = {central:g}: give the share of levels to use, in (0, 1]")
        return {
            "zero_tolerance": zero_tolerance,
            "central": central,
            "dense_limit": whole_number("dense_limit", dense_limit, 1),
        }

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        x = landscape.check(x)
        if landscape.space.n > self.dense_limit:
            quadrature = LanczosProbe().measure(landscape, x, rng)
            return {name.replace("lanczos/", "spectrum/"): variable for name, variable in quadrature.items()}
        dimension = landscape.space.dimension
        eigenvalues = np.full((len(x), dimension), np.nan)
        residuals = np.full((3, len(x)), np.nan)
        counts = np.full((3, len(x)), -1, dtype=np.int64)
        thresholds = np.full(len(x), np.nan)
        ratios = np.full((2, len(x)), np.nan)
        directions = rng.standard_normal((len(x), dimension))

        def measure_replica(a: int) -> None:
            found = _spectrum(landscape, x[a], directions[a])
            if found is None:
                return
            eigenvalues[a], residuals[:, a] = found
            counts[:, a] = count_signs(eigenvalues[a], self.zero_tolerance)
            thresholds[a] = zero_threshold(eigenvalues[a], self.zero_tolerance)
            for row, central in enumerate((self.central, 1.0)):
                ratios[row, a] = mean_spacing_ratio(eigenvalues[a], central, self.zero_tolerance)

        if self.threads == 1:
            for a in range(len(x)):
                measure_replica(a)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(measure_replica, range(len(x))))

        replica, stated = ("replica",), {"zero_tolerance": self.zero_tolerance}
        lost = "; -1 for a configuration that is not finite"
        return {
            "spectrum/eigenvalue": Variable(
                eigenvalues, ("replica", "mode"), "energy", "eigenvalues of the Riemannian Hessian, ascending"
            ),
            "spectrum/index": Variable(counts[0], replica, "1", "number of negative eigenvalues" + lost, stated),
            "spectrum/zero_modes": Variable(
                counts[1], replica, "1",
                f"number of eigenvalues that are zero to {self.zero_tolerance:g} of the largest modulus" + lost, stated,
            ),
            "spectrum/zero_threshold": Variable(
                thresholds, replica, "energy", "modulus up to which an eigenvalue counts as zero", stated
            ),
            "spectrum/spacing_ratio": Variable(
                ratios[0], replica, "1", "mean ratio of neighbouring spacings in the middle of the non-zero spectrum",
                {"central": self.central, **stated},
            ),
            "spectrum/spacing_ratio_whole": Variable(
                ratios[1], replica, "1", "mean ratio of neighbouring spacings of all non-zero levels", stated
            ),
            "spectrum/trace_residual": Variable(
                residuals[0], replica, "1", "|sum of eigenvalues - trace| over the root of the sum of squares"
            ),
            "spectrum/moment_residual": Variable(
                residuals[1], replica, "1", "relative difference of sum of squares and squared Frobenius norm"
            ),
            "spectrum/operator_residual": Variable(
                residuals[2], replica, "1", "|matrix v - Hessian-vector product| over the typical |matrix v|"
            ),
        }  # fmt: skip


def _spectrum(landscape, x, direction) -> tuple[np.ndarray, tuple[float, float, float]] | None:
    """Eigenvalues, and how far they are from the matrix and the matrix from the landscape's own product.

    None where the matrix is not finite.
    """
    if not np.isfinite(x).all():
        return None
    space, subspace = landscape.space, None
    with np.errstate(all="ignore"):
        if isinstance(space, Euclidean):
            matrix, subspace = landscape.active_hessian(x)
            matrix = np.asarray(matrix, dtype=np.float64)
        else:
            # The change of basis works in place, and a landscape may store its matrix.
            matrix = np.array(landscape.hessian(x), dtype=np.float64)
            matrix = space.tangent_hessian(x, landscape.gradient(x[None])[0], matrix)
        squares = float(np.einsum("ij,ij->", matrix, matrix))
    if not np.isfinite(squares) and not np.isfinite(matrix).all():
        return None
    direction = direction / np.linalg.norm(direction)
    if subspace is None:
        applied = space.from_tangent(x, matrix @ direction)
    else:
        applied = subspace.embed(matrix @ subspace.project(direction))
    expected = landscape.riemannian_hvp(x[None], space.from_tangent(x, direction)[None])[0]
    trace = float(np.trace(matrix))
    try:
        values = np.linalg.eigvalsh(matrix)
    except np.linalg.LinAlgError as error:
        raise NotConvergedError(f"LAPACK did not diagonalise a Hessian of {len(matrix)} dimensions: {error}") from None
    flat = np.zeros(len(direction) - len(values))
    whole = values if not len(flat) else np.sort(np.concatenate([values, flat]))
    if squares == 0.0:
        return whole, (0.0, 0.0, 0.0)
    size = np.sqrt(squares)
    return whole, (
        abs(float(values.sum()) - trace) / size,
        abs(float(values @ values) - squares) / squares,
        float(np.linalg.norm(applied - expected)) / (size / np.sqrt(len(direction))),
    )
