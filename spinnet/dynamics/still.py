"""No dynamics: configurations stay where they start, for what is measured on the landscape itself."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from spinnet.dynamics.base import SteppedDynamics
from spinnet.landscapes.base import Landscape


class StillState(NamedTuple):
    """Everything there is to know; the first axis is the replica."""

    x: np.ndarray  # (replicas, n)
    steps: np.ndarray  # (replicas,), int64
    diverged: np.ndarray  # (replicas,), bool


class Still(SteppedDynamics):
    """Nothing moves.

    For studies whose probes measure a landscape and not a trajectory: all levels of one sample (``thermodynamics``),
    the covariance of a network's energy (``data_covariance``), energies of uniform configurations. A schedule is needed
    all the same; ``kind = "linear", every = 1, last = 1`` is the shortest.
    """

    State = StillState

    def flow_time(self, landscape: Landscape) -> float:
        """NaN: no time passes."""
        return math.nan

    def init(self, landscape: Landscape, x: np.ndarray, keys: np.ndarray) -> StillState:
        x = landscape.check(x)
        return StillState(np.array(x), np.zeros(len(x), np.int64), np.zeros(len(x), dtype=bool))

    def advance(self, landscape: Landscape, state: StillState, n: int) -> StillState:
        return state._replace(steps=state.steps + n)
