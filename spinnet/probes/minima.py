"""Distinct minima below a block of configurations, counted modulo the symmetries, and the saddles between them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.probes.base import BlockProbe, gradient_norm, on_finite_rows
from spinnet.probes.paths import descend_both_sides, energies_along, minimum_energy_path, nearby_saddle, tops
from spinnet.probes.paths.descent import LARGEST
from spinnet.records import Variable, Variables

_FLAT = 1e-9  # of the largest modulus: eigenvalues below are those of no isolated minimum
_SAME_ENERGY = 1e-6  # relative, plus as much absolute per unit: far above what the descents leave
_SAME_SADDLE = 1e-8  # of the energy: saddles closer than this can be one
_ROUGH = 0.3  # error of the descents that find out what a saddle joins
_LARGEST_ORBIT = 5000
_POINTS = 41  # on each straight line
_BANDS = 4  # relaxed between two classes, to the images with the lowest straight lines


class _Minima(NamedTuple):
    points: np.ndarray  # (minima, n): one of each class, by increasing energy
    energy: np.ndarray  # density
    hits: np.ndarray  # starts that ended in the class
    found: np.ndarray  # distinct points of the class that were found
    lowest: np.ndarray  # least eigenvalue of the Hessian
    label: np.ndarray  # (replicas,): class of each start, −1 for none


class MinimaProbe(BlockProbe):
    """Where the descents from all replicas end: distinct minima, their symmetry classes, and barriers between them.

    The block is led down the gradient flow and by Newton's method (whoever drives the probe does it). What did not
    arrive, and what is flat in some direction, is left out and counted. Points nearer than ``distance``·√n are one;
    points of one energy that the symmetries carry into one another are one class, listed once, with the size of its
    whole orbit: the number of such minima that there are, whether or not all were found.

    Parameters
    ----------
    tolerance, flow_tolerance, most_steps
        Of the descents, see :func:`spinnet.dynamics.quench.descend`.
    distance
        Share of √n within which two points are one.
    most_minima
        Length of the list, the lowest classes.
    images
        Of the elastic bands between each two listed classes; 0: straight lines only.
    most_images
        Where the symmetry group is no larger, paths lead to every image of the other minimum, and the lowest counts;
        else to the nearest image only. Bands are relaxed to the four with the lowest lines.
    band_tolerance, band_steps
        Of the bands, see :func:`spinnet.probes.paths.minimum_energy_path`.

    Notes
    -----
    Variables ``minima/…``: by ("minimum",) ``energy_density``, ``hits``, ``points``, ``orbit`` (0: not computed),
    ``lowest_eigenvalue`` and ``overlap`` with the lowest one, modulo symmetries; by ("minimum", "other")
    ``line_saddle`` and ``band_saddle``, highest energy densities on the paths (bounds from above of the lowest pass),
    and ``band_converged``, 1 where that of the band is a saddle: the band arrived, or one of its tops was led to a
    certified saddle of index 1 whose steepest descents end in these two classes, or a chain of such passes leads from
    one to the other no higher; by ("replica",) ``reached``, the class of each start, −1 for none.
    Cost beside the descents: a dense Hessian per distinct point; minima²/2 × images of the group × band.
    """

    revision = 2
    requires = (Differentiable,)
    needs_hvp = True

    def __init__(
        self, tolerance: float = 1e-10, flow_tolerance: float = 1e-3, most_steps: int = 20_000,
        distance: float = 1e-4, most_minima: int = 24, images: int = 0, most_images: int = 64,
        band_tolerance: float = 1e-4, band_steps: int = 800,
    ):  # fmt: skip
        given = self.validate(
            tolerance, flow_tolerance, most_steps, distance, most_minima, images, most_images, band_tolerance,
            band_steps,
        )  # fmt: skip
        self.tolerance, self.flow_tolerance = given["tolerance"], given["flow_tolerance"]
        self.most_steps, self.distance = given["most_steps"], given["distance"]
        self.most_minima, self.images, self.most_images = given["most_minima"], given["images"], given["most_images"]
        self.band_tolerance, self.band_steps = given["band_tolerance"], given["band_steps"]

    @classmethod
    def validate(
        cls, tolerance, flow_tolerance, most_steps, distance, most_minima, images, most_images, band_tolerance,
        band_steps,
    ):  # fmt: skip
        flow_tolerance = real_number("flow_tolerance", flow_tolerance, above=0.0)
        if flow_tolerance > 0.1:
            raise InputError(f"flow_tolerance = {flow_tolerance:g}: give a relative error per step of at most 0.1")
        images = whole_number("images", images, 0)
        if images in (1, 2):
            raise InputError(f"images = {images}: a band has at least 3, its ends included; 0 is for none")
        return {
            "tolerance": real_number("tolerance", tolerance, above=0.0),
            "flow_tolerance": flow_tolerance,
            "most_steps": whole_number("most_steps", most_steps, 1),
            "distance": real_number("distance", distance, above=0.0),
            "most_minima": whole_number("most_minima", most_minima, 1),
            "images": images,
            "most_images": whole_number("most_images", most_images, 1),
            "band_tolerance": real_number("band_tolerance", band_tolerance, above=0.0),
            "band_steps": whole_number("band_steps", band_steps, 1),
        }

    @property
    def descent(self) -> Mapping[str, Any]:
        return {
            "tolerance": self.tolerance, "flow_tolerance": self.flow_tolerance, "most_steps": self.most_steps,
        }  # fmt: skip

    def measure_block(
        self, landscape: Differentiable, start: np.ndarray, x: np.ndarray, rng: np.random.Generator
    ) -> Variables:
        minima = self._classes(landscape, x)
        shown = min(len(minima.points), self.most_minima)
        points = minima.points[:shown]
        orbit, overlap = _orbit_sizes(landscape, points, self.distance), _overlaps(landscape, points, self.distance)

        def listed(values, fill, dims=("minimum",)):
            whole = np.full((self.most_minima,) * len(dims), fill)
            whole[(slice(0, shown),) * len(dims)] = values[(slice(0, shown),) * len(dims)]
            return whole

        line, band, converged = self._saddles(landscape, points)
        pair = ("minimum", "other")
        found = {
            "energy_density": Variable(listed(minima.energy, np.nan), ("minimum",), "energy",
                                       "energy per unit of each class of minima, ascending; NaN beyond their number"),
            "hits": Variable(listed(minima.hits, 0), ("minimum",), "1", "starts that ended in the class"),
            "points": Variable(listed(minima.found, 0), ("minimum",), "1", "distinct points of the class found"),
            "orbit": Variable(listed(orbit, 0), ("minimum",), "1", "images under the symmetries; 0: not computed"),
            "lowest_eigenvalue": Variable(listed(minima.lowest, np.nan), ("minimum",), "energy",
                                          "of the Riemannian Hessian"),
            "overlap": Variable(listed(overlap, np.nan), ("minimum",), "1",
                                "with the lowest minimum, modulo symmetries"),
            "line_saddle": Variable(listed(line, np.nan, pair), pair, "energy",
                                    "highest energy per unit on the straight line between two classes"),
            "band_saddle": Variable(listed(band, np.nan, pair), pair, "energy",
                                    "highest energy per unit on the elastic band between two classes"),
            "band_converged": Variable(listed(converged, 0, pair), pair, "1", "1 where that band converged"),
            "reached": Variable(minima.label, ("replica",), "1",
                                "class in which the descent of each replica ended; -1: in no isolated minimum"),
        }  # fmt: skip
        return {f"minima/{name}": variable for name, variable in found.items()}

    def _classes(self, landscape: Differentiable, x: np.ndarray) -> _Minima:
        n, units = landscape.space.n, landscape.units.n_units
        energy, norm = on_finite_rows(landscape, x, landscape.energy, lambda rows: gradient_norm(landscape, rows))
        with np.errstate(invalid="ignore"):
            arrived = np.flatnonzero(norm <= self.tolerance)
        arrived = arrived[np.argsort(energy[arrived], kind="stable")]
        near = self.distance * math.sqrt(n)
        points, own, number = [], [], []  # distinct points, their starts, energies
        for a in arrived:
            for k in range(len(points) - 1, -1, -1):
                if energy[a] - number[k] > _SAME_ENERGY * (abs(energy[a]) + units):
                    k = -1
                    break
                if np.linalg.norm(x[a] - points[k]) <= near:
                    break
            else:
                k = -1
            if k < 0:
                points.append(x[a])
                own.append([a])
                number.append(energy[a])
            else:
                own[k].append(a)
        label = np.full(len(x), -1)
        classes: list[dict[str, Any]] = []
        for point, starts, value in zip(points, own, number, strict=True):
            lowest = _least_eigenvalue(landscape, point)
            if lowest is None:
                continue
            k = _known_class(landscape, classes, point, value, near, units)
            if k < 0:
                k = len(classes)
                classes.append({"point": point, "energy": value, "hits": 0, "found": 0, "lowest": lowest})
            classes[k]["hits"] += len(starts)
            classes[k]["found"] += 1
            label[starts] = k
        column = {key: np.array([one[key] for one in classes]) for key in ("energy", "hits", "found", "lowest")}
        return _Minima(
            np.array([one["point"] for one in classes]).reshape(len(classes), n), column["energy"] / units,
            column["hits"].astype(np.int64), column["found"].astype(np.int64), column["lowest"], label,
        )  # fmt: skip

    def _saddles(self, landscape, points) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Highest energies on the lowest paths found between each two classes, and whether the band converged."""
        m = len(points)
        line, band = np.full((m, m), np.nan), np.full((m, m), np.nan)
        converged = np.zeros((m, m), np.int8)
        starts, ends, where = [], [], []
        for i, j in combinations(range(m), 2):
            images = self._images(landscape, points[i], points[j])
            other = np.repeat(points[j][None], len(images), axis=0)
            with np.errstate(invalid="ignore"):
                top = energies_along(landscape, images, other, _POINTS).max(axis=1)
            # A line through the centre of a sphere is none.
            sound = np.flatnonzero(np.isfinite(top))
            sound = sound[np.argsort(top[sound], kind="stable")][:_BANDS]
            if len(sound):
                line[i, j] = line[j, i] = top[sound[0]]
                starts.append(images[sound])
                ends.append(other[sound])
                where += [(i, j)] * len(sound)
        if self.images and where:
            number, best = np.arange(len(where)), {}
            found = minimum_energy_path(
                landscape, np.concatenate(starts), np.concatenate(ends), self.images, self.band_tolerance,
                self.band_steps,
            )  # fmt: skip
            higher = np.maximum(found.energies[:, 0], found.energies[:, -1])
            # Between two minima there is a pass: a band whose highest image is an end has it between two images.
            sure = found.converged & (found.saddle > 0) & (found.saddle < self.images - 1)
            levels = higher + np.where(sure, found.barrier, found.upper_bound)
            for (i, j), level, arrived, k in zip(where, levels, sure, number, strict=True):
                if np.isfinite(level) and not level >= band[i, j]:
                    band[i, j] = band[j, i] = level
                    converged[i, j] = converged[j, i] = arrived
                    best[i, j] = k
            if landscape.space.n <= LARGEST:
                unsure = {pair: found.path[k] for pair, k in best.items() if not converged[pair]}
                self._certify(landscape, points, unsure, band, converged)
        return line, band, converged

    def _certify(self, landscape, points, paths, band, converged) -> None:
        """Lead the tops of ``paths`` to saddles, and these down to the classes they join: lower or surer passes.

        What a band between two classes crosses may lie between two others. The lowest bands come first: of the others
        most are then between classes that a chain of passes joins already, no higher.
        """
        energy, near = landscape.energy(points), 2.0 * self.distance * math.sqrt(landscape.space.n)
        units, met = landscape.units.n_units, []
        for pair in sorted(paths, key=lambda pair: band[pair]):
            if _chained(band, converged)[pair] <= band[pair] + _SAME_SADDLE:
                continue
            for top, along in tops(landscape, paths[pair]):
                saddle = nearby_saddle(landscape, top, along)
                if not saddle.certified or any(
                    abs(saddle.energy - one.energy) <= _SAME_SADDLE * (abs(one.energy) + units)
                    and np.linalg.norm(saddle.x - one.x) <= near for one in met
                ):  # fmt: skip
                    continue
                met.append(saddle)
                sides = [
                    self._class_of(landscape, points, energy, side, near)
                    for side in descend_both_sides(landscape, saddle, error=_ROUGH) if side.converged
                ]  # fmt: skip
                if len(sides) == 2 and -1 not in sides and sides[0] != sides[1]:
                    i, j = sides
                    level = saddle.energy / units
                    # A bound is as good as certain where it is the saddle's energy.
                    if not level > band[i, j] * (1.0 + math.copysign(_SAME_SADDLE, band[i, j])) + _SAME_SADDLE:
                        band[i, j] = band[j, i] = level
                        converged[i, j] = converged[j, i] = 1
        sure = _chained(band, converged)
        better = sure <= np.where(np.isnan(band), np.inf, band) + _SAME_SADDLE
        better &= np.isfinite(sure)
        band[better], converged[better] = sure[better], 1

    def _class_of(self, landscape, points, energy, side, near) -> int:
        """Number of the listed class in which a descent ended, −1 for none of them."""
        units = landscape.units.n_units
        for k in np.flatnonzero(np.abs(energy - side.energy) <= _SAME_ENERGY * (abs(side.energy) + units)):
            there, reference = side.x[None], points[k : k + 1]
            if isinstance(landscape, Symmetric):
                reference = landscape.fix_gauge(reference)
                there = landscape.align(there, reference)
            if np.linalg.norm(there - reference) <= near:
                return int(k)
        return -1

    def _images(self, landscape, point, other) -> np.ndarray:
        if not isinstance(landscape, Symmetric):
            return point[None]
        if landscape.symmetry_order <= self.most_images:
            return np.unique(np.round(landscape.symmetry.orbit(landscape.fix_gauge(point[None])[0]), 12), axis=0)
        return landscape.align(point[None], other[None])


def _chained(band: np.ndarray, converged: np.ndarray) -> np.ndarray:
    """Lowest level of the chains of certain passes between each two classes: min over ways of the max along them."""
    sure = np.where(converged == 1, band, np.inf)
    for k in range(len(sure)):
        sure = np.minimum(sure, np.maximum(sure[:, k, None], sure[None, k]))
    np.fill_diagonal(sure, np.inf)
    return sure


def _known_class(landscape, classes, point, energy, near, units) -> int:
    """Number of the class of a point, −1 if it is new."""
    for k in range(len(classes) - 1, -1, -1):
        if energy - classes[k]["energy"] > _SAME_ENERGY * (abs(energy) + units):
            return -1
        if isinstance(landscape, Symmetric):
            reference = landscape.fix_gauge(classes[k]["point"][None])
            if np.linalg.norm(landscape.align(point[None], reference) - reference) <= 2 * near:
                return k
    return -1


def _orbit_sizes(landscape, points, distance) -> np.ndarray:
    sizes = np.ones(len(points), np.int64)
    if isinstance(landscape, Symmetric):
        near = distance * math.sqrt(landscape.space.n)
        for k, point in enumerate(points):
            sizes[k] = 0
            if landscape.symmetry_order <= _LARGEST_ORBIT:
                # A group acts on its orbit: every image is met as often as the point itself.
                images = landscape.symmetry.orbit(landscape.fix_gauge(point[None])[0])
                sizes[k] = len(images) // int((np.linalg.norm(images - images[0], axis=1) <= near).sum())
    return sizes


def _overlaps(landscape, points, distance) -> np.ndarray:
    """With the first point, modulo symmetries; a point at the origin has no direction, and the overlap 0."""
    if not len(points):
        return np.empty(0)
    native = np.repeat(points[:1], len(points), axis=0)
    if isinstance(landscape, Symmetric):
        native = landscape.fix_gauge(native)
        points = landscape.align(points, native)
    with np.errstate(invalid="ignore"):
        overlap = landscape.space.overlap(points, native)
    nowhere = np.minimum(np.linalg.norm(points, axis=1), np.linalg.norm(native, axis=1))
    return np.where(nowhere <= distance * math.sqrt(landscape.space.n), 0.0, overlap)


def _least_eigenvalue(landscape, point) -> float | None:
    """Least eigenvalue of the Riemannian Hessian; None where it is not above what counts as flat."""
    gradient = landscape.gradient(point[None])[0]
    values = np.linalg.eigvalsh(landscape.space.tangent_hessian(point, gradient, landscape.hessian(point)))
    return float(values[0]) if values[0] > _FLAT * np.abs(values).max() else None
