"""Two minima joined by a chain of minima and certified saddles, found one missing link after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable
from spinnet.probes.paths.descent import Descent, refuse_large, steepest_descent
from spinnet.probes.paths.elastic_band import minimum_energy_path
from spinnet.probes.paths.saddle_point import Saddle, descend_both_sides, nearby_saddle
from spinnet.probes.paths.straight import path_energies, straight_path

_FINER = 4  # points per segment of a band in which its tops are looked for
_NEAR = 1e-4  # of √n: points nearer are one
_TRIES = 3  # bands between the same two minima, each relaxed for longer
_BOW = 0.2  # of the distance of two minima, sideways
_ROUGH = 0.3  # error of the descents that find out what a saddle joins
_LINKED = 1e-9  # length of a link, in squared distances of order one


@dataclass(frozen=True)
class Connection:
    """What was found between two minima; energies are densities.

    Attributes
    ----------
    connected : bool
        A chain of minima, saddles and steepest descents leads from one to the other.
    barrier : float
        Energy of the highest saddle of the lowest such chain, above the higher end; NaN without a chain.
    upper_bound : float
        The same, and without a chain the highest point of the polygon through the images of the first elastic band:
        no path needs more.
    gradient_norm, index : float, int
        |∇H|/√n_units and number of negative eigenvalues at the highest saddle.
    lowest : ndarray (2,)
        The two least eigenvalues there.
    force : float
        Largest |∇H_⊥|/√n_units along the chain's descents; NaN without a chain.
    path, energies : ndarray (points, n), (points,)
        The chain from start to end, point after point; without one those of the first band.
    saddles : ndarray (k, n)
        Of the chain, in order.
    minima : ndarray (k + 1, n)
        Between them, the ends included.
    found_minima, found_saddles, bands : int
        Distinct points found on the way, and bands relaxed.
    """

    connected: bool
    barrier: float
    upper_bound: float
    gradient_norm: float
    index: int
    lowest: np.ndarray
    force: float
    path: np.ndarray
    energies: np.ndarray
    saddles: np.ndarray
    minima: np.ndarray
    found_minima: int
    found_saddles: int
    bands: int


def connect(
    landscape: Differentiable,
    start: np.ndarray,
    end: np.ndarray,
    images: int = 13,
    band_steps: int = 150,
    most_bands: int = 40,
    tolerance: float = 1e-8,
    largest_force: float = 1e-3,
) -> Connection:
    """Join two minima by steepest descents from saddles of index 1: a minimum-energy path, piece by piece.

    Between two minima lie others, and a band of a few images cuts their corners. So a band only proposes: it is
    relaxed for a while, each of its tops is led to a saddle (:func:`nearby_saddle`), and from each saddle the steepest
    descents on both sides say which two minima it joins. The next band spans the gap that is then shortest (Carr,
    Trygubenko & Wales 2005), until start and end are joined.

    Parameters
    ----------
    start, end
        Configurations (n,). They are led down first; they may be minima.
    images
        Of each band, the ends included.
    band_steps
        Relaxation of each band; a gap that stays is tried again from a bowed line, with twice and three times as
        many.
    most_bands
        Bands after which the search ends without a chain.
    tolerance
        Norm of the tangent gradient over √n_units at every minimum and saddle.
    largest_force
        |∇H_⊥|/√n_units allowed along the chain: its descents are followed once more, as closely as this asks.

    Notes
    -----
    The height of the chain is exact: that of a saddle of index 1, with the gradient and eigenvalues given. Whether a
    lower chain exists is not known; no method of this kind tells.
    Cost per saddle: images × band_steps gradients, some 20 to 200 dense Hessians with their diagonalisations for the
    search, and as many for the two descents. The landscape may have at most 1000 coordinates.

    References
    ----------
    Carr, Trygubenko & Wales, J. Chem. Phys. 122, 234903 (2005).
    """
    refuse_large(landscape, "connect")
    images, band_steps = whole_number("images", images, 3), whole_number("band_steps", band_steps, 1)
    most_bands = whole_number("most_bands", most_bands, 1)
    tolerance = real_number("tolerance", tolerance, above=0.0)
    largest_force = real_number("largest_force", largest_force, above=0.0)
    known = _Known(landscape, tolerance)
    ends = []
    for name, x in (("start", start), ("end", end)):
        below = steepest_descent(landscape, x, tolerance)
        if not below.converged:
            raise InputError(
                f"below {name} no isolated minimum was reached (gradient {below.gradient_norm:.1e}, least eigenvalue "
                f"{below.lowest:.1e}): flat directions need weight decay, "
                "slow ones more steps, couplings in single precision a dtype of float64"
            )
        ends.append(known.minimum(below))
    first = None
    for _ in range(most_bands):
        if known.joined(*ends):
            break
        gap = known.shortest_gap(*ends)
        if gap is None:
            break
        a, b, tries = gap
        steps = (1 + tries) * band_steps
        band = minimum_energy_path(
            landscape, known.minima[a], known.minima[b], images, tolerance, steps, steps + 1,
            _first_guess(landscape, known.minima[a], known.minima[b], images, tries),
        )  # fmt: skip
        known.bands += 1
        first = band if first is None else first
        for top, along in tops(landscape, band.path[0]):
            known.saddle(nearby_saddle(landscape, top, along, tolerance))
    return known.result(*ends, first, largest_force)


def _first_guess(landscape: Differentiable, one: np.ndarray, other: np.ndarray, images: int, tries: int) -> np.ndarray:
    """The straight line; bowed in another direction each time it is tried again, and where there is no line.

    Symmetries can hold a band on a ridge, on whose tops no saddle of index 1 lies.
    """
    path = straight_path(landscape, one, other, images)
    if tries or not np.isfinite(path).all():
        a, bow = np.linspace(0.0, 1.0, images)[:, None], np.random.default_rng(tries).standard_normal(len(one))
        bow *= _BOW * np.linalg.norm(other - one) / np.linalg.norm(bow)
        bowed = (1.0 - a) * one + a * other + np.sin(np.pi * a) * bow
        path = landscape.space.retract(bowed)[None]
    return path


def tops(landscape: Differentiable, path: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Local maxima of the energy on the polygon through ``path`` (images, n), each with the direction there."""
    share = np.arange(_FINER)[:, None] / _FINER
    points = ((1.0 - share) * path[:-1, None] + share * path[1:, None]).reshape(-1, path.shape[1])
    points = landscape.space.retract(np.concatenate([points, path[-1:]]))
    e = path_energies(landscape, points)
    inside = np.flatnonzero((e[1:-1] >= e[:-2]) & (e[1:-1] > e[2:])) + 1
    return [(points[k], points[k + 1] - points[k - 1]) for k in inside]


class _Known:
    """Minima, saddles, what joins what, and what was tried."""

    def __init__(self, landscape: Differentiable, tolerance: float):
        self.landscape, self.tolerance = landscape, tolerance
        self.near = _NEAR * math.sqrt(landscape.space.n)
        self.minima: list[np.ndarray] = []
        self.levels: list[float] = []
        self.saddles: list[Saddle] = []
        self.links: dict[tuple[int, int], tuple[float, int]] = {}  # lowest saddle of each pair
        self.tried: dict[tuple[int, int], int] = {}
        self.bands = 0

    def minimum(self, below: Descent) -> int:
        """Its number, a new one if need be."""
        for k, point in enumerate(self.minima):
            if np.linalg.norm(point - below.x) <= self.near:
                return k
        self.minima.append(below.x)
        self.levels.append(below.energy)
        return len(self.minima) - 1

    def saddle(self, found: Saddle) -> None:
        """Add a certified saddle, with the two minima that it joins."""
        if not found.certified or any(np.linalg.norm(one.x - found.x) <= self.near for one in self.saddles):
            return
        self.saddles.append(found)
        sides = descend_both_sides(self.landscape, found, self.tolerance, _ROUGH)
        if not all(side.converged for side in sides):
            return
        a, b = (self.minimum(side) for side in sides)
        a, b = min(a, b), max(a, b)
        if a != b and found.energy < self.links.get((a, b), (np.inf,))[0]:
            self.links[a, b] = (found.energy, len(self.saddles) - 1)

    def lowest_chain(self, start: int, end: int) -> list[int] | None:
        """Minima on the chain whose highest saddle is lowest; None without any."""
        best = {start: (-np.inf, [start])}
        waiting = {start}
        while waiting:
            k = min(waiting, key=lambda m: best[m][0])
            waiting.remove(k)
            for (a, b), link in self.links.items():
                if k in (a, b):
                    other = b if k == a else a
                    level = max(best[k][0], link[0])
                    if other not in best or level < best[other][0]:
                        best[other] = (level, [*best[k][1], other])
                        waiting.add(other)
        return best[end][1] if end in best else None

    def joined(self, start: int, end: int) -> bool:
        return start == end or self.lowest_chain(start, end) is not None

    def shortest_gap(self, start: int, end: int) -> tuple[int, int, int] | None:
        """Two minima on the way from start to end with no link between them, and how often they were tried."""
        points = np.array(self.minima)
        square = ((points[:, None] - points[None]) ** 2).sum(axis=2)
        length = square / square.max()
        for (a, b), times in self.tried.items():
            length[a, b] = length[b, a] = np.inf if times >= _TRIES else length[a, b] * 4.0**times
        for a, b in self.links:
            length[a, b] = length[b, a] = _LINKED
        reached, before = np.full(len(points), np.inf), np.full(len(points), -1)
        reached[start] = 0.0
        open_ = np.ones(len(points), bool)
        while open_.any():
            k = int(np.argmin(np.where(open_, reached, np.inf)))
            if not np.isfinite(reached[k]) or not open_[k]:
                break
            open_[k] = False
            shorter = open_ & (reached[k] + length[k] < reached)
            reached[shorter], before[shorter] = reached[k] + length[k][shorter], k
        if not np.isfinite(reached[end]):
            return None
        chain = [end]
        while before[chain[-1]] >= 0:
            chain.append(int(before[chain[-1]]))
        gaps = [tuple(sorted(pair)) for pair in pairwise(chain)]
        gaps = [pair for pair in gaps if pair not in self.links]
        # The longest first: the short ones may turn out not to be needed.
        a, b = max(gaps, key=lambda pair: square[pair])
        times = self.tried.get((a, b), 0)
        self.tried[a, b] = times + 1
        return a, b, times

    def result(self, start: int, end: int, first, largest_force: float) -> Connection:
        units = self.landscape.units.n_units
        higher = max(self.levels[start], self.levels[end]) / units
        counts = {"found_minima": len(self.minima), "found_saddles": len(self.saddles), "bands": self.bands}
        none = np.empty((0, self.landscape.space.n))
        chain = self.lowest_chain(start, end)
        if start == end:
            return Connection(True, 0.0, 0.0, 0.0, 0, np.full(2, np.nan), 0.0, self.minima[start][None],
                              np.array([higher]), none, self.minima[start][None], **counts)  # fmt: skip
        if chain is None:
            bound = float(first.upper_bound[0])
            return Connection(False, np.nan, bound, np.nan, -1, np.full(2, np.nan), np.nan, first.path[0],
                              first.energies[0], none, np.array([self.minima[start], self.minima[end]]),
                              **counts)  # fmt: skip
        used, path, energies, force, exact = [], [], [], 0.0, True
        for a, b in pairwise(chain):
            saddle = self.saddles[self.links[min(a, b), max(a, b)][1]]
            one, other = descend_both_sides(self.landscape, saddle, self.tolerance, largest_force=largest_force)
            if np.linalg.norm(one.x - self.minima[a]) > np.linalg.norm(other.x - self.minima[a]):
                one, other = other, one
            joined = (one, a), (other, b)
            exact &= all(np.linalg.norm(side.x - self.minima[k]) <= self.near for side, k in joined)
            used.append(saddle)
            path += [one.path[::-1], saddle.x[None], other.path]
            energies += [one.energies[::-1], np.array([saddle.energy]), other.energies]
            force = max(force, one.force, other.force)
        top = max(used, key=lambda saddle: saddle.energy)
        barrier = top.energy / units - higher
        return Connection(
            exact, barrier, barrier, top.gradient_norm, top.index, top.lowest, force, np.concatenate(path),
            np.concatenate(energies) / units, np.array([saddle.x for saddle in used]),
            np.array([self.minima[k] for k in chain]), **counts,
        )  # fmt: skip
