"""Energies along paths and slices of any differentiable landscape: lines, elastic bands, chains of saddles, planes.

These are functions of a landscape and of configurations, which they never change; probes and studies call them.
"""

from __future__ import annotations

from spinnet.probes.paths.connection import Connection, connect, tops
from spinnet.probes.paths.descent import Descent, steepest_descent
from spinnet.probes.paths.elastic_band import ElasticBand, minimum_energy_path
from spinnet.probes.paths.saddle_point import Saddle, descend_both_sides, nearby_saddle
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
    "Connection",
    "Descent",
    "ElasticBand",
    "Saddle",
    "barriers",
    "connect",
    "descend_both_sides",
    "energies_along",
    "filter_groups",
    "filter_normalise",
    "minimum_energy_path",
    "nearby_saddle",
    "path_barrier",
    "plane_slice",
    "steepest_descent",
    "straight_path",
    "tops",
    "upward_variation",
]
