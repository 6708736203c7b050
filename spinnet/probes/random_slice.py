"""Slices of the landscape through the end of a run, along random directions in units of its own filters."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.landscapes.base import Energy
from spinnet.probes.base import EndpointProbe
from spinnet.probes.paths import filter_groups, filter_normalise, plane_slice
from spinnet.records import Variable, Variables


class RandomSliceProbe(EndpointProbe):
    """e(x + a d) on a line and e(x + a d + b d′) on a plane, d and d′ Gaussian and filter-normalised (Li et al. 2018).

    A step of 1 changes every filter (a unit's incoming weights and bias) by as much as it is long. On the sphere, whose
    configurations have one filter, points are put back on it. Random directions see the mean curvature of hundreds of
    dimensions, not the sharp few: compare slices with one another, and read sharpness from the Hessian.

    Parameters
    ----------
    reach
        a and b run from −reach to reach.
    points
        On the line.
    plane_points
        Along each side of the plane; 0: no plane.

    Notes
    -----
    ``slice/line`` (replica, a) and ``slice/plane`` (replica, side, other), with ``slice/a`` and ``slice/side``.
    Cost: points + plane_points² energies per replica.
    """

    requires = (Energy,)

    def __init__(self, reach: float = 1.0, points: int = 41, plane_points: int = 0):
        given = self.validate(reach, points, plane_points)
        self.reach, self.points, self.plane_points = given["reach"], given["points"], given["plane_points"]

    @classmethod
    def validate(cls, reach, points, plane_points):
        return {
            "reach": real_number("reach", reach, above=0.0),
            "points": whole_number("points", points, 3),
            "plane_points": whole_number("plane_points", plane_points, 0),
        }

    def measure(self, landscape: Energy, x: np.ndarray, rng: np.random.Generator) -> Variables:
        a, side = (np.linspace(-self.reach, self.reach, count) for count in (self.points, self.plane_points))
        line = np.full((len(x), self.points), np.nan)
        plane = np.full((len(x), self.plane_points, self.plane_points), np.nan)
        groups = filter_groups(landscape)
        for k, row in enumerate(np.asarray(x, dtype=np.float64)):
            noise = rng.standard_normal((2, len(row)))  # drawn for every row, so that the others do not depend on it
            if not np.isfinite(row).all():
                continue
            directions = np.array([filter_normalise(one, row, groups) for one in noise])
            line[k] = plane_slice(landscape, row, directions[:1], a)
            if self.plane_points:
                plane[k] = plane_slice(landscape, row, directions, side, side)
        found = {
            "slice/a": Variable(a, ("a",), "1", "step along the direction, in lengths of each filter"),
            "slice/line": Variable(line, ("replica", "a"), "energy", "energy density along a random direction"),
        }
        if self.plane_points:
            found["slice/side"] = Variable(side, ("side",), "1", "step along the first direction of the plane")
            found["slice/plane"] = Variable(
                plane, ("replica", "side", "other"), "energy", "energy density on a random plane, square, same steps"
            )
        return found
