"""Energy along a trajectory."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import Energy
from spinnet.probes.base import TrajectoryProbe, on_finite_rows
from spinnet.records import Variable, Variables


class EnergyProbe(TrajectoryProbe):
    """Extensive energy E, and E/n_units (per spin, per pattern)."""

    requires = (Energy,)

    def measure(self, landscape: Energy, x: np.ndarray) -> Variables:
        (energy,) = on_finite_rows(landscape, x, landscape.energy)
        unit = landscape.units.unit
        return {
            "energy": Variable(energy, ("replica",), "energy", "extensive energy"),
            "energy_density": Variable(
                energy / landscape.units.n_units, ("replica",), "energy", f"energy per {unit}"
            ),
        }
