"""How few coordinates carry a configuration."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import Landscape
from spinnet.probes.base import TrajectoryProbe, on_finite_rows
from spinnet.records import Variable, Variables


class CondensationProbe(TrajectoryProbe):
    """N Σ_i σ_i⁴/(Σ_i σ_i²)², which is Σσ⁴/N on the sphere |σ|² = N.

    1 where all |σ_i| are equal, 3N/(N + 2) on average over the sphere, N/m where m coordinates carry everything. A
    spherical glass on few couplings (``couplings = "diluted"`` with ``force``) condenses: it grows like N.
    """

    def measure(self, landscape: Landscape, x: np.ndarray) -> Variables:
        def participation(rows: np.ndarray) -> np.ndarray:
            squares = rows * rows
            return rows.shape[1] * (squares * squares).sum(axis=1) / squares.sum(axis=1) ** 2

        (value,) = on_finite_rows(landscape, x, participation)
        description = "N times the sum of fourth powers over the squared sum of squares"
        return {"condensation": Variable(value, ("replica",), "1", description)}
