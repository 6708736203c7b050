"""All stationary points of one landscape: many starts, one copy of each point, and checks that none is missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import whole_number
from spinnet.dynamics.saddle_search import ARRIVED, MOVING, SaddleSearch, SaddleState, riemannian_hessians
from spinnet.landscapes.base import Differentiable, require
from spinnet.spaces import Sphere

#: Two points closer than this share of √n are one: far above what quadratic convergence leaves of the distance.
MERGE_DISTANCE = 1e-5


@dataclass(frozen=True)
class CriticalPoints:
    """Distinct stationary points of one landscape, by increasing energy.

    Attributes
    ----------
    x : ndarray (points, n)
    energy : ndarray (points,)
        Extensive.
    index : ndarray (points,) of int
        Number of negative eigenvalues of the Riemannian Hessian.
    eigenvalues : ndarray (points, dimension)
        Ascending.
    gradient_norm : ndarray (points,)
        Of the tangent gradient, over √n_units.
    hits : ndarray (points,) of int
        Starts that ended there.
    starts, stuck, unfinished : int
        Starts in all, those that ended where g ≠ 0 cannot be shortened, and those that ran out of steps.
    euler_characteristic : int
        Σ (−1)^index over the points; on the sphere it must be 1 + (−1)^{n−1} (Morse).
    complete : bool
        The last doubling of the starts added nothing, and the sum rules hold (:func:`topology_is_right`). On flat
        space, where there is none, only the first.
    """

    x: np.ndarray
    energy: np.ndarray
    index: np.ndarray
    eigenvalues: np.ndarray
    gradient_norm: np.ndarray
    hits: np.ndarray
    starts: int
    stuck: int
    unfinished: int
    complete: bool

    @property
    def euler_characteristic(self) -> int:
        return int(np.where(self.index % 2 == 0, 1, -1).sum())

    def counts(self) -> np.ndarray:
        """Number of points of each index, shape ``(dimension + 1,)``."""
        return np.bincount(self.index, minlength=self.eigenvalues.shape[1] + 1)


def find_critical_points(
    landscape: Differentiable,
    rng: np.random.Generator,
    starts: int = 64,
    most_starts: int = 16384,
    search: SaddleSearch | None = None,
    most_steps: int = 100,
) -> CriticalPoints:
    """Search from uniform starts, doubling their number until a doubling adds no point and the sum rules hold.

    The antipode of each point found is tried as well (it is stationary when the covariance is even or odd); x and −x
    are two points of the sphere, and are counted as two.

    Parameters
    ----------
    landscape
        With stored couplings in double precision, see :class:`SaddleSearch`.
    rng
        Draws the starts.
    starts, most_starts
        First number of starts, and where to give up (``complete`` is then False).
    search, most_steps
        The iteration, and how many steps each start may take.

    Notes
    -----
    Only landscapes small enough for the number of points to be below ``most_starts`` can be exhausted:
    :func:`spinnet.theory.critical_points.expected_critical_points` gives the mean number for a spherical glass.
    Averages over samples are biased if incomplete ones are left out: raise ``most_starts`` until there are none.
    """
    search = SaddleSearch() if search is None else search
    starts = whole_number("starts", starts, 1)
    most_starts = whole_number("most_starts", most_starts, starts)
    require("find_critical_points", landscape, search.requires)
    n = landscape.space.n
    points, hits = np.empty((0, n)), np.empty(0, dtype=np.int64)
    used = stuck = unfinished = 0
    complete = False
    while not complete and used < most_starts:
        number = min(max(starts, used), most_starts - used)
        before, doubled = len(points), number >= used > 0
        state = search_ends(search, landscape, landscape.space.sample(number, rng), most_steps)
        used += number
        stuck += int(np.sum((state.status != ARRIVED) & (state.status != MOVING)))
        unfinished += int(np.sum(state.status == MOVING))
        points, hits = merge_points(points, hits, state.x[state.status == ARRIVED])
        if len(points) > before:
            mirrored = search_ends(search, landscape, -points[before:], most_steps)
            again, _ = merge_points(points, hits, mirrored.x[mirrored.status == ARRIVED])
            hits = np.concatenate([hits, np.zeros(len(again) - len(points), dtype=np.int64)])
            points = again
        if doubled and len(points) == before:
            index = diagonalise_points(landscape, points)[1]
            complete = topology_is_right(landscape, index)
    values, index, norm = diagonalise_points(landscape, points)
    energy = landscape.energy(points) if len(points) else np.empty(0)
    order = np.argsort(energy, kind="stable")
    return CriticalPoints(
        points[order], energy[order], index[order], values[order], norm[order], hits[order], used, stuck, unfinished,
        complete,
    )  # fmt: skip


def merge_points(known: np.ndarray, hits: np.ndarray, new: np.ndarray, distance: float = MERGE_DISTANCE):
    """Add to ``known`` (points, n) those of ``new`` that are further than ``distance``·√n from all others.

    Returns
    -------
    ndarray (points, n), ndarray (points,)
        The distinct points, known ones first and unchanged, and how often each was found.
    """
    square = distance**2 * known.shape[1]
    hits = hits.copy()
    for k in range(len(known)):
        near = _squared_distance(new, known[k]) <= square
        hits[k] += near.sum()
        new = new[~near]
    points, counts = list(known), list(hits)
    while len(new):
        near = _squared_distance(new, new[0]) <= square
        points.append(new[0])
        counts.append(int(near.sum()))
        new = new[~near]
    return np.array(points).reshape(len(points), known.shape[1]), np.array(counts, dtype=np.int64)


def _squared_distance(rows: np.ndarray, point: np.ndarray) -> np.ndarray:
    return ((rows - point) ** 2).sum(axis=1)


def search_ends(search: SaddleSearch, landscape: Differentiable, x: np.ndarray, most_steps: int) -> SaddleState:
    """The state of the search from the rows of ``x`` when all have ended, or after ``most_steps``."""
    state = search.init(landscape, x, np.zeros(len(x), dtype=np.uint64))
    for _ in range(most_steps):
        if not (state.status == MOVING).any():
            break
        state = search.advance(landscape, state, 1)
    return state


def diagonalise_points(landscape: Differentiable, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Eigenvalues in the tangent space (points, dimension), index and gradient norm of each point."""
    space, dimension = landscape.space, landscape.space.dimension
    if not len(x):
        return np.empty((0, dimension)), np.empty(0, dtype=np.int64), np.empty(0)
    gradient = landscape.gradient(x)
    matrices = riemannian_hessians(landscape, x, gradient)
    if dimension < space.n:
        # Far above the spectrum, the directions that are not tangent are the last ones of the list.
        normal = np.eye(space.n) - np.array(
            [space.project(np.repeat(row[None], space.n, axis=0), np.eye(space.n)) for row in x]
        )
        far = 4.0 * np.linalg.norm(matrices, axis=(1, 2)) + 1.0
        matrices = matrices + far[:, None, None] * normal
    values = np.linalg.eigvalsh(matrices)[:, :dimension]
    norm = np.linalg.norm(space.riemannian_gradient(x, gradient), axis=1) / math.sqrt(landscape.units.n_units)
    return values, (values < 0).sum(axis=1), norm


def topology_is_right(landscape: Differentiable, index: np.ndarray) -> bool:
    """Whether the indices of all points obey the sum rules of the sphere; true on flat space, where there is none.

    Σ (−1)^index = 1 + (−1)^{n−1} (Morse). Of an odd energy, H(−x) = −H(x), points come in pairs ±x of indices k and
    n − 1 − k: for even n the sum is zero pair by pair, whatever is missing. But the number of pairs is odd: it is one
    for a linear energy, and along a path of odd energies pairs of points appear two at a time.
    """
    space = landscape.space
    if not isinstance(space, Sphere):
        return True
    if int(np.where(index % 2 == 0, 1, -1).sum()) != 1 + (-1) ** (space.n - 1):
        return False
    return len(index) % 4 == 2 or not is_odd(landscape)


def is_odd(landscape: Differentiable) -> bool:
    """Whether H(−x) = −H(x), judged at four points."""
    x = landscape.space.sample(4, np.random.default_rng(0))
    energy = landscape.energy(x)
    return bool(np.allclose(landscape.energy(-x), -energy, rtol=0.0, atol=1e-9 * np.abs(energy).max()))
