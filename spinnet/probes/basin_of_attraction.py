"""The basin of attraction of a native state: how often descent returns to it from a kick."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Landscape, Signal
from spinnet.probes.base import EndpointProbe
from spinnet.probes.funnel_profile import REFERENCES, block_overlap, native_rows, turned
from spinnet.records import Variable, Variables

_KICKS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2, 1.4)


class BasinProbe(EndpointProbe):
    """Kick a native state in random directions, lead it down the gradient flow, and see whether it comes back.

    A kick of size θ turns every block of coordinates (a layer's weights, a layer's biases, all spins) by the angle θ
    in a random direction, at fixed length: for small θ it is |δx_b|/|x_b| = θ in every block, and the overlap with the
    native state is cos θ. It does not change when the layers of a network are rescaled; the descent that follows does
    not either where the landscape lives on the spheres of its blocks (``NativeNetwork``, glasses).

    The descent is made by whoever drives the probe (:attr:`descent`, :meth:`launch`). It also leads the native state
    itself down: the minimum below it is what a kick returns to. Returned is what ends within ``energy_tolerance`` of
    its energy density, at an overlap with it of at least ``overlap_threshold``.

    Parameters
    ----------
    kicks
        Angles θ in radians, increasing, above 0 and at most π.
    directions
        Random directions; each serves all kicks.
    energy_tolerance
        Largest distance of the energy per unit from that of the native minimum.
    overlap_threshold
        Smallest overlap at which one is back. Along flat directions nothing pulls back: where minima are flat a kick
        below the threshold returns by doing nothing. ``basin/energy_density`` and ``basin/overlap`` keep what was
        reached, so that another threshold needs no other run.
    reference
        "end", the configuration that the run has reached, or "signal", that of the landscape.
    tolerance, flow_tolerance, most_steps
        Of the descent, as of ``inherent_structure``.

    Notes
    -----
    Cost: 1 + kicks × directions descents per replica, hundreds of gradients each. On flat space a network whose loss
    has its infimum at infinity has no minimum to return to.
    """

    requires = (Differentiable,)
    needs_hvp = True

    def __init__(
        self,
        kicks: tuple[float, ...] = _KICKS,
        directions: int = 8,
        energy_tolerance: float = 1e-2,
        overlap_threshold: float = 0.95,
        reference: str = "end",
        tolerance: float = 1e-3,
        flow_tolerance: float = 1e-2,
        most_steps: int = 1000,
    ):
        given = self.validate(
            kicks, directions, energy_tolerance, overlap_threshold, reference, tolerance, flow_tolerance, most_steps
        )
        self.kicks, self.directions, self.reference = tuple(given["kicks"]), given["directions"], given["reference"]
        if self.reference == "signal":
            self.requires = (Differentiable, Signal)
        self.energy_tolerance, self.overlap_threshold = given["energy_tolerance"], given["overlap_threshold"]
        self.tolerance, self.flow_tolerance = given["tolerance"], given["flow_tolerance"]
        self.most_steps = given["most_steps"]

    @classmethod
    def validate(
        cls, kicks, directions, energy_tolerance, overlap_threshold, reference, tolerance, flow_tolerance, most_steps
    ):
        if not isinstance(kicks, list | tuple | np.ndarray) or not len(kicks):
            raise InputError(f"kicks = {kicks!r}: give a list of angles in radians, such as [0.2, 0.5, 1.0]")
        kicks = [real_number("kicks", kick, above=0.0) for kick in kicks]
        if any(later <= earlier for earlier, later in pairwise(kicks)) or kicks[-1] > np.pi:
            raise InputError(f"kicks = {kicks}: angles must increase, up to pi at most")
        flow_tolerance = real_number("flow_tolerance", flow_tolerance, above=0.0)
        if flow_tolerance > 0.1:
            raise InputError(f"flow_tolerance = {flow_tolerance:g}: give a relative error per step of at most 0.1")
        threshold = real_number("overlap_threshold", overlap_threshold, above=0.0)
        if threshold >= 1.0:
            raise InputError(f"overlap_threshold = {threshold:g}: give a number between 0 and 1")
        return {
            "kicks": kicks,
            "directions": whole_number("directions", directions, 1),
            "energy_tolerance": real_number("energy_tolerance", energy_tolerance, above=0.0),
            "overlap_threshold": threshold,
            "reference": one_of("reference", reference, REFERENCES),
            "tolerance": real_number("tolerance", tolerance, above=0.0),
            "flow_tolerance": flow_tolerance,
            "most_steps": whole_number("most_steps", most_steps, 1),
        }

    @property
    def descent(self) -> Mapping[str, Any]:
        return {
            "tolerance": self.tolerance, "flow_tolerance": self.flow_tolerance, "most_steps": self.most_steps,
        }  # fmt: skip

    def launch(self, landscape: Landscape, x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each row the native state, and it after every kick in every direction: (1 + kicks·directions) rows."""
        x = landscape.check(x)
        rows = []
        for native in native_rows(landscape, x, self.reference):
            v = rng.standard_normal((self.directions, landscape.space.n))
            rows.append(native[None])
            rows += [turned(landscape, native, v, np.cos(kick)) for kick in self.kicks]
        return np.concatenate(rows)

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        """Measure what the descents of :meth:`launch` ended in, ``x`` (replicas·(1 + kicks·directions), n)."""
        each = 1 + len(self.kicks) * self.directions
        shape = (len(x) // each, len(self.kicks), self.directions)
        energy, overlap = np.full(shape, np.nan), np.full(shape, np.nan)
        native_energy, norm = np.full(shape[0], np.nan), np.full(shape[0], np.nan)
        for a in range(shape[0]):
            ends = x[a * each : (a + 1) * each]
            if not np.isfinite(ends[0]).all():
                continue
            sound = np.isfinite(ends).all(axis=1)
            values, overlaps = np.full((2, each), np.nan)
            values[sound] = landscape.energy_density(ends[sound])
            overlaps[sound] = block_overlap(landscape, ends[sound], ends[0])
            native_energy[a] = values[0]
            gradient = landscape.riemannian_gradient(ends[sound])
            norms = np.linalg.norm(gradient, axis=1) / np.sqrt(landscape.units.n_units)
            norm[a] = float((norms <= self.tolerance).sum()) / each
            energy[a], overlap[a] = values[1:].reshape(shape[1:]), overlaps[1:].reshape(shape[1:])
        with np.errstate(invalid="ignore"):
            close = np.abs(energy - native_energy[:, None, None]) <= self.energy_tolerance
            back = close & (overlap >= self.overlap_threshold)
        lost = np.isnan(native_energy)
        share = np.where(lost[:, None], np.nan, back.mean(axis=2))
        unit = landscape.units.unit
        about = {"energy_tolerance": self.energy_tolerance, "overlap_threshold": self.overlap_threshold}
        dims = ("replica", "kick", "direction")
        return {
            "basin/kick": Variable(np.array(self.kicks), ("kick",), "rad", "angle by which every block is turned"),
            "basin/returned": Variable(share, dims[:2], "1", "share of directions from which descent returns", about),
            "basin/energy_density": Variable(energy, dims, "energy", f"energy per {unit} where the descent ended"),
            "basin/overlap": Variable(overlap, dims, "1", "overlap with the native minimum where the descent ended"),
            "basin/native_energy_density": Variable(
                native_energy, ("replica",), "energy", f"energy per {unit} of the minimum below the native state"
            ),
            "basin/finished": Variable(
                norm, ("replica",), "1", "share of descents whose gradient is within the tolerance",
                {"tolerance": self.tolerance},
            ),
        }  # fmt: skip
