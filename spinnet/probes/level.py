"""Which level a walk is in: the raw material of two-time probabilities."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.indexed_levels import IndexedLevels
from spinnet.probes.base import TrajectoryProbe
from spinnet.records import Variable, Variables


class LevelProbe(TrajectoryProbe):
    """The number of the level at each time, int64 (numbers from 2⁶³ on, of 64 spins, are stored less 2⁶⁴).

    Two times at which the numbers agree give Π(t_w + t, t_w), the probability to be found in the same level.
    """

    requires = (IndexedLevels,)

    def measure(self, landscape: IndexedLevels, x: np.ndarray) -> Variables:
        index = landscape.index_of(x).view(np.int64)
        return {"level": Variable(index, ("replica",), "1", "number of the level, bit i set where spin i is -1")}
