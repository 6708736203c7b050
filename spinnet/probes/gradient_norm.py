"""Norm of the gradient along a trajectory."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import Differentiable
from spinnet.probes.base import TrajectoryProbe, gradient_norm, on_finite_rows
from spinnet.records import Variable, Variables


class GradientNormProbe(TrajectoryProbe):
    """|∇H|/√n_units with the tangent gradient of the extensive energy.

    For gradient flow dH/dt = −|∇H|², so the square of this number is the rate at which the energy density falls.
    """

    requires = (Differentiable,)

    def measure(self, landscape: Differentiable, x: np.ndarray) -> Variables:
        (norm,) = on_finite_rows(landscape, x, lambda rows: gradient_norm(landscape, rows))
        description = f"norm of the tangent gradient of the extensive energy per root {landscape.units.unit}"
        return {"gradient_norm": Variable(norm, ("replica",), "energy", description)}
