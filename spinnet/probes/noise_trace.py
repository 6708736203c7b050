"""Strength of the gradient noise along a trajectory."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.base import SumOfTerms
from spinnet.probes.base import TrajectoryProbe, on_finite_rows
from spinnet.probes.pattern_gradients import noise_moments
from spinnet.records import Variable, Variables


class NoiseTraceProbe(TrajectoryProbe):
    """tr C of the gradients of single patterns, and |∇L|² of the mean loss L = E/P, at every scheduled time.

    A step of SGD at rate η with batches of B patterns moves by η²(|∇L|² + tr C/B) in the square, on average: the
    running sum of η² tr C/B is the clock of the noise, in which free diffusion has no age.
    """

    requires = (SumOfTerms,)

    def measure(self, landscape: SumOfTerms, x: np.ndarray) -> Variables:
        def both(rows: np.ndarray) -> np.ndarray:
            moments = noise_moments(landscape, rows)
            return np.stack([moments.trace, moments.gradient_square], axis=1)

        lost = ~np.isfinite(x).all(axis=1)
        (found,) = on_finite_rows(landscape, x, both)
        found[lost] = np.nan
        return {
            "noise_trace": Variable(found[:, 0], ("replica",), "energy^2", "trace of the covariance of the gradients "
                                    "of single patterns"),
            "gradient_square": Variable(found[:, 1], ("replica",), "energy^2", "|gradient of the mean loss|^2"),
        }  # fmt: skip
