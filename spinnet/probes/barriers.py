"""Barriers between independent replicas: on the straight line as they are, after alignment, and along elastic bands."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.probes.base import BlockProbe
from spinnet.probes.paths import energies_along, minimum_energy_path, path_barrier
from spinnet.probes.replica_pairs import PAIRS, on_finite_pairs, replica_pairs
from spinnet.records import Variable, Variables


class BarriersProbe(BlockProbe):
    """Energy densities on paths between pairs of replicas at the end of the run.

    The straight line between them; where the landscape is symmetric also the line to the nearest image of the first
    (``aligned``), with the continuous symmetries fixed; and, with ``images``, an elastic band relaxed from the latter.
    Ends that are no minima make barriers too small: train, or quench, until they are.

    Parameters
    ----------
    points
        On each straight line, ends included.
    images
        Of the elastic band, ends included; 0 for none.
    tolerance, most_steps
        Of the band, see :func:`spinnet.probes.paths.minimum_energy_path`.
    pairs
        ``"disjoint"`` (independent) or ``"all"``.
    starts
        Of the alignment of networks with several hidden layers.

    Notes
    -----
    Variables ``barriers/…``: ``energy`` and ``aligned_energy`` (pair, point) along the lines; ``height``, ``excess``,
    ``aligned_height``, ``aligned_excess`` (pair,), see :class:`spinnet.probes.paths.Barrier`; of the band
    ``band_barrier``, ``band_upper_bound``, ``band_gradient_norm``, ``band_force`` and ``band_converged``.
    """

    requires = (Differentiable,)
    needs_hvp = True

    def __init__(
        self, points: int = 25, images: int = 0, tolerance: float = 1e-3, most_steps: int = 1000,
        pairs: str = "disjoint", starts: int = 8,
    ):  # fmt: skip
        given = self.validate(points, images, tolerance, most_steps, pairs, starts)
        self.points, self.images, self.tolerance = given["points"], given["images"], given["tolerance"]
        self.most_steps, self.pairs, self.starts = given["most_steps"], given["pairs"], given["starts"]

    @classmethod
    def validate(cls, points, images, tolerance, most_steps, pairs, starts):
        images = whole_number("images", images, 0)
        if images in (1, 2):
            raise InputError(f"images = {images}: a band has at least 3, its ends included; 0 is for none")
        return {
            "points": whole_number("points", points, 3),
            "images": images,
            "tolerance": real_number("tolerance", tolerance, above=0.0),
            "most_steps": whole_number("most_steps", most_steps, 1),
            "pairs": one_of("pairs", pairs, PAIRS),
            "starts": whole_number("starts", starts, 1),
        }

    def check_run(self, last: float, replicas: int) -> None:
        if replicas < 2:
            raise InputError("barriers lie between replicas: set replicas of the ensemble to 2 or more")

    def measure_block(
        self, landscape: Differentiable, start: np.ndarray, x: np.ndarray, rng: np.random.Generator
    ) -> Variables:
        first, second = replica_pairs(len(x), self.pairs)
        one, other = x[first], x[second]
        rows = on_finite_pairs(one, other)
        found = self._line(landscape, "", one, other, rows)
        if isinstance(landscape, Symmetric):
            one, other = one.copy(), other.copy()
            other[rows] = landscape.fix_gauge(other[rows])
            one[rows] = landscape.align(one[rows], other[rows], self.starts)
            found |= self._line(landscape, "aligned_", one, other, rows)
        if self.images:
            found |= self._band(landscape, one, other, rows)
        return {f"barriers/{name}": variable for name, variable in found.items()}

    def _line(self, landscape, prefix: str, one, other, rows) -> Variables:
        energies = np.full((len(rows), self.points), np.nan)
        if rows.any():
            energies[rows] = energies_along(landscape, one[rows], other[rows], self.points)
        barrier = path_barrier(energies)
        how = "after alignment" if prefix else "as they are"
        return {
            f"{prefix}energy": Variable(energies, ("pair", "point"), "energy", f"energy density on the line, {how}"),
            f"{prefix}height": Variable(
                barrier.height, ("pair",), "energy", f"highest energy density above the higher end, {how}"
            ),
            f"{prefix}excess": Variable(
                barrier.excess, ("pair",), "energy", f"highest above the line between the ends' energies, {how}"
            ),
        }

    def _band(self, landscape, one, other, rows) -> Variables:
        shown = {
            "barrier": "highest image of the elastic band above the higher end",
            "upper_bound": "highest point of the polygon through the images above the higher end",
            "gradient_norm": "norm of the gradient at the highest image, over root units",
            "force": "largest gradient across the band over its other images, over root units",
        }
        values = {name: np.full(len(rows), np.nan) for name in shown}
        converged = np.zeros(len(rows), np.int8)
        if rows.any():
            band = minimum_energy_path(
                landscape, one[rows], other[rows], self.images, self.tolerance, self.most_steps
            )
            for name in shown:
                values[name][rows] = getattr(band, name)
            converged[rows] = band.converged
        found = {f"band_{name}": Variable(values[name], ("pair",), "energy", shown[name]) for name in shown}
        found["band_converged"] = Variable(
            converged, ("pair",), "1", "1 where the band is a minimum-energy path within the tolerance",
            {"tolerance": self.tolerance},
        )  # fmt: skip
        return found
