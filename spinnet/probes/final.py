"""What a run ended in: energy, gradient, curvature along the gradient, and test results of a network."""

from __future__ import annotations

import numpy as np

from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable
from spinnet.probes.base import EndpointProbe, gradient_norm, on_finite_rows
from spinnet.records import Variable, Variables

_OFFERED = {
    "train_loss": ("energy", "mean loss of the training patterns, without weight decay"),
    "train_accuracy": ("1", "share of training patterns that are classified correctly"),
    "test_loss": ("energy", "mean loss of the test patterns, without weight decay"),
    "test_accuracy": ("1", "share of test patterns that are classified correctly"),
}


class FinalProbe(EndpointProbe):
    """End-point statistics.

    ``gradient_curvature`` is |∇²H g|/|g| with the tangent gradient g and the Riemannian Hessian. Close to a critical
    point g lies along soft but not flat directions; where this number is small next to the spectrum while |g| is
    small too, the point is a flat shoulder and no critical point.
    Results on test patterns are recorded where the landscape offers them.
    """

    requires = (Differentiable,)
    needs_hvp = True

    def measure(self, landscape: Differentiable, x: np.ndarray, rng: np.random.Generator) -> Variables:
        energy, norm, curvature = on_finite_rows(
            landscape,
            x,
            landscape.energy,
            lambda rows: gradient_norm(landscape, rows),
            lambda rows: _gradient_curvature(landscape, rows),
        )
        unit = landscape.units.unit
        found = {
            "energy": Variable(energy, ("replica",), "energy", "extensive energy"),
            "energy_density": Variable(energy / landscape.units.n_units, ("replica",), "energy", f"energy per {unit}"),
            "gradient_norm": Variable(norm, ("replica",), "energy", f"norm of the tangent gradient per root {unit}"),
            "gradient_curvature": Variable(
                curvature, ("replica",), "energy", "norm of Hessian times gradient over norm of gradient"
            ),
        }
        for name, (units, description) in _OFFERED.items():
            measure = getattr(landscape, name, None)
            if measure is None:
                continue
            try:
                (values,) = on_finite_rows(landscape, x, measure)
            except InputError:  # a data set without a test part, or without classes
                continue
            found[name] = Variable(values, ("replica",), units, description)
        return found


def _gradient_curvature(landscape: Differentiable, x: np.ndarray) -> np.ndarray:
    gradient = landscape.riemannian_gradient(x)
    length = np.linalg.norm(gradient, axis=1)
    direction = gradient / np.where(length > 0, length, 1.0)[:, None]
    return np.where(length > 0, np.linalg.norm(landscape.riemannian_hvp(x, direction), axis=1), np.nan)
