"""Barriers between independent replicas: on the straight line as they are, after alignment, and along elastic bands."""

from __future__ import annotations

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable
from spinnet.landscapes.network_symmetries import Symmetric
from spinnet.probes.base import BlockProbe
from spinnet.probes.paths import (
    Connection,
    connect,
    energies_along,
    minimum_energy_path,
    path_barrier,
    steepest_descent,
)  # fmt: skip
from spinnet.probes.replica_pairs import PAIRS, on_finite_pairs, replica_pairs
from spinnet.records import Variable, Variables

_PROFILE = 61  # points of the profile of a chain


class BarriersProbe(BlockProbe):
    """Energy densities on paths between pairs of replicas at the end of the run.

    The straight line between them; where the landscape is symmetric also the line to the nearest image of the first
    (``aligned``), with the continuous symmetries fixed; with ``images``, an elastic band relaxed from the latter; and,
    with ``chain_bands``, a minimum-energy path made of certified saddles between the minima below the two ends.
    Ends that are no minima make the barriers of lines and bands too small: train, or quench, until they are.

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
    chain_bands
        Bands that the search for a chain may relax for one pair, see :func:`spinnet.probes.paths.connect`; 0: no
        chains. Dense Hessians: at most 1000 coordinates.

    Notes
    -----
    Variables ``barriers/…``: ``energy`` and ``aligned_energy`` (pair, point) along the lines; ``height``, ``excess``,
    ``aligned_height``, ``aligned_excess`` (pair,), see :class:`spinnet.probes.paths.Barrier`; of the band
    ``band_barrier``, ``band_upper_bound``, ``band_gradient_norm``, ``band_force`` and ``band_converged``. Of the
    chains, between minima: ``chain_connected``; ``chain_barrier`` (pair,), the highest saddle above the higher minimum,
    NaN without a chain; ``chain_upper_bound``, then the bound of an elastic band; ``chain_line``, the height on the
    straight line between the same two minima, aligned; ``chain_gradient_norm``, ``chain_index`` and ``chain_second``
    at that saddle; ``chain_force`` along the path; ``chain_saddles`` on it (0: the two minima are one);
    ``chain_energy`` (pair, share), its profile.
    """

    requires = (Differentiable,)
    needs_hvp = True

    def __init__(
        self, points: int = 25, images: int = 0, tolerance: float = 1e-3, most_steps: int = 1000,
        pairs: str = "disjoint", starts: int = 8, chain_bands: int = 0,
    ):  # fmt: skip
        given = self.validate(points, images, tolerance, most_steps, pairs, starts, chain_bands)
        self.points, self.images, self.tolerance = given["points"], given["images"], given["tolerance"]
        self.most_steps, self.pairs, self.starts = given["most_steps"], given["pairs"], given["starts"]
        self.chain_bands = given["chain_bands"]

    @classmethod
    def validate(cls, points, images, tolerance, most_steps, pairs, starts, chain_bands):
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
            "chain_bands": whole_number("chain_bands", chain_bands, 0),
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
        if self.chain_bands:
            found |= self._chains(landscape, one, other, rows)
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

    def _chains(self, landscape, one, other, rows) -> Variables:
        """Chains of saddles between the minima below the ends of each pair."""
        told = {
            "chain_barrier": "highest saddle of the chain above the higher minimum",
            "chain_upper_bound": "the same, of pairs that were not joined the bound of an elastic band",
            "chain_line": "highest energy density above the higher minimum on the straight line between the minima",
            "chain_gradient_norm": "norm of the gradient at the highest saddle, over root units",
            "chain_second": "second least eigenvalue of the Riemannian Hessian there; the least is negative",
            "chain_force": "largest gradient across the chain's steepest descents, over root units",
        }
        values = {name: np.full(len(rows), np.nan) for name in told}
        connected, saddles, index = (np.zeros(len(rows), np.int64) for _ in range(3))
        profile = np.full((len(rows), _PROFILE), np.nan)
        for k in np.flatnonzero(rows):
            ends = [steepest_descent(landscape, x[k]) for x in (one, other)]
            if not all(end.converged for end in ends):
                continue
            a, b = (end.x[None] for end in ends)
            if isinstance(landscape, Symmetric):
                b = landscape.fix_gauge(b)
                a = landscape.align(a, b, self.starts)
            chain = connect(landscape, a[0], b[0], most_bands=self.chain_bands)
            line = path_barrier(energies_along(landscape, a, b, self.points)).height[0]
            values["chain_line"][k], values["chain_upper_bound"][k] = line, min(chain.upper_bound, line)
            connected[k] = chain.connected
            if chain.connected:
                values["chain_barrier"][k] = values["chain_upper_bound"][k] = chain.barrier
                values["chain_gradient_norm"][k], values["chain_force"][k] = chain.gradient_norm, chain.force
                values["chain_second"][k], index[k], saddles[k] = chain.lowest[1], chain.index, len(chain.saddles)
                profile[k] = _profile(chain)
        found = {name: Variable(values[name], ("pair",), "energy", text) for name, text in told.items()}
        found["chain_connected"] = Variable(
            connected.astype(np.int8), ("pair",), "1", "1 where a chain of certified saddles joins the minima"
        )
        found["chain_saddles"] = Variable(saddles, ("pair",), "1", "saddles on the chain")
        found["chain_index"] = Variable(index, ("pair",), "1", "index of the highest saddle")
        found["chain_energy"] = Variable(
            profile, ("pair", "share"), "energy", "energy density along the chain, at even shares of its length"
        )
        return found


def _profile(chain: Connection) -> np.ndarray:
    """Energy densities at even shares of the length of a chain."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(chain.path, axis=0), axis=1))])
    return np.interp(np.linspace(0.0, length[-1], _PROFILE), length, chain.energies)
