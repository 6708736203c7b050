"""Which of two wells a configuration belongs to."""

from __future__ import annotations

import numpy as np

from spinnet.landscapes.two_wells import TwoWells
from spinnet.probes.base import TrajectoryProbe, on_finite_rows
from spinnet.records import Variable, Variables


class WellShareProbe(TrajectoryProbe):
    """The part of each configuration that belongs to the wide well; in equilibrium its mean is that well's mass."""

    requires = (TwoWells,)

    def measure(self, landscape: TwoWells, x: np.ndarray) -> Variables:
        (share,) = on_finite_rows(landscape, x, landscape.wide_share)
        return {"wide_share": Variable(share, ("replica",), "1", "part that belongs to the wide well, 0 to 1")}
