"""Energies along paths and slices of any differentiable landscape: straight lines, elastic bands, random planes.

These are functions of a landscape and of configurations, which they never change; probes and studies call them.
"""

from __future__ import annotations

from spinnet.probes.paths.elastic_band import ElasticBand, minimum_energy_path
from spinnet.probes.paths.slices import filter_groups, filter_normalise, plane_slice
from spinnet.probes.paths.straight import (
    Barrier,
    barriers,
    energies_along,
    path_barrier,
    straight_path,
    upward_variation,
)  # fmt: skip

__all__ = [
    "Barrier",
    "ElasticBand",
    "barriers",
    "energies_along",
    "filter_groups",
    "filter_normalise",
    "minimum_energy_path",
    "path_barrier",
    "plane_slice",
    "straight_path",
    "upward_variation",
]
