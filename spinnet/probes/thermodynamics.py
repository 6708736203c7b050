"""Exact thermodynamics of one sample of discrete levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spinnet.configurable import one_of, real_number, whole_number
from spinnet.errors import InputError
from spinnet.landscapes.base import Landscape
from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.landscapes.thermodynamics import (
    OVERLAPS,
    measure_thermodynamics,
    overlap_distribution,
    refuse_unvisited_levels,
)
from spinnet.probes.base import EndpointProbe
from spinnet.records import Variable, Variables

TEMPERATURES = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.25, 1.6, 2.0)
ORDERS = (2, 3, 4)


class ThermodynamicsProbe(EndpointProbe):
    """ln Z, ⟨H⟩, its variance, entropy and Y_2, Y_3, Y_4 at a list of temperatures, by visiting every level.

    What is measured belongs to the sample, not to the configuration that the dynamics has reached: give one replica and
    the dynamics ``Still``.

    Parameters
    ----------
    temperatures
        Rising, above zero.
    overlap
        Also the distribution of the overlap of two replicas at each temperature, N ≤ 24: "hypercube", "tree" or
        "distance" (:func:`spinnet.landscapes.thermodynamics.overlap_distribution`); None: not.
    lowest
        How many of the lowest levels are kept.
    """

    requires = (IndexedLevels,)

    def __init__(
        self, temperatures: Sequence[float] = TEMPERATURES, overlap: str | None = None, lowest: int = 0
    ):
        given = self.validate(temperatures=temperatures, overlap=overlap, lowest=lowest)
        self.temperatures, self.overlap, self.lowest = given["temperatures"], given["overlap"], given["lowest"]

    @classmethod
    def validate(cls, temperatures, overlap, lowest):
        try:
            values = [real_number("temperature", t, above=0.0) for t in temperatures]
        except TypeError:
            values = []
        if not values or np.any(np.diff(values) <= 0):
            raise InputError(f"temperatures = {temperatures!r}: give a list of rising temperatures above zero")
        return {
            "temperatures": values,
            "overlap": None if overlap is None else one_of("overlap", overlap, OVERLAPS),
            "lowest": whole_number("lowest", lowest),
        }

    def check_landscape(self, landscape: type[Landscape], table: Mapping[str, Any]) -> None:
        """All levels are visited."""
        refuse_unvisited_levels(landscape, table["n"], self.overlap is not None)

    def measure(self, landscape: IndexedLevels, x: np.ndarray, rng: np.random.Generator) -> Variables:
        beta = 1.0 / np.array(self.temperatures)
        found = measure_thermodynamics(landscape, beta, ORDERS)
        axes = ("replica", "temperature")

        def repeated(value) -> np.ndarray:
            return np.repeat(np.asarray(value, dtype=np.float64)[None], len(x), axis=0)

        def named(name: str, value, dims: tuple[str, ...], units: str, description: str) -> tuple[str, Variable]:
            return f"thermodynamics/{name}", Variable(repeated(value), dims, units, description)

        variables = dict([
            named("temperatures", self.temperatures, axes, "energy", "temperatures"),
            named("log_partition", found.log_partition, axes, "1", "ln Z"),
            named("mean_energy", found.mean_energy, axes, "energy", "thermal mean of the energy"),
            named("energy_variance", found.energy_variance, axes, "energy^2", "thermal variance of the energy"),
            named("entropy", found.entropy, axes, "1", "ln Z + <H>/T"),
            named("ground_state", found.ground_state, ("replica",), "energy", "lowest level"),
        ])  # fmt: skip
        for order, row in zip(found.orders, found.participation, strict=True):
            variables |= [
                named(f"participation_{order}", row, axes, "1", f"sum of the Boltzmann weights to the power {order}")
            ]
        if self.lowest:
            variables |= [named("lowest", _lowest(landscape, self.lowest), ("replica", "level"), "energy", "levels")]
        if self.overlap is not None:
            law = overlap_distribution(landscape, beta, self.overlap)
            about = f"probability of the overlap of two replicas ({law.kind})"
            variables |= [
                named("overlaps", law.value, ("replica", "overlap"), "1", f"overlaps ({law.kind})"),
                named("overlap_probability", law.probability, (*axes, "overlap"), "1", about),
            ]
        return variables


def _lowest(landscape: IndexedLevels, count: int) -> np.ndarray:
    from spinnet.landscapes.enumeration import enumerate_levels
    from spinnet.landscapes.hashed_levels import HashedLevels

    count = min(count, landscape.n_levels)
    if isinstance(landscape, HashedLevels):
        return enumerate_levels(landscape, lowest=count).lowest_energy
    return np.sort(np.partition(landscape.all_levels(), count - 1)[:count])
