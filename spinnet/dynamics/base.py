"""What a dynamics is: a complete state, and a rule that advances it.

``init`` makes the state, ``advance(landscape, state, n)`` makes n elementary steps for the whole block of replicas
and returns a new state. A state is a NamedTuple of plain arrays: a checkpoint is the state, and any splitting of
n gives the same bits. A dynamics never looks at a measuring schedule: :meth:`Dynamics.configuration` tells where
every replica was at a given time, by dense output where steps are adaptive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import numpy as np

from spinnet.configurable import Configurable
from spinnet.landscapes.base import Landscape


class Dynamics(Configurable, ABC):
    """The contract. Final classes are small and live one per file."""

    #: Raised whenever the bits of a trajectory change; part of a task's identity.
    revision: ClassVar[int] = 1
    #: Capabilities of the landscape, checked before a run by ``landscapes.base.require``.
    requires: ClassVar[tuple[type, ...]] = ()
    #: What one unit of time is, in words: "gradient-flow time", "steps".
    time_unit: ClassVar[str] = "steps"
    #: The NamedTuple of arrays that holds the state.
    State: ClassVar[type[NamedTuple]]

    @abstractmethod
    def init(self, landscape: Landscape, x: np.ndarray, keys: np.ndarray) -> Any:
        """The state at time zero. ``keys`` holds one uint64 per replica: the dynamics' own source of noise."""

    @abstractmethod
    def advance(self, landscape: Landscape, state: Any, n: int) -> Any:
        """Make ``n`` elementary steps."""

    @abstractmethod
    def time(self, state: Any) -> np.ndarray:
        """The time that each replica has reached, shape ``(replicas,)``."""

    @abstractmethod
    def configuration(self, landscape: Landscape, state: Any, times: np.ndarray) -> np.ndarray:
        """Where each replica is at ``times`` (replicas,), within the last elementary step: ``(replicas, n)``."""

    @abstractmethod
    def steps_until(self, state: Any, time: float) -> int:
        """How many elementary steps can be made at once before a replica may pass ``time``; at least 1."""
