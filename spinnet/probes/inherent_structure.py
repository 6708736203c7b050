"""Inherent structures: energies of the minima in which steepest descent from the configurations ends."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from spinnet.configurable import real_number, whole_number
from spinnet.errors import InputError
from spinnet.estimators.spectra import ZERO_TOLERANCE, zero_threshold
from spinnet.landscapes.base import Differentiable, Landscape
from spinnet.probes.base import EndpointProbe, Memory, MemoryProbe, gradient_norm, on_finite_rows
from spinnet.records import Variable, Variables
from spinnet.waiting_times import Attainable

_ROUNDING = 1e-9  # of the length of a run


class InherentStructureProbe(EndpointProbe, MemoryProbe):
    """Energy of the minimum below each configuration, at the end of the run and at chosen times.

    The descent dx/dt = −∇H, finished by Newton's method, is made by whoever drives the probe (:attr:`descent`); the
    probe measures what it ended in and tells whether that is a minimum.

    Parameters
    ----------
    times
        Times of the run at which minima are wanted, increasing; the end-point is always measured.
    tolerance
        Norm of the tangent gradient of the extensive energy over √n_units at which a descent is finished. Couplings in
        single precision reach about 1e-6: a landscape's ``dtype = "float64"`` serves smaller values.
    flow_tolerance
        Of the gradient flow: it decides how well neighbouring basins are told apart.
    most_steps
        Steps of the flow after which a descent is left as it is, not converged.
    dense_limit
        Largest number of coordinates for which the lowest eigenvalue of the Hessian is computed at the end-point.

    Notes
    -----
    ``inherent_structure/…`` (replica,) holds the end-point: energy, energy_density, gradient_norm, lowest_eigenvalue
    (NaN above ``dense_limit``), and converged: 1 where the gradient is within the tolerance and no computed eigenvalue
    is negative beyond rounding. ``inherent_trajectory/…`` (replica, time) holds the same without eigenvalues.
    Most of the cost is the flow, hundreds to thousands of gradients per replica. A network whose loss has its infimum
    at infinity (cross-entropy on separable patterns) has no minimum to end in: bound ``most_steps`` there, and read
    ``converged``.
    """

    requires = (Differentiable,)
    needs_hvp = True

    def __init__(
        self,
        times: tuple[float, ...] = (),
        tolerance: float = 1e-5,
        flow_tolerance: float = 1e-3,
        most_steps: int = 5000,
        dense_limit: int = 1000,
    ):
        given = self.validate(times, tolerance, flow_tolerance, most_steps, dense_limit)
        self.times = tuple(given["times"])
        self.tolerance, self.flow_tolerance = given["tolerance"], given["flow_tolerance"]
        self.most_steps, self.dense_limit = given["most_steps"], given["dense_limit"]

    @classmethod
    def validate(cls, times, tolerance, flow_tolerance, most_steps, dense_limit):
        if not isinstance(times, list | tuple | np.ndarray):
            raise InputError(f"times = {times!r}: give a list of times, such as [0, 10, 100]")
        times = [real_number("times", time, 0.0) for time in times]
        if any(later <= earlier for earlier, later in pairwise(times)):
            raise InputError(f"times = {times}: times must increase")
        flow_tolerance = real_number("flow_tolerance", flow_tolerance, above=0.0)
        if flow_tolerance > 0.1:
            raise InputError(f"flow_tolerance = {flow_tolerance:g}: give a relative error per step of at most 0.1")
        return {
            "times": times,
            "tolerance": real_number("tolerance", tolerance, above=0.0),
            "flow_tolerance": flow_tolerance,
            "most_steps": whole_number("most_steps", most_steps, 1),
            "dense_limit": whole_number("dense_limit", dense_limit, 0),
        }

    @property
    def descent(self) -> Mapping[str, Any]:
        return {
            "tolerance": self.tolerance, "flow_tolerance": self.flow_tolerance, "most_steps": self.most_steps,
        }  # fmt: skip

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        energy, norm = self._look(landscape, x)
        lowest, negative = np.full(len(x), np.nan), np.zeros(len(x), dtype=bool)
        if landscape.space.n <= self.dense_limit:
            for a in np.flatnonzero(np.isfinite(norm)):
                lowest[a], negative[a] = _lowest_eigenvalue(landscape, x[a])
        replica = ("replica",)
        found = {name: Variable(data, replica, "energy", told)
                 for name, data, told in self._described(landscape, energy, norm)}  # fmt: skip
        found["lowest_eigenvalue"] = Variable(
            lowest, replica, "energy", "lowest eigenvalue of the Riemannian Hessian; NaN where it is not computed"
        )
        with np.errstate(invalid="ignore"):
            converged = (norm <= self.tolerance) & ~negative
        found["converged"] = Variable(
            converged.astype(np.int8), replica, "1", "1 where the descent ended in a minimum within the tolerance",
            {"tolerance": self.tolerance},
        )  # fmt: skip
        return {f"inherent_structure/{name}": variable for name, variable in found.items()}

    def wanted_times(self, attainable: Attainable, last: float) -> np.ndarray:
        if not self.times:
            return np.empty(0)
        times = attainable(np.array(self.times))
        return times[times <= last * (1.0 + _ROUNDING)]

    def begin(self, landscape: Landscape, replicas: int, attainable: Attainable) -> Memory:
        return {"time": np.empty(0), "energy": np.empty((0, replicas)), "gradient_norm": np.empty((0, replicas))}

    def observe(self, landscape: Landscape, memory: Memory, time: float, x: np.ndarray) -> Memory:
        energy, norm = self._look(landscape, x)
        return {
            "time": np.append(memory["time"], time),
            "energy": np.concatenate([memory["energy"], energy[None]]),
            "gradient_norm": np.concatenate([memory["gradient_norm"], norm[None]]),
        }

    def variables(self, landscape: Landscape, memory: Memory, attainable: Attainable, last: float) -> Variables:
        if not self.times:
            return {}
        count = len(self.wanted_times(attainable, last))
        place, dims = "inherent_trajectory", ("replica", "time")
        energy, norm = (np.ascontiguousarray(memory[name][:count].T) for name in ("energy", "gradient_norm"))
        found = {
            f"{place}/time": Variable(
                memory["time"][:count], ("time",), "1", "times of the parents, in the unit of the dynamics"
            ),
            f"{place}/converged": Variable(
                (norm <= self.tolerance).astype(np.int8), dims, "1", "1 where the gradient is within the tolerance",
                {"tolerance": self.tolerance},
            ),
        }  # fmt: skip
        for name, data, told in self._described(landscape, energy, norm):
            found[f"{place}/{name}"] = Variable(data, dims, "energy", told)
        return found

    def _look(self, landscape: Differentiable, x: np.ndarray) -> list[np.ndarray]:
        return on_finite_rows(landscape, x, landscape.energy, lambda rows: gradient_norm(landscape, rows))

    def _described(self, landscape, energy, norm):
        unit = landscape.units.unit
        yield "energy", energy, "extensive energy of the minimum below"
        yield "energy_density", energy / landscape.units.n_units, f"energy per {unit} of the minimum below"
        yield "gradient_norm", norm, f"norm of the tangent gradient there per root {unit}"


def _lowest_eigenvalue(landscape: Differentiable, x: np.ndarray) -> tuple[float, bool]:
    """Of the Riemannian Hessian on the tangent space of one configuration (n,), and whether it is negative."""
    gradient = landscape.gradient(x[None])[0]
    eigenvalues = np.linalg.eigvalsh(landscape.space.tangent_hessian(x, gradient, landscape.hessian(x)))
    return float(eigenvalues[0]), bool(eigenvalues[0] < -zero_threshold(eigenvalues, ZERO_TOLERANCE))
