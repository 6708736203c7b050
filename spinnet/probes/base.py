"""What a probe is: a pure measurement that draws from its own stream and never changes a trajectory."""

from __future__ import annotations

from abc import ABC, abstractmethod
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
