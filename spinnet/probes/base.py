"""What a probe is: a pure measurement that draws from its own stream and never changes a trajectory.

Rows that are not finite (diverged replicas) are measured as NaN, by :func:`on_finite_rows` or by skipping them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np

from spinnet.configurable import Configurable
from spinnet.landscapes.base import Landscape
from spinnet.records import Variables


class Probe(Configurable, ABC):
    """What every probe states."""

    #: Raised whenever the bits of a measurement change; part of a task's identity.
    revision: ClassVar[int] = 1
    #: Capabilities of the landscape, checked before a run.
    requires: ClassVar[tuple[type, ...]] = ()
    #: Whether it multiplies by the Hessian.
    needs_hvp: ClassVar[bool] = False


class TrajectoryProbe(Probe):
    """Measured at every scheduled time; one number or row per replica."""

    @abstractmethod
    def measure(self, landscape: Landscape, x: np.ndarray) -> Variables:
        """Measure the block ``x`` (replicas, n): variables whose first dimension is "replica"."""


class EndpointProbe(Probe):
    """Measured once, on the final configurations."""

    @abstractmethod
    def measure(self, landscape: Landscape, x: np.ndarray, rng: np.random.Generator) -> Variables:
        """Measure the block ``x`` (replicas, n): variables whose first dimension is "replica"."""


def on_finite_rows(
    landscape: Landscape, x: np.ndarray, *measures: Callable[[np.ndarray], np.ndarray]
) -> list[np.ndarray]:
    """Each measure of the block ``x``, one number per row, NaN for the rows of ``x`` that are not finite.

    The block keeps its size, with some point of the space in place of the rows that are nowhere: the bits of the
    other rows must not depend on who diverged.
    """
    x = landscape.check(x)
    lost = ~np.isfinite(x).all(axis=1)
    if lost.any():
        x = np.where(lost[:, None], landscape.space.retract(np.ones_like(x)), x)
    with np.errstate(all="ignore"):
        values = [np.array(measure(x), dtype=np.float64) for measure in measures]
    for value in values:
        value[lost] = np.nan
    return values


def gradient_norm(landscape, x: np.ndarray) -> np.ndarray:
    """|∇H|/√n_units per row, with the tangent gradient: N^{−1/2}|P∇H| for a glass of N spins."""
    gradient = landscape.riemannian_gradient(x)
    return np.sqrt(np.einsum("ri,ri->r", gradient, gradient) / landscape.units.n_units)
