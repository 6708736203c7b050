"""Minimum-energy paths between two configurations by the nudged elastic band, many bands in one block."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, require
from spinnet.probes.paths.straight import path_energies, stiffness, straight_path

# Inertial relaxation (Bitzek et al. 2006): the authors' numbers.
_GROW, _SHRINK, _MIX, _MIX_FALL, _PATIENCE = 1.1, 0.5, 0.1, 0.99, 5
_LONGEST = 1.0  # step in units of 1/√(largest curvature): half of what inertial steps of that curvature bear
_FARTHEST = 0.5  # move of an image in one step, in units of the band's mean distance between images
_LOOK_AGAIN = 200  # steps between two looks at the curvature
_SPRING = 0.1  # of the largest curvature
_SMOOTH = 0.5  # cosine between neighbouring segments below which a band is bent too much to have a tangent
_LEAVE_TOGETHER = 4  # bands that have arrived leave the block when they are one in so many
_BETWEEN, _FINER, _ZOOMS = 4, 8, 5  # points per segment for the top of the polygon, then how it is closed in on


@dataclass(frozen=True)
class ElasticBand:
    """Relaxed bands, one per pair of ends; energies are densities.

    Attributes
    ----------
    path : ndarray (pairs, images, n)
        From start to end; the ends are those given.
    energies : ndarray (pairs, images)
    barrier : ndarray (pairs,)
        Energy density of the highest image above the higher end; 0 where the highest is an end.
    saddle : ndarray (pairs,) of int
        Number of the highest image.
    gradient_norm : ndarray (pairs,)
        |∇H|/√n_units at the highest image, which climbs: 0 at a saddle. 0 where it is an end.
    force : ndarray (pairs,)
        Largest |∇H_⊥|/√n_units over the other images: 0 on a minimum-energy path.
    converged : ndarray (pairs,) of bool
        Both are within the tolerance.
    upper_bound : ndarray (pairs,)
        Barrier of the polygon through the images: what the lowest barrier does not exceed, converged or not. Much above
        ``barrier``: too few images.
    steps : int
    """

    path: np.ndarray
    energies: np.ndarray
    barrier: np.ndarray
    saddle: np.ndarray
    gradient_norm: np.ndarray
    force: np.ndarray
    converged: np.ndarray
    upper_bound: np.ndarray
    steps: int


def minimum_energy_path(
    landscape: Differentiable,
    start: np.ndarray,
    end: np.ndarray,
    images: int = 15,
    tolerance: float = 1e-4,
    most_steps: int = 2000,
    climb_after: int = 50,
    path: np.ndarray | None = None,
) -> ElasticBand:
    """Relax a chain of images between two minima onto a minimum-energy path, its highest image onto a saddle.

    The force on image i is −∇H without its part along the path, plus springs along the path,
    k(|x_{i+1} − x_i| − |x_i − x_{i−1}|)τ_i, with the tangent that looks uphill (Henkelman & Jónsson 2000). The highest
    image feels no spring, and its ∇H along the path reversed: it climbs to a saddle (Henkelman, Uberuaga & Jónsson
    2000). Steps are those of Bitzek et al. (2006), with a length taken from the curvature, one for each band.

    Parameters
    ----------
    start, end
        ``(pairs, n)`` or ``(n,)``: minima, or anything that stays fixed.
    images
        Along the path, the ends included; at least 3.
    tolerance
        Norm of the tangent gradient of the extensive energy over √n_units: perpendicular to the path for all images,
        in full for the highest. The error of the saddle's energy is of second order in it.
    most_steps
        Steps after which bands are left as they are, not converged.
    climb_after
        Steps before the highest image begins to climb.
    path
        Start from these images (pairs, images, n) instead of the straight line: a band finds the path next to where it
        started, and stays on a ridge that symmetry keeps it on.

    Raises
    ------
    InputError
        For shapes that do not fit; for ends that are opposite points of a sphere.

    Notes
    -----
    Every step is one gradient of a block of pairs·(images − 2) rows. A band of networks with flat directions takes
    hundreds to thousands of steps.

    References
    ----------
    Henkelman & Jónsson, J. Chem. Phys. 113, 9978 (2000); Henkelman, Uberuaga & Jónsson, J. Chem. Phys. 113, 9901
    (2000); Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006).
    """
    require("minimum_energy_path", landscape, (Differentiable,))
    images, most_steps = whole_number("images", images, 3), whole_number("most_steps", most_steps, 0)
    tolerance = real_number("tolerance", tolerance, above=0.0)
    if path is None:
        path = straight_path(landscape, start, end, images)
    else:
        ends = straight_path(landscape, start, end, 2)
        path = np.array(path, dtype=np.float64)
        if path.shape != (len(ends), images, ends.shape[-1]):
            raise InputError(f"path of shape {path.shape}: give {(len(ends), images, ends.shape[-1])}")
        path = landscape.space.retract(path.reshape(-1, path.shape[-1])).reshape(path.shape)
        path[:, 0], path[:, -1] = ends[:, 0], ends[:, -1]
    if not np.isfinite(path).all():
        raise InputError("a path is not finite: its ends are not, or they are opposite points of a sphere")
    band, rows, pieces = _Band(landscape, path, tolerance), np.arange(len(path)), []
    steps = 0
    for steps in range(most_steps + 1):
        band.look(climb=steps >= climb_after)
        done = (band.converged | band.lost) & (steps >= climb_after) | (steps == most_steps)
        if done.all() or done.sum() * _LEAVE_TOGETHER >= len(done):
            pieces.append((rows[done], band.kept(done).result(steps)))
            band, rows = band.kept(~done), rows[~done]
            if not len(rows):
                break
        if steps and steps % _LOOK_AGAIN == 0:
            band.measure_curvature()
        band.step()
    order = np.argsort(np.concatenate([there for there, _ in pieces]))
    columns = {name: np.concatenate([getattr(found, name) for _, found in pieces])[order]
               for name in ElasticBand.__dataclass_fields__ if name != "steps"}  # fmt: skip
    return ElasticBand(**columns, steps=steps)


class _Band:
    """Bands on their way; every array has the pair as its first axis."""

    def __init__(self, landscape: Differentiable, path: np.ndarray, tolerance: float):
        self.landscape, self.tolerance = landscape, tolerance
        self.path, self.pairs = path, len(path)
        self.n = path.shape[2]
        self.root_units = math.sqrt(landscape.units.n_units)
        self.ends = landscape.energy(self._rows(path[:, [0, -1]])).reshape(self.pairs, 2)
        self.velocity = np.zeros_like(path[:, 1:-1])
        self.mix, self.downhill = np.full(self.pairs, _MIX), np.zeros(self.pairs, dtype=np.int64)
        self.measure_curvature()
        self.time_step = 0.3 * self.longest

    def kept(self, rows: np.ndarray) -> _Band:
        """Some of the bands, as they are."""
        part = copy.copy(self)
        for name, values in vars(self).items():
            if isinstance(values, np.ndarray):
                setattr(part, name, values[rows])
        part.pairs = len(part.path)
        return part

    def _rows(self, block: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(block.reshape(-1, block.shape[-1]))

    def measure_curvature(self) -> None:
        found = stiffness(self.landscape, self._rows(self.path[:, 1:-1])).reshape(self.pairs, -1).max(axis=1)
        self.curvature = np.where(np.isfinite(found) & (found > 0.0), found, 1.0)
        self.longest = _LONGEST / np.sqrt(self.curvature)

    def look(self, climb: bool) -> None:
        """Energies, gradients, tangents and forces where the images are."""
        inner = self._rows(self.path[:, 1:-1])
        with np.errstate(all="ignore"):
            energy, gradient = self.landscape.energy_and_gradient(inner)
            gradient = self.landscape.space.riemannian_gradient(inner, gradient)
        energy = energy.reshape(self.pairs, -1)
        gradient = gradient.reshape(self.pairs, -1, self.n)
        self.energy = np.concatenate([self.ends[:, :1], energy, self.ends[:, 1:]], axis=1)
        step = np.diff(self.path, axis=1)
        length = np.linalg.norm(step, axis=2)
        tangent = self._tangents(step)
        along = np.einsum("pin,pin->pi", gradient, tangent)
        across = gradient - along[..., None] * tangent
        stiff = _SPRING * self.curvature[:, None]
        self.force = (stiff * (length[:, 1:] - length[:, :-1]))[..., None] * tangent - across
        # A band that doubles back has no tangent: there the springs straighten it, and nothing climbs.
        product = length[:, 1:] * length[:, :-1]
        bend = np.einsum("pin,pin->pi", step[:, 1:], step[:, :-1]) / np.where(product > 0.0, product, 1.0)
        kinked = np.where(bend < _SMOOTH, 0.5 * (1.0 + np.cos(np.pi * np.clip(bend / _SMOOTH, 0.0, 1.0))), 0.0)
        pull = step[:, 1:] - step[:, :-1]
        pull = pull - np.einsum("pin,pin->pi", pull, tangent)[..., None] * tangent
        self.force += (stiff * kinked)[..., None] * pull
        # What is judged: the full gradient of the highest image, the part across the path of the others.
        judged = np.linalg.norm(across, axis=2)
        top = np.argmax(self.energy, axis=1) - 1  # of the inner images
        self.climbing = (top >= 0) & (top < energy.shape[1])
        rows = np.flatnonzero(self.climbing)
        highest = np.zeros(self.pairs)
        highest[rows] = np.linalg.norm(gradient[rows, top[rows]], axis=1)
        judged[rows, top[rows]] = 0.0
        if climb:
            rows = rows[bend[rows, top[rows]] > _SMOOTH]
            self.force[rows, top[rows]] = -gradient[rows, top[rows]] + (
                2.0 * along[rows, top[rows], None] * tangent[rows, top[rows]]
            )
        self.gradient_norm = highest / self.root_units
        self.across = judged.max(axis=1) / self.root_units
        with np.errstate(invalid="ignore"):
            self.converged = (self.gradient_norm <= self.tolerance) & (self.across <= self.tolerance)
        self.lost = ~np.isfinite(self.force).all(axis=(1, 2))

    def _tangents(self, step: np.ndarray) -> np.ndarray:
        """Unit tangents of the inner images, towards the higher neighbour."""
        e = self.energy
        before, here, after = e[:, :-2], e[:, 1:-1], e[:, 2:]
        rising, falling = (after > here) & (here > before), (after < here) & (here < before)
        larger = np.maximum(np.abs(after - here), np.abs(before - here))
        smaller = np.minimum(np.abs(after - here), np.abs(before - here))
        up = after > before
        ahead = np.where(rising, 1.0, np.where(falling, 0.0, np.where(up, larger, smaller)))
        behind = np.where(rising, 0.0, np.where(falling, 1.0, np.where(up, smaller, larger)))
        level = (ahead == 0.0) & (behind == 0.0)
        ahead, behind = np.where(level, 1.0, ahead), np.where(level, 1.0, behind)
        tangent = ahead[..., None] * step[:, 1:] + behind[..., None] * step[:, :-1]
        rows = self._rows(self.path[:, 1:-1])
        tangent = self.landscape.space.project(rows, self._rows(tangent)).reshape(tangent.shape)
        norm = np.linalg.norm(tangent, axis=2, keepdims=True)
        return tangent / np.where(norm > 0.0, norm, 1.0)

    def step(self) -> None:
        """One inertial step of every band that has not arrived."""
        moving = ~(self.converged | self.lost)
        force = np.where(moving[:, None, None], np.nan_to_num(self.force), 0.0)
        power = np.einsum("pin,pin->p", force, self.velocity)
        good = power > 0.0
        size = np.linalg.norm(force, axis=(1, 2))
        speed = np.linalg.norm(self.velocity, axis=(1, 2))
        steer = np.where(size > 0.0, self.mix * speed / np.where(size > 0.0, size, 1.0), 0.0)
        mixed = (1.0 - self.mix)[:, None, None] * self.velocity + steer[:, None, None] * force
        velocity = np.where(good[:, None, None], mixed, 0.0)
        self.downhill = np.where(good, self.downhill + 1, 0)
        settled = good & (self.downhill > _PATIENCE)
        faster = np.minimum(self.time_step * _GROW, self.longest)
        at_rest = speed == 0.0
        self.time_step = np.where(
            settled, faster, np.where(good | at_rest, self.time_step, self.time_step * _SHRINK)
        )
        self.mix = np.where(settled, self.mix * _MIX_FALL, np.where(good, self.mix, _MIX))
        velocity = velocity + self.time_step[:, None, None] * force
        move = self.time_step[:, None, None] * velocity
        spacing = np.linalg.norm(np.diff(self.path, axis=1), axis=2).mean(axis=1)
        reach = np.linalg.norm(move, axis=2).max(axis=1)
        short = np.minimum(1.0, _FARTHEST * spacing / np.where(reach > 0.0, reach, 1.0))[:, None, None]
        shape = move.shape
        rows = self.landscape.space.retract(self._rows(self.path[:, 1:-1] + short * move))
        self.velocity = self.landscape.space.project(rows, self._rows(short * velocity)).reshape(shape)
        self.path = np.concatenate([self.path[:, :1], rows.reshape(shape), self.path[:, -1:]], axis=1)

    def result(self, steps: int) -> ElasticBand:
        units = self.landscape.units.n_units
        energies = self.energy / units
        higher = np.maximum(energies[:, 0], energies[:, -1])
        return ElasticBand(
            path=self.path, energies=energies, barrier=energies.max(axis=1) - higher,
            saddle=np.argmax(energies, axis=1), gradient_norm=self.gradient_norm, force=self.across,
            converged=self.converged & ~self.lost, upper_bound=np.maximum(self._polygon_top() - higher, 0.0),
            steps=steps,
        )  # fmt: skip

    def _polygon_top(self) -> np.ndarray:
        """Energy density of the highest point of the polygons through the images: a grid, then finer ones about it."""
        segments = self.path.shape[1] - 1
        rows = np.arange(self.pairs)[:, None]
        at = np.tile(np.linspace(0.0, segments, _BETWEEN * segments + 1), (self.pairs, 1))
        width, top = 1.0 / _BETWEEN, np.full(self.pairs, -np.inf)
        for _ in range(_ZOOMS):
            first = np.minimum(at.astype(np.int64), segments - 1)
            share = (at - first)[..., None]
            points = (1.0 - share) * self.path[rows, first] + share * self.path[rows, first + 1]
            with np.errstate(all="ignore"):
                retracted = self.landscape.space.retract(self._rows(points)).reshape(points.shape)
            energies = path_energies(self.landscape, retracted)
            top = np.maximum(top, energies.max(axis=1))
            highest = at[rows[:, 0], np.argmax(energies, axis=1)]
            at = np.clip(highest[:, None] + width * np.linspace(-1.0, 1.0, 2 * _FINER + 1), 0.0, segments)
            width /= _FINER
        return top
